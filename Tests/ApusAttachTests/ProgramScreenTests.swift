import ApusCore
import ApusFrames
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// The screens of programs people know, through a keeper, beside what tmux makes of the very same bytes.
@Suite struct ProgramScreenTests {
  /// All the agent wrote that is still recorded.
  private func bytes(_ home: TestHome, _ session: SessionObject) -> [UInt8] {
    home.segments(session).flatMap { Disk.bytes(home.runDirectory(session) + "/" + RunFile.segment(from: $0.start)) }
  }

  /// Of blanks at a line's end tmux tells some and keeps others to itself.
  private func looks(_ text: String) -> Looks {
    var looks = Looks(text)
    for row in looks.lines.indices {
      while looks.lines[row].last?.hasPrefix(" ") == true { looks.lines[row].removeLast() }
    }
    while looks.lines.last?.isEmpty == true { looks.lines.removeLast() }
    return looks
  }

  /// What `apus screen` says is what tmux shows, to the last colour, and what somebody who attaches sees.
  private func compare(
    _ home: TestHome, _ session: SessionObject, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    await home.settle(session)
    let text = seenLines(await home.screen(session.name))
    let colours = looks(await home.apus("screen", session.name, "--ansi").output)
    try await Pane.showing(home, columns: 80, rows: 24) { pane in
      try await pane.show(bytes(home, session))
      let wanted = seenLines(await pane.screen())
      #expect(text == wanted, "apus:\n\(text)\ntmux:\n\(wanted)", sourceLocation: sourceLocation)
      let seen = looks(await pane.colours())
      #expect(colours == seen, "\(colours.difference(seen))", sourceLocation: sourceLocation)
    }
    try await Pane.with(home, columns: 80, rows: 24) { pane in
      await pane.enter("apus attach \(session.name)")
      try await pane.shows(session.name, of: home, sourceLocation: sourceLocation)
      let seen = looks(await pane.colours())
      #expect(colours == seen, "\(colours.difference(seen))", sourceLocation: sourceLocation)
    }
  }

  @Test func `vim through a keeper shows the same as in tmux`() async throws {
    try await TestHome.withTerminals { home in
      let text = (1...300).map { "int line_\($0) = \($0); /* 漢字 \(String(repeating: "x", count: $0 % 60)) */" }
      Disk.write(text.joined(separator: "\n"), to: home.work + "/a.c")
      let made = try await home.terminal(
        "t", "vim -N -u NONE -i NONE -n -c 'syntax on' -c 'set number hlsearch' a.c")
      try await home.see("t", "int line_20")
      await home.type("t", "120Gzz/line_13", keys: ["enter"])
      try await home.see("t", "int line_130")
      await home.type("t", "iwritten by hand")
      await home.type("t", keys: ["escape"])
      await home.type("t", ":split", keys: ["enter"])
      try await compare(home, made)
    }
  }

  @Test func `less through a keeper shows the same as in tmux`() async throws {
    try await TestHome.withTerminals { home in
      Disk.write((1...5000).map { "\($0) of many lines" }.joined(separator: "\n"), to: home.work + "/many")
      let made = try await home.terminal("t", "less many")
      try await home.see("t", "19 of many")
      await home.type("t", "2500G/61 of", keys: ["enter"])
      try await home.see("t", "2561 of many")
      try await compare(home, made)
      await home.type("t", "q")
      let ended = try await home.session("wait", "t", "--for", "ended")
      #expect(ended.ending == .exit(0))
    }
  }

  @Test func `htop through a keeper shows the same as in tmux`() async throws {
    try await TestHome.withTerminals { home in
      // Held while it is compared: it looks again and again. (A stopped agent its keeper would send on.)
      let made = try await home.terminal("t", "sh -c 'htop -d 100; exit $?'")
      try await home.see("t", "Load average")
      await home.type("t", keys: ["down", "down"])
      try await home.see("t", "F10Quit")
      let tree = home.tree(made)
      let htop = try #require(tree.first { TestHome.text("/proc/\($0.pid)/comm") == "htop\n" })
      Processes.signal(htop, SIGSTOP)
      try await compare(home, made)
      Processes.signal(htop, SIGCONT)
      await home.type("t", "q")
      _ = try await home.session("wait", "t", "--for", "ended")
    }
  }

  /// `APUS_SOAK=1` makes it a gigabyte.
  private static let much = getenv("APUS_SOAK") == nil ? 100 << 20 : 1 << 30

  @Test func `a hundred megabytes of yes stall nobody, stay bounded on disk, and show the same as in tmux`()
    async throws
  {
    try await TestHome.withTerminals { home in
      let made = try await home.terminal(
        "t", "sh -c 'yes \"some words of a line\" | head -c \(Self.much); printf done; exec cat'")
      try await Pane.with(home, columns: 80, rows: 24) { pane in
        await pane.enter("apus attach t")
        try await pane.see("done", seconds: 300)
        await home.settle(made)
        // Two bytes end a line on a terminal where the program wrote one.
        #expect(home.recorded(made) > UInt64(Self.much))
        #expect(await eventually(seconds: 60) { !home.keptScreens(made).isEmpty })
        #expect(home.recordedBytes(made) <= 9 * Int(RunFile.segmentBytes))
        try await pane.shows("t", of: home)
      }
      let text = seenLines(await home.screen("t"))
      try await Pane.showing(home, columns: 80, rows: 24) { pane in
        // The last of it, from the beginning of a line on: tmux takes long for all.
        let tail = bytes(home, made).suffix(1 << 20)
        try await pane.show(tail.drop { $0 != 10 }.dropFirst())
        #expect(seenLines(await pane.screen()) == text)
      }
    }
  }
}
