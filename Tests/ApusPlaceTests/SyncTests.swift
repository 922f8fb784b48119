import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C8: a branch is brought up to date with its base.
@Suite struct SyncTests {
  @Test func `a branch is rebased on a base that has moved`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      await home.commit("server/new.txt", "new\n", in: made.directory, message: "mine")
      let base = await home.commit("ui/base.txt", "base\n", in: home.work, message: "theirs")
      let reply: BranchReply = try await home.json("sync", "a")
      #expect(reply.steps == ["\(made.branch ?? "") is rebased on main"])
      #expect(await home.head(made.directory) == reply.commit)
      #expect(await home.git("rev-parse", "HEAD~1", directory: made.directory) == base)
      #expect(TestHome.text(made.directory + "/ui/base.txt") == "base\n")
      #expect(TestHome.text(made.directory + "/server/new.txt") == "new\n")
      #expect(await home.status(made.directory).isEmpty)
      #expect(await home.head() == base)
      let shown = try await home.session("show", "a")
      #expect(shown.behind == 0)
      #expect(shown.ahead == 1)
    }
  }

  @Test func `a branch that was pushed gets the base merged in, and its commits stay as they are`() async throws {
    try await TestHome.withRepository { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet("a")
      let branch = try #require(made.branch)
      let pushed = await home.commit("server/new.txt", "new\n", in: made.directory)
      await home.git("push", "--quiet", "origin", branch, directory: made.directory)
      let base = await home.commit("ui/base.txt", "base\n", in: home.work)
      let reply: BranchReply = try await home.json("sync", "a")
      #expect(reply.steps == ["main is merged into \(branch), which was pushed before"])
      let parents = await home.git("rev-parse", "HEAD^1", "HEAD^2", directory: made.directory)
      #expect(parents == "\(pushed)\n\(base)")
      // Nothing was pushed by it.
      #expect(await home.git("rev-parse", branch, directory: origin) == pushed)
      #expect(await home.git("rev-parse", "main", directory: origin) != base)
    }
  }

  @Test func `a base that moved on origin alone is fetched, and an origin that does not answer is said`() async throws {
    try await TestHome.withRepository { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet("a")
      await home.commit("server/new.txt", "new\n", in: made.directory)
      let other = home.root + "/other"
      await home.git("clone", "--quiet", origin, other)
      let theirs = await home.commit("ui/theirs.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", "origin", "main", directory: other)
      // What was fetched seconds ago would do: a daemon that has fetched nothing yet.
      #expect(await home.apus("restart").status == 0)
      let reply: BranchReply = try await home.json("sync", "a")
      #expect(await home.git("rev-parse", "HEAD~1", directory: made.directory) == theirs, "\(reply.steps)")

      await home.git("remote", "set-url", "origin", home.root + "/nowhere.git")
      #expect(await home.apus("restart").status == 0)
      let offline: BranchReply = try await home.json("sync", "a")
      #expect(offline.steps.first?.hasPrefix("origin could not be fetched") == true, "\(offline.steps)")
      #expect(offline.steps.last?.hasSuffix("is up to date with main") == true, "\(offline.steps)")
    }
  }

  @Test func `a branch that is up to date is said to be`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let mine = await home.commit("server/new.txt", "new\n", in: made.directory)
      let said = await home.apus("sync", "a")
      #expect(said.output == "\(made.branch ?? "") is up to date with main\n")
      #expect(await home.head(made.directory) == mine)
      for flag in ["--continue", "--abort"] {
        let (failure, code) = try await home.failure("sync", "a", flag)
        #expect(failure.code == .usage)
        #expect(failure.summary == "nothing of a is under way")
        #expect(code == 2)
      }
    }
  }

  @Test func `uncommitted files refuse a sync and stay as they are`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let before = await home.commit("server/new.txt", "new\n", in: made.directory)
      await home.commit("ui/base.txt", "base\n", in: home.work)
      TestHome.write("one\nchanged\nthree\n", to: made.directory + "/shared.txt")
      let (failure, code) = try await home.failure("sync", "a")
      #expect(code == 4)
      #expect(failure.code == .workUnsaved)
      #expect(failure.summary == "a has 1 uncommitted file: shared.txt")
      #expect(TestHome.text(made.directory + "/shared.txt") == "one\nchanged\nthree\n")
      #expect(await home.head(made.directory) == before)
    }
  }

  @Test func `files that git does not know are no reason to refuse a sync`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let base = await home.commit("ui/base.txt", "base\n", in: home.work)
      TestHome.write("loose\n", to: made.directory + "/loose.txt")
      let reply: BranchReply = try await home.json("sync", "a")
      #expect(reply.commit == base)
      #expect(TestHome.text(made.directory + "/loose.txt") == "loose\n")
    }
  }

  @Test func `a worktree that is on another branch is not synced`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      await home.git("switch", "--quiet", "--create", "elsewhere", directory: made.directory)
      let (failure, code) = try await home.failure("sync", "a")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(failure.summary.hasSuffix("but elsewhere"))
    }
  }

  @Test func `a session in the middle of a turn is synced only from inside`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "a", "--prompt", "hush")
      let base = await home.commit("ui/base.txt", "base\n", in: home.work)
      #expect(try await eventually { try await home.session("show", "a").activity == .working })
      for extra in [[:], ["APUS_SESSION": "somebody-else"]] {
        let (failure, code) = try await home.failure("sync", "a", extra: extra)
        #expect(code == 4)
        #expect(failure.code == .workBusy)
        #expect(failure.hint == "`apus wait a`, then `apus sync a`")
      }
      #expect(await home.head(made.directory) != base)
      // From inside, without a name as well.
      let reply: BranchReply = try await home.json("sync", extra: ["APUS_SESSION": "a"])
      #expect(reply.commit == base)
      for verb in ["merge", "pr"] {
        let (failure, _) = try await home.failure(verb, "a")
        #expect(failure.code == .workBusy)
      }
    }
  }

  @Test func `inside a worktree its session need not be named`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      _ = try await home.quiet("b")
      let base = await home.commit("ui/base.txt", "base\n", in: home.work)
      let reply: BranchReply = try await home.json("sync", directory: made.directory + "/ui")
      #expect(reply.session == "a")
      #expect(reply.commit == base)
      let (failure, code) = try await home.failure("sync")
      #expect(failure.code == .usage)
      #expect(code == 2)
    }
  }
}
