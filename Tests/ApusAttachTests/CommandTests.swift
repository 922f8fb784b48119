import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// `attach`, `screen`, `type`, `size`: what they say, and what they refuse.
@Suite struct TerminalCommandTests {
  @Test func `a screen is text, colours or an object, and of an ended run what it showed last`() async throws {
    try await TestHome.withTerminals { home in
      _ = try await home.terminal("t", columns: 40, rows: 10)
      await home.enter("t", #"printf '\033]2;my title\007\033[31mred\033[0m 漢字\n'"#)
      try await home.see("t", "\nred 漢字")
      let text = await home.apus("screen", "t")
      #expect(text.status == 0 && !text.output.contains("\u{1B}"))
      let coloured = await home.apus("screen", "t", "--ansi").output
      #expect(coloured.contains("31mred\u{1B}[0m"), "\(Array(coloured.utf8))")
      let object = try await home.json("screen", "t")
      #expect(object["columns"]?.integer == 40 && object["rows"]?.integer == 10)
      #expect(object["title"]?.string == "my title" && object["alternate"]?.bool == false)
      let lines = (object["lines"]?.array ?? []).compactMap(\.string)
      #expect(lines.count == 10)
      let row = try #require(lines.firstIndex(of: "red 漢字"))
      #expect(object["row"]?.integer == Int64(row + 1) && object["column"]?.integer == 2)

      await home.enter("t", "exit 3")
      let ended = try await home.session("wait", "t", "--for", "ended")
      #expect(ended.ending == .exit(3))
      #expect(await home.screen("t").contains("red 漢字"))
      for arguments in [["attach", "t"], ["type", "t", "x"], ["size", "t"]] {
        let refused = await home.run(arguments)
        #expect(refused.status != 0, "\(arguments)")
      }
    }
  }

  @Test func `keys have names, text comes from standard input, and each key is one of its own`() async throws {
    try await TestHome.withTerminals { home in
      let echo = home.program(
        "echo-keys",
        """
        #!/usr/bin/python3
        import os, tty
        tty.setraw(0)
        os.write(1, b"ready\\r\\n")
        while True:
            piece = os.read(0, 65536)
            os.write(1, b"[" + b" ".join(b"%02x" % byte for byte in piece) + b"]\\r\\n")
        """)
      _ = try await home.terminal("t", echo, columns: 120)
      try await home.see("t", "ready")
      await home.type("t", "héllo", keys: ["up", "escape", "ctrl-c", "page-down", "shift-tab"])
      try await home.see("t", "[68 c3 a9 6c 6c 6f]\n[1b 5b 41]\n[1b]\n[03]\n[1b 5b 36 7e]\n[1b 5b 5a]")
      let piped = await home.apus("type", "t", "-", "--enter", input: "from a pipe")
      #expect(piped.status == 0, "\(piped.errors)")
      try await home.see("t", "[66 72 6f 6d 20 61 20 70 69 70 65]\n[0d]")
      for wrong in [["type", "t"], ["type", "t", "--key", "nokey"], ["size", "t", "0x5"], ["size", "t", "80"]] {
        let refused = await home.run(wrong)
        #expect(refused.status == 2 && refused.errors.contains("hint: "), "\(wrong) \(refused)")
      }
    }
  }

  @Test func `a megabyte that is typed arrives to the byte`() async throws {
    try await TestHome.withTerminals { home in
      _ = try await home.terminal(
        "t", "sh -c 'stty raw -echo; echo ready; head -c 1000000 | sha256sum; cat'")
      try await home.see("t", "ready")
      var seed: UInt64 = 7
      let text = String(
        decoding: (0..<1_000_000).map { _ -> UInt8 in
          seed = seed &* 6_364_136_223_846_793_005 &+ 1
          return 97 + UInt8((seed >> 33) % 26)
        }, as: UTF8.self)
      Disk.write(text, to: home.work + "/text")
      let sum = await home.shell("sha256sum < text").output.prefix(64)
      let typed = await home.apus("type", "t", "-", input: text)
      #expect(typed.status == 0, "\(typed.errors)")
      try await home.see("t", String(sum))
    }
  }

  @Test func `what cannot be attached to is refused with what to do instead`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "plain")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach plain; echo status $?")
        try await pane.see("error: plain (")
        let seen = await pane.screen()
        #expect(seen.contains("runs without a terminal") && seen.contains("apus logs -f plain"), "\(seen)")
        try await pane.see("status 4")
        await pane.enter("clear; apus attach nobody; echo status $?")
        try await pane.see("status 3")
        _ = try await home.session("stop", "plain")
        await pane.enter("clear; apus new x --attach; echo status $?")
        try await pane.see("status 2")
      }
      let piped = await home.apus("attach", "plain")
      #expect(piped.status == 2 && piped.errors.contains("there is no terminal here to attach"), "\(piped)")
    }
  }
}
