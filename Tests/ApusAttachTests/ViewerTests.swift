import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B1: viewers come and go, in whatever way, and the agent does not notice.
@Suite struct ViewerTests {
  /// Draws on the alternate screen with colours, wide characters, a title, mouse and pasting; then echoes what it reads.
  private static let painter = """
    #!/usr/bin/python3
    import sys, termios, tty
    out = sys.stdout
    tty.setraw(0)
    out.write("on the main screen\\r\\n\\x1b]2;a painted title\\x07\\x1b[?1049h\\x1b[?1000h\\x1b[?1006h\\x1b[?2004h\\x1b[?1004h")
    out.write("\\x1b[2J\\x1b[3;5H\\x1b[1;38;5;202mbright\\x1b[0m 漢字 \\x1b[7mturned\\x1b[0m\\x1b[10;20Hlast")
    out.flush()
    while True:
        key = sys.stdin.read(1)
        if key == "q": break
        out.write(key if key.isprintable() else "<%d>" % ord(key))
        out.flush()
    """

  private func painted(_ home: TestHome) async throws -> SessionObject {
    let made = try await home.terminal("t", home.program("painter", Self.painter))
    try await home.see("t", "last")
    return made
  }

  /// The device of the terminal is again as a shell has it.
  private func isUsable(_ pane: Pane, _ home: TestHome) async {
    await pane.isPlain()
    let settings = await pane.ask("stty -a </dev/tty", home) ?? "nothing"
    #expect(
      settings.contains("isig icanon iexten echo "), "\(settings)")
  }

  @Test func `attaching shows the screen as it is, and detaching leaves nothing of it`() async throws {
    try await TestHome.withTerminals { home in
      _ = try await painted(home)
      try await Pane.with(home) { pane in
        await pane.enter("echo before; apus attach t")
        try await pane.see("bright 漢字 turned")
        try await pane.shows("t", of: home)
        let picture = await pane.picture()
        // Alternate screen, mouse in SGR form; the title; the cursor behind the last word.
        #expect(picture.facts.contains("alternate=1 mouse=1001 shown=1 cursor=23,9"), "\(picture)")
        #expect(picture.facts.hasSuffix("title=a painted title"))
        #expect(picture.lines[2].contains("38;5;202"), "\(picture)")
        await pane.type("xy")
        try await pane.see("lastxy")
        await pane.press("C-\\", "d")
        try await pane.see("detached from t")
        await isUsable(pane, home)
        // What was on the person's screen is where their terminal keeps what scrolled away.
        #expect(await pane.tmux("capture-pane", "-p", "-S", "-").output.contains("\nbefore\n"))
        #expect(await pane.fact("#{pane_title}") != "a painted title")
      }
    }
  }

  @Test func `a viewer that is killed leaves a terminal that can be used, and an agent that goes on`() async throws {
    try await TestHome.withTerminals { home in
      let made = try await painted(home)
      try await Pane.with(home) { pane in
        for round in 1...3 {
          await pane.enter("apus attach t")
          try await pane.see("bright 漢字 turned")
          #expect(home.kill([try await pane.job()]))
          await isUsable(pane, home)
          #expect(await pane.ask("echo round \(round)", home) == "round \(round)\n")
        }
        await pane.enter("apus attach t")
        try await pane.shows("t", of: home)
        #expect(Processes.isAlive(try #require(made.agentMark)))
      }
    }
  }

  @Test func `a viewer killed in the middle of what is written takes nobody along`() async throws {
    try await TestHome.withTerminals { home in
      // Sequences without end, so that most moments lie in one.
      let noise = home.program(
        "noise",
        """
        #!/usr/bin/python3
        import os, select, sys
        n = 0
        os.write(1, b"\\x1b[?1049h\\x1b[?1003h")
        while not os.path.exists("\(home.root)/enough"):
            n += 1
            os.write(1, b"\\x1b[%d;%dH\\x1b[38;2;%d;%d;%dm\\x1b]2;title %d\\x07%d" % (n % 24 + 1, n % 70 + 1, n % 256, n % 7, n % 99, n, n))
            if n % 20 == 0: select.select([], [], [], 0.001)
        os.write(1, b"\\x1b[0m\\x1b[2J\\x1b[Hcounted to %d" % n)
        sys.stdin.read()
        """)
      let made = try await home.terminal("t", noise)
      try await Pane.with(home) { pane in
        for _ in 1...6 {
          await pane.enter("apus attach t")
          #expect(await eventually { await pane.fact("#{alternate_on}") == "1" })
          #expect(home.kill([try await pane.job()]))
          await isUsable(pane, home)
        }
        Disk.write("", to: home.root + "/enough")
        try await home.see("t", "counted to ")
        await pane.enter("apus attach t")
        try await pane.shows("t", of: home)
        #expect(Processes.isAlive(try #require(made.agentMark)))
      }
    }
  }

  @Test func `a terminal that is closed takes only its viewer along`() async throws {
    try await TestHome.withTerminals { home in
      let made = try await painted(home)
      let viewer = try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("bright 漢字 turned")
        return try await pane.job()
      }
      #expect(ended(viewer.pid, start: viewer.start))
      #expect(Processes.isAlive(try #require(made.agentMark)))
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("bright 漢字 turned")
        try await pane.shows("t", of: home)
      }
    }
  }

  @Test func `a viewer that stops reading holds nobody up, and sees what is when it goes on`() async throws {
    try await TestHome.withTerminals { home in
      let made = try await home.terminal("t")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("$")
        let viewer = try await pane.job()
        Processes.signal(viewer, SIGSTOP)
        // More than any buffer between them holds.
        await home.enter(
          "t", "yes 'a line of some length, as programs write them' | head -c 60000000; echo all is written")
        try await home.see("t", "all is written", seconds: 120)
        #expect(home.recorded(made) > 60_000_000)
        // Its keeper has let go of it meanwhile; it comes back.
        await pane.enter("fg")
        try await pane.see("all is written", seconds: 60)
        await pane.type("exit 7")
        try await home.see("t", "exit 7")
        await pane.press("Enter")
        try await pane.see("ended: exit code 7")
        await isUsable(pane, home)
      }
    }
  }

  @Test func `of two one leads and the other watches, and the lead is taken`() async throws {
    try await TestHome.withTerminals(extra: TestHome.lastingNotices) { home in
      _ = try await home.terminal("t")
      try await Pane.with(home, columns: 90, rows: 25) { first in
        try await Pane.with(home, columns: 70, rows: 20) { second in
          await first.enter("apus attach t")
          try await first.see("attached to t")
          #expect(await eventually { await home.apus("size", "t").output == "90x25\n" })
          await second.enter("apus attach t")
          try await second.see("attached to t")
          // Who comes later watches: its keys are nobody's, its size neither.
          await second.type("echo from the second")
          await first.type("echo from the first")
          try await first.see("echo from the first")
          try await second.see("echo from the first")
          await first.press("Enter")
          try await home.see("t", "\nfrom the first")
          #expect(await !home.screen("t").contains("second"))
          #expect(await home.apus("size", "t").output == "90x25\n")

          await second.press("C-\\", "l")
          try await second.see("you lead now")
          try await first.see("another leads now; you watch")
          #expect(await eventually { await home.apus("size", "t").output == "70x20\n" })
          await first.type("nobody hears this")
          await second.type("echo now the second")
          await second.press("Enter")
          try await home.see("t", "\nnow the second")
          try await first.see("now the second")
          #expect(await !home.screen("t").contains("nobody"))

          // When the lead goes, the one that is left has it again, with its size.
          await second.press("C-\\", "d")
          try await second.see("detached from t")
          try await first.see("you lead now")
          #expect(await eventually { await home.apus("size", "t").output == "90x25\n" })
          await first.type("echo the first again")
          await first.press("Enter")
          try await home.see("t", "\nthe first again")
          try await first.see("the first again")
        }
      }
    }
  }

  @Test func `who only reads never types, and cannot lead`() async throws {
    try await TestHome.withTerminals(extra: TestHome.lastingNotices) { home in
      _ = try await home.terminal("t")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t --read-only")
        try await pane.see("watching t")
        await pane.type("echo typed")
        await pane.press("C-\\", "l")
        await pane.type("echo typed")
        await home.enter("t", "echo by a program")
        try await pane.see("by a program")
        #expect(await !home.screen("t").contains("typed"))
        #expect(await home.apus("size", "t").output == "80x24\n")
        await pane.press("C-\\", "d")
        try await pane.see("detached from t")
      }
    }
  }

  @Test func `Ctrl-S at a viewer stops nothing`() async throws {
    try await TestHome.withTerminals(extra: TestHome.lastingNotices) { home in
      _ = try await home.terminal("t", "sh -c 'while read line; do seq 1 20000; echo heard a line; done'")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("attached to t")
        await pane.press("C-s", "Enter")
        try await pane.see("heard a line")
        try await home.see("t", "heard a line")
      }
    }
  }

  @Test func `a notice goes away by itself, and what it covered is there again`() async throws {
    try await TestHome.withTerminals(extra: ["APUS_NOTICE_SECONDS": "0.5"]) { home in
      _ = try await home.terminal("t", "sh -c 'seq 1 40; cat'")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("\n40\n")
        #expect(await eventually { await !pane.screen().contains("attached to") })
        #expect(await pane.screen().contains("\n39\n40\n"))
      }
    }
  }

  @Test func `the keys that detach are a setting, and what they are made of can still be typed`() async throws {
    try await TestHome.withTerminals(extra: ["APUS_NOTICE_SECONDS": "40", "APUS_DETACH_KEYS": "ctrl-] x"]) { home in
      _ = try await home.terminal("t", home.program("painter", Self.painter))
      try await home.see("t", "last")
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("Ctrl-] x detaches")
        await pane.press("C-]", "C-]", "C-]", "a", "C-\\", "d")
        // Twice is once; with any other key both are the agent's; the usual keys are no longer ours.
        try await home.see("t", "last<29><29>a<28>d")
        await pane.press("C-]", "x")
        try await pane.see("detached from t")
      }
    }
  }

  @Test func `a daemon that is gone or hangs keeps nobody from an agent`() async throws {
    try await TestHome.withTerminals { home in
      _ = try await painted(home)
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGSTOP)
      defer { Processes.signal(daemon, SIGCONT) }
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("bright 漢字 turned")
        await pane.type("z")
        try await pane.see("lastz")
        #expect(await home.screen("t").contains("lastz"))
      }
      Processes.signal(daemon, SIGCONT)
      #expect(home.kill([daemon]))
      try await Pane.with(home) { pane in
        await pane.enter("apus attach t")
        try await pane.see("lastz")
      }
    }
  }
}
