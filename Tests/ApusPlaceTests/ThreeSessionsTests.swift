import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Rows C1 to C9 together: the real claude in three components of one repository.
@Suite struct ThreeSessionsTests {
  @Test func `three real sessions edit, sync and merge one after another, one of them through a conflict`() async throws
  {
    let settings = """
      {"components": {"server": "server/", "ui": "ui/", "docs": "docs/"}, "test": "test -e shared.txt"}
      """
    try await TestHome.withRepository(agent: Checkout.claude, settings: settings, slots: 3) { home in
      let work = [("api", "server"), ("page", "ui"), ("guide", "docs")]
      for (name, component) in work {
        let prompt =
          "edit \(component)/new.txt: \(name) then bash: printf 'one\\n\(name)\\nthree\\n' > shared.txt then say: done"
        let prompted = name == "guide" ? "edit docs/new.txt: guide then say: done" : prompt
        let made = try await home.session(
          "new", name, "--component", component, "--permission-mode", "bypassPermissions", "--prompt", prompted,
          "--wait")
        #expect(made.result == "done")
        #expect(made.dirty == true)
      }
      let rows: [SessionObject] = try await home.json("list")
      #expect(Set(rows.flatMap { $0.ports.values }).count == 3)
      // What is not committed yet would conflict already.
      let before: ConflictsReply = try await home.json("conflicts")
      #expect(before.conflicts.map(\.files) == [["shared.txt"]])
      #expect(Set(before.conflicts.flatMap(\.between)) == ["api", "page"])
      #expect(rows.first { $0.name == "api" }?.outside == ["shared.txt"])

      for (name, _) in work {
        let done = try await home.session(
          "send", name, "bash: git add -A && git commit -q -m 'work of \(name)' then say: committed", "--wait")
        #expect(done.result == "committed")
      }
      for name in ["guide", "api"] {
        let merged: BranchReply = try await home.json("merge", name)
        #expect(merged.tests?.passed == true)
      }
      let (refused, code) = try await home.failure("merge", "page")
      #expect(code == 4)
      #expect(refused.code == .workConflict)
      #expect(refused.summary.contains("shared.txt"))
      // The session itself resolves it and goes on, in the middle of its turn.
      let solved = try await home.session(
        "send", "page",
        "bash: printf 'one\\nboth\\nthree\\n' > shared.txt && git add shared.txt && apus sync page --continue then say: solved",
        "--wait")
      #expect(solved.result == "solved")
      let last: BranchReply = try await home.json("merge", "page")
      #expect(last.commit == (await home.git("rev-parse", "main")))

      #expect(
        await home.git("log", "--format=%s", "--reverse", "main") == "first\nwork of guide\nwork of api\nwork of page")
      #expect(await home.git("show", "main:shared.txt") == "one\nboth\nthree")
      for (name, component) in work { #expect(await home.git("show", "main:\(component)/new.txt") == name) }
      #expect(await home.git("status", "--porcelain").isEmpty)
      #expect(TestHome.text(home.work + "/shared.txt") == "one\nboth\nthree\n")
      for (name, _) in work {
        #expect(await home.apus("remove", name, "--stop").status == 0)
      }
      #expect(await home.git("worktree", "list").split(separator: "\n").count == 1)
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
    }
  }

  @Test func `the agent is told of its place, and of a file that is not its own`() async throws {
    try await TestHome.withRepository(agent: Checkout.claude) { home in
      _ = try await home.session(
        "new", "neighbour", "--component", "ui", extra: ["APUS_CLAUDE": Checkout.scriptedAgent])
      let made = try await home.session(
        "new", "api", "--component", "server", "--permission-mode", "bypassPermissions", "--prompt",
        "edit server/x.txt: x then edit ui/y.txt: y then say: done", "--wait")
      let transcript = TestHome.text(try #require(made.verdict.path))
      #expect(transcript.contains("ui/y.txt is outside your component server"))
      #expect(transcript.contains("neighbour works there"))
      #expect(!transcript.contains("server/x.txt is outside"))
      let arguments = TestHome.text("/proc/\(try #require(made.pid))/cmdline")
      for told in [
        "Your branch is \(try #require(made.branch))", "server/", "PORT=\(try #require(made.ports["PORT"]))",
        "neighbour on",
      ] {
        #expect(arguments.contains(told), "\(told)")
      }
    }
  }
}
