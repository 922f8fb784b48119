import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C8: `apus pr`.
@Suite struct PullRequestTests {
  /// A program in the place of `gh` that keeps what it was told.
  private func withTool<T: Sendable>(_ body: (TestHome, String) async throws -> T) async throws -> T {
    try await TestHome.withRepository { home in
      let tools = home.root + "/tools"
      Disk.makeDirectory(tools)
      Disk.write(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" > \(home.root)/gh.arguments\ncat > \(home.root)/gh.text\necho https://example.org/pull/7\n",
        to: tools + "/gh", mode: 0o755)
      await home.git("clone", "--quiet", "--bare", home.work, home.root + "/origin.git")
      await home.git("remote", "add", "origin", home.root + "/origin.git")
      let path = tools + ":" + (home.environment["PATH"] ?? "")
      let made = try await home.session("new", "a", "--issue", "slow start", extra: ["PATH": path])
      return try await body(home, try #require(made.worktree))
    }
  }

  @Test func `a branch is pushed, and the request says what the work log and the commits say`() async throws {
    try await withTool { home, directory in
      let commit = await home.commit("server/a1.txt", "a\n", in: directory, message: "Start faster")
      let done: BranchReply = try await home.json("pr", "a", "--draft")
      #expect(done.url == "https://example.org/pull/7")
      #expect(await home.git("rev-parse", done.branch, directory: home.root + "/origin.git") == commit)
      let arguments = TestHome.text(home.root + "/gh.arguments").split(separator: "\n").map(String.init)
      #expect(
        arguments == [
          "pr", "create", "--head", done.branch, "--base", "main", "--title", "Start faster", "--body-file", "-",
          "--draft",
        ])
      #expect(TestHome.text(home.root + "/gh.text").contains("- Start faster"))
      #expect(TestHome.text(home.work + "/WORK_LOG.md").contains("- **Status**: NEEDS REVIEW"))
      // More of it goes the same way, never by force.
      let more = await home.commit("server/a2.txt", "a\n", in: directory, message: "And stop faster")
      #expect(await home.apus("pr", "a").status == 0)
      #expect(await home.git("rev-parse", done.branch, directory: home.root + "/origin.git") == more)
    }
  }

  @Test func `what others pushed there is not overwritten`() async throws {
    try await withTool { home, directory in
      await home.commit("server/a1.txt", "a\n", in: directory)
      let done: BranchReply = try await home.json("pr", "a")
      await home.git("clone", "--quiet", home.root + "/origin.git", home.root + "/other")
      await home.git("switch", "--quiet", done.branch, directory: home.root + "/other")
      let theirs = await home.commit("ui/x.txt", "x\n", in: home.root + "/other")
      await home.git("push", "--quiet", directory: home.root + "/other")
      await home.commit("server/a2.txt", "a\n", in: directory)
      let (failure, code) = try await home.failure("pr", "a")
      #expect((failure.code, code) == (.workConflict, 4))
      #expect(await home.git("rev-parse", done.branch, directory: home.root + "/origin.git") == theirs)
    }
  }

  @Test func `without gh nothing is pushed`() async throws {
    try await TestHome.withRepository { home in
      await home.git("clone", "--quiet", "--bare", home.work, home.root + "/origin.git")
      await home.git("remote", "add", "origin", home.root + "/origin.git")
      let made = try await home.session("new", "a")
      await home.commit("server/a1.txt", "a\n", in: try #require(made.worktree))
      let (failure, code) = try await home.failure("pr", "a")
      #expect((failure.code, code) == (.toolMissing, 1))
      #expect(failure.summary.contains("gh"))
      #expect(await home.git("branch", "--format=%(refname:short)", directory: home.root + "/origin.git") == "main")
    }
  }
}
