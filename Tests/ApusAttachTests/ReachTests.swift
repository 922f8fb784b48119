import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What an agent's bytes may do to a person's terminal, and what the terminal's answers may do to the agent.
@Suite struct ReachTests {
  /// Says what it is told to, and shows in hexadecimal whatever is typed at it.
  private static let asker = """
    #!/usr/bin/python3
    import os, sys, tty
    tty.setraw(0)
    os.write(1, b"\\x1b]2;rm -rf everything\\x07")
    for question in (b"\\x1b[21t", b"\\x1bP$qm\\x1b\\\\", b"\\x1b]52;c;?\\x07", b"\\x05", b"\\x1b[20t", b"\\x1b[18t",
                     b"\\x1bP+q544e\\x1b\\\\", b"\\x1b[5i", b"\\x1b[4i"):
        os.write(1, question)
    os.write(1, b"asked\\r\\n")
    while True:
        piece = os.read(0, 4096)
        os.write(1, b"got " + piece.hex().encode() + b"\\r\\n")
    """

  @Test func `no question of an agent's makes a person's terminal type what the agent chose`() async throws {
    try await TestHome.withTerminals { home in
      _ = try await home.terminal("t", home.program("asker", Self.asker))
      try await home.see("t", "asked")
      try await Pane.with(home) { pane in
        await pane.tmux("set", "-s", "set-clipboard", "on")
        await pane.enter("apus attach t")
        try await pane.see("asked")
        await pane.type("a")
        // What was typed comes after all answers there could have been.
        try await home.see("t", "got 61")
        let t = await home.screen("t")
        #expect(!t.contains("got 1b"), "\(t)")
      }
      // Live as well, not only painted.
      try await Pane.with(home) { pane in
        await pane.tmux("set", "-s", "set-clipboard", "on")
        await pane.enter("TERMINAL_AGENT='\(home.root)/asker' apus new u --terminal --attach")
        try await pane.see("asked")
        await pane.type("b")
        try await home.see("u", "got 62")
        let u = await home.screen("u")
        #expect(!u.contains("got 1b"), "\(u)")
      }
    }
  }

  @Test func `what an agent copies reaches the clipboard of who sits there`() async throws {
    try await TestHome.withTerminals(extra: TestHome.lastingNotices) { home in
      _ = try await home.terminal("t")
      try await Pane.with(home) { pane in
        await pane.tmux("set", "-s", "set-clipboard", "on")
        await pane.enter("apus attach t")
        try await pane.see("attached to t")
        await home.enter("t", #"printf '\033]52;c;Y29waWVk\007'; echo copied it"#)
        try await pane.see("\ncopied it")
        #expect(await eventually { await pane.tmux("show-buffer").output == "copied" })
      }
    }
  }
}
