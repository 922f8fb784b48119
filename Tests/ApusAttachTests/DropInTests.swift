import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row F11: what `apus-claude` gives that `claude` does not.
@Suite struct DropInTests {
  private func only(_ home: TestHome) async throws -> SessionObject {
    var all: [SessionObject] = []
    let isThere = await eventually(seconds: 30) {
      let listed = await home.apus("list", "--json")
      all = (try? JSONText.decode([SessionObject].self, from: Array(listed.output.utf8))) ?? []
      return all.count == 1
    }
    try #require(isThere, "\(all.count) sessions")
    return try await home.session("show", all[0].id)
  }

  @Test func `a terminal that closes loses nothing, and resume or continue attach to the run that lives`() async throws
  {
    try await TestHome.with { home in
      home.onboard()
      try await Pane.with(home) { pane in
        await pane.enter("apus-claude --permission-mode manual")
        try await pane.see("manual mode on")
        await pane.type("say: said before")
        try await pane.see("say: said before")
        await pane.press("Enter")
        try await pane.see("● said before")
      }
      let made = try await only(home)
      let agent = try #require(made.agentMark)
      #expect(made.terminal && made.state == .running)
      for words in ["--resume \(made.conversationID)", "--continue", "-c", "-r \(made.conversationID)"] {
        try await Pane.with(home) { pane in
          await pane.enter("apus-claude \(words)")
          try await pane.see("● said before")
          try await pane.shows(made.id, of: home)
        }
        #expect(Processes.isAlive(agent))
      }
      #expect(try await only(home).run == 1, "nobody started a second process")

      // Killed, the next one is a run of the same session.
      #expect(home.kill([agent]))
      _ = try await home.session("wait", made.id, "--for", "ended")
      try await Pane.with(home) { pane in
        await pane.enter("apus-claude --resume \(made.conversationID) --permission-mode manual; echo code $?")
        try await pane.see("● said before")
        try await pane.see("manual mode on")
        let again = try await only(home)
        #expect(again.id == made.id && again.run == 2 && again.conversationID == made.conversationID)
        await pane.press("C-d")
        await pane.press("C-d")
        try await pane.see("code 0")
      }
    }
  }

  @Test func `the program that is found is the real one, however often ours stands before it`() async throws {
    try await TestHome.withTerminals { home in
      let one = home.root + "/one"
      let two = home.root + "/two"
      for directory in [one, two] { Disk.makeDirectory(directory) }
      symlink(Checkout.programs + "/apus-claude", one + "/claude")
      Disk.write("#!/bin/sh\nexec '\(Checkout.programs)/apus' claude \"$@\"\n", to: two + "/claude", mode: 0o700)
      let extra = ["PATH": "\(one):\(two):/usr/bin:/bin", "APUS_CLAUDE": ""]
      let missing = await home.shell("claude --version", extra: extra)
      #expect(missing.status == 5 && missing.errors.contains("error: there is no `claude` in PATH"), "\(missing)")
      let real = home.root + "/real"
      Disk.makeDirectory(real)
      symlink(Checkout.terminalAgent, real + "/claude")
      let found = await home.shell(
        "claude --version", extra: ["PATH": "\(one):\(two):\(real):/usr/bin:/bin", "APUS_CLAUDE": ""])
      #expect(found.status == 0 && found.output == "2.1.329 (Claude Code)\n", "\(found)")
    }
  }

  @Test func `where nothing can be kept, claude runs all the same and it is said`() async throws {
    try await TestHome.withTerminals { home in
      let taken = home.root + "/taken"
      Disk.write("no directory", to: taken)
      try await Pane.with(home, extra: ["APUS_HOME": taken]) { pane in
        await pane.enter("apus-claude; echo code $?")
        try await pane.see("apus: not kept: ")
        await pane.enter("exit 9")
        try await pane.see("code 9")
      }
    }
  }

  @Test func `Ctrl-Z stops both, and the shell has its terminal; both go on together`() async throws {
    try await TestHome.withTerminals { home in
      let stopper = home.program(
        "stopper",
        """
        #!/usr/bin/python3
        import os, signal, sys, tty
        tty.setcbreak(0)
        print("\\x1b[?1049h\\x1b[?2004hstarted", end="", flush=True)
        while True:
            key = sys.stdin.read(1)
            if key == "z":
                print("\\x1b[?2004l\\x1b[?1049l", end="", flush=True)
                os.kill(os.getpid(), signal.SIGSTOP)
                print("\\x1b[?1049h\\x1b[2J\\x1b[Hback again", end="", flush=True)
            elif key == "q":
                sys.exit(4)
        """)
      try await Pane.with(home, extra: ["TERMINAL_AGENT": stopper, "APUS_CLAUDE": Checkout.terminalAgent]) { pane in
        await pane.enter("apus-claude; echo code $?")
        try await pane.see("started")
        await pane.type("z")
        try await pane.see("Stopped")
        await pane.isPlain()
        await pane.enter("clear; fg; echo code $?")
        try await pane.see("back again")
        await pane.type("q")
        try await pane.see("code 4")
        await pane.isPlain()
      }
    }
  }
}
