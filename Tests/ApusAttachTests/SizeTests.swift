import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// The size of an agent's terminal is its lead's, whatever the lead's terminal does.
@Suite struct SizeTests {
  /// Says its size whenever it is told of one, and at once.
  private static let watcher = """
    #!/usr/bin/python3
    import os, signal, sys
    def tell(*_):
        size = os.get_terminal_size()
        print("now %dx%d" % (size.columns, size.lines), flush=True)
    signal.signal(signal.SIGWINCH, tell)
    tell()
    while True: signal.pause()
    """

  @Test func `the agent has the size of the terminal it was started from, and follows its lead`() async throws {
    try await TestHome.withTerminals { home in
      let program = home.program("watcher", Self.watcher)
      try await Pane.with(home, columns: 93, rows: 27, extra: ["TERMINAL_AGENT": program]) { pane in
        await pane.enter("apus new t --terminal --attach")
        try await pane.see("now 93x27")
        await pane.resize(columns: 61, rows: 19)
        try await pane.see("now 61x19")
        await pane.resize(columns: 130, rows: 40)
        try await pane.see("now 130x40")
        try await pane.shows("t", of: home)
        #expect(try await home.json("size", "t") == .object(["columns": .integer(130), "rows": .integer(40)]))
      }
      // With nobody there it keeps its size, and a program may set it.
      #expect(await home.apus("size", "t").output == "130x40\n")
      await home.resize("t", 50, 10)
      try await home.see("t", "now 50x10")
      try await Pane.with(home, columns: 77, rows: 22) { pane in
        await pane.enter("apus attach t")
        try await pane.see("now 77x22")
      }
    }
  }

  @Test func `a storm of sizes while vim draws ends in the last one, drawn whole`() async throws {
    try await TestHome.withTerminals { home in
      Disk.write((1...400).map { "line \($0)" }.joined(separator: "\n"), to: home.work + "/lines")
      _ = try await home.terminal("t", "vim -N -u NONE -i NONE -n lines")
      try await home.see("t", "line 20")
      try await Pane.with(home, columns: 80, rows: 24) { pane in
        await pane.enter("apus attach t")
        try await pane.see("line 20")
        for n in 1...60 { await pane.resize(columns: 40 + n * 7 % 80, rows: 8 + n * 5 % 30) }
        await pane.resize(columns: 64, rows: 17)
        #expect(await eventually(seconds: 30) { await home.apus("size", "t").output == "64x17\n" })
        try await pane.see("line 15")
        try await pane.shows("t", of: home)
      }
    }
  }
}
