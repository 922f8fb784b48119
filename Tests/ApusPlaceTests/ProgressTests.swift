import ApusCore
import ApusTesting
import ApusWire
import Testing

/// What takes long says what it does, to a person at a terminal and to nobody else.
@Suite struct ProgressTests {
  private static let settings = #"{"setUp": "while [ ! -e \"$GATE\" ]; do sleep 0.05; done"}"#

  @Test func `a person sees what is being done, and then what came of it`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      try await Pane.with(home) { pane in
        await pane.enter("apus new a --set-up --env GATE=\(home.root)/gate")
        try await pane.see("setting it up: while")
        TestHome.write("", to: home.root + "/gate")
        let done = try await pane.see("idle, from")
        #expect(!done.contains("setting it up"))
        await pane.enter("clear; apus new b --env GATE=\(home.root)/gate; echo 'over and out' | tr a-z A-Z")
        #expect(!(try await pane.see("OVER AND OUT")).contains("setting it up"))
      }
    }
  }

  @Test func `a person is asked before a set-up command runs, and again when it has changed`() async throws {
    try await TestHome.withRepository(settings: #"{"setUp": "touch first"}"#) { home in
      try await Pane.with(home) { pane in
        await pane.enter("apus new a")
        try await pane.see("touch first [y/N]")
        await pane.enter("y")
        try await pane.see("idle, from")
        #expect(Disk.isThere(try await home.session("show", "a").directory + "/first"))
        await pane.enter("clear; apus new b; echo 'no question' | tr a-z A-Z")
        try await pane.see("NO QUESTION")
        TestHome.write(#"{"setUp": "touch second"}"#, to: home.work + "/.apus/config.json")
        await pane.enter("clear; apus new c")
        try await pane.see("has changed")
        await pane.enter("n")
        try await pane.see("nobody agreed to it")
        #expect(!Disk.isThere(try await home.session("show", "c").directory + "/second"))
      }
    }
  }
}
