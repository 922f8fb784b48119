import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row F10: git reads the records of all worktrees, and gives up where another git is just writing one.
@Suite struct HalfMadeWorktreeTests {
  @Test func `a worktree that somebody is just making is waited for`() async throws {
    try await TestHome.withRepository { home in
      let other = home.root + "/other"
      await home.git("worktree", "add", "--quiet", "--detach", other)
      let record = home.work + "/.git/worktrees/other/commondir"
      let whole = TestHome.text(record)
      #expect(!whole.isEmpty)
      #expect(await home.apus("up").status == 0)
      // As git leaves it between making the file and writing it.
      TestHome.write("", to: record)
      let asked = home.root + "/asked"
      let extra = home.program(first: "git", "echo \"$*\" >> \(asked); exec /usr/bin/git \"$@\"\n")
      let running = try Running(
        [Checkout.programs + "/apus", "new", "a"], environment: home.environment.merging(extra) { $1 },
        directory: home.work)
      #expect(await eventually { TestHome.text(asked).split(separator: "\n").filter { $0.contains("list") }.count > 2 })
      TestHome.write(whole, to: record)
      let outcome = try await running.finish()
      #expect(outcome.status == 0, "\(outcome.errors)")
      await running.release()
      #expect(try await home.session("show", "a").worktree != nil)
    }
  }
}
