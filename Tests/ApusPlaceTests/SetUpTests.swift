import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C6: a set-up command runs in a new worktree after a person agreed to its very text.
@Suite struct SetUpTests {
  private static let settings = #"{"setUp": "echo \"$PORT $PWD\" > set-up.log", "ports": {"PORT": 9410}}"#

  private func ran(_ made: SessionObject) throws -> String? {
    let path = try #require(made.worktree) + "/set-up.log"
    return Disk.isThere(path) ? TestHome.text(path) : nil
  }

  /// What the command of these settings writes: it runs in the worktree, with its variables.
  private func told(_ made: SessionObject) throws -> String {
    "\(try #require(made.ports["PORT"])) \(try #require(made.worktree))\n"
  }

  private func speaks(_ made: SessionObject) -> Bool {
    made.notes?.contains { $0.hasPrefix("the set-up command was not run") } == true
  }

  @Test func `without a terminal nobody is asked, and the command is not run but told`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let made = try await home.session("new", "one")
      #expect(try ran(made) == nil)
      #expect(made.notes?.contains { $0.contains("--set-up") && $0.hasSuffix("> set-up.log") } == true)
      let told = await home.apus("new", "two", input: "y\n")
      #expect(told.errors.contains("note: the set-up command was not run"), "\(told.errors)")
      let quiet = try await home.session("new", "three", "--no-set-up")
      #expect(try ran(quiet) == nil)
      #expect(!speaks(quiet))
      try await home.leavesNothing(["new", "four", "--set-up", "--no-set-up"], .usage)
    }
  }

  @Test func `who agreed once is not asked again, until its text has changed`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let one = try await home.session("new", "one", "--set-up")
      #expect(try ran(one) == told(one))
      #expect(!speaks(one))
      let two = try await home.session("new", "two")
      #expect(try ran(two) == told(two))
      #expect(try ran(try await home.session("new", "three", "--no-set-up")) == nil)
      // Another daemon knows it as well.
      #expect(await home.apus("restart").status == 0)
      #expect(try ran(try await home.session("new", "four")) != nil)

      let changed = #"{"setUp": "echo changed > set-up.log"}"#
      Disk.write(changed, to: home.work + "/.apus/config.json")
      let five = try await home.session("new", "five")
      #expect(try ran(five) == nil)
      #expect(speaks(five))
      let six = try await home.session("new", "six", "--set-up")
      #expect(try ran(six) == "changed\n")
      // It was agreed to for this text; the old one was that of another.
      Disk.write(Self.settings, to: home.work + "/.apus/config.json")
      #expect(try ran(try await home.session("new", "seven")) == nil)
    }
  }

  @Test func `agreement is for one repository`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      _ = try await home.session("new", "one", "--set-up")
      let other = home.root + "/other"
      await home.makeRepository(other, settings: Self.settings)
      let made = try await home.session("new", "two", directory: other)
      #expect(try ran(made) == nil)
      #expect(speaks(made))
    }
  }

  @Test func `at a terminal the command is shown and asked about, once for each text`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      try await Pane.with(home, columns: 120) { pane in
        await pane.enter("apus new one")
        let asked = try await pane.see("Run it in new worktrees?")
        #expect(asked.contains("> set-up.log"))
        await pane.enter("n")
        try await pane.see("the set-up command was not run")
        // The same question stands there still: what is answered is the next one.
        await pane.enter("clear")
        let isClear = await eventually { await !pane.screen().contains("Run it") }
        #expect(isClear)
        await pane.enter("apus new two")
        try await pane.see("Run it in new worktrees?")
        await pane.enter("y")
        try await pane.see("worktrees/work/two")
        await pane.enter("clear; apus new three")
        #expect(try await !pane.see("worktrees/work/three").contains("Run it"))
        Disk.write(#"{"setUp": "echo changed > set-up.log"}"#, to: home.work + "/.apus/config.json")
        await pane.enter("clear; apus new four")
        #expect(try await pane.see("has changed. Run it in new worktrees?").contains("echo changed"))
        await pane.enter("")
        try await pane.see("the set-up command was not run")
        for (name, isRun) in [("one", false), ("two", true), ("three", true), ("four", false)] {
          #expect((try ran(try await home.session("show", name)) != nil) == isRun, "\(name)")
        }
      }
    }
  }
}
