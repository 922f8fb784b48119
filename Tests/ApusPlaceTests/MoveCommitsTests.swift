import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C11: commits made on the wrong branch go to the right one.
@Suite struct MoveCommitsTests {
  private func subjects(_ home: TestHome, _ branch: String) async -> [String] {
    await home.git("log", "--format=%s", branch).split(separator: "\n").map(String.init)
  }

  @Test func `commits on main go to a new branch, and the dirty checkout keeps its changes`() async throws {
    try await TestHome.withRepository { home in
      let first = await home.head()
      await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      let tip = await home.commit("server/two.txt", "2\n", in: home.work, message: "two")
      TestHome.write("changed\n", to: home.work + "/ui/b.txt")
      TestHome.write("loose\n", to: home.work + "/loose.txt")
      let before = await home.status()
      // Which of them are meant cannot be told without a remote.
      let (failure, code) = try await home.failure("move-commits", "main", "feature/x")
      #expect(code == 2)
      #expect(failure.hint == "say how many: --last N")
      let reply: RestoreReply = try await home.json("move-commits", "main", "feature/x", "--last", "2")
      #expect(reply.steps.first == "2 commits of main are on feature/x now")
      #expect(await home.head() == first)
      #expect(await home.git("rev-parse", "feature/x") == tip)
      #expect(await home.status() == before)
      #expect(!Disk.isThere(home.work + "/server/two.txt"))
      #expect(TestHome.text(home.work + "/ui/b.txt") == "changed\n")
      #expect(try await home.rescues().map(\.kind) == ["move"])
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head() == tip)
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      #expect(await home.status() == before)
    }
  }

  @Test func `what the remote has not is moved, and what was pushed is not`() async throws {
    try await TestHome.withRepository { home in
      _ = await home.addOrigin()
      let pushed = await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      await home.git("push", "--quiet", "origin", "main")
      await home.commit("server/two.txt", "2\n", in: home.work, message: "two")
      let before = await home.footprint()
      let (failure, code) = try await home.failure("move-commits", "main", "feature/x", "--last", "2")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(failure.summary.contains("pushed already (origin/main)"), "\(failure.summary)")
      #expect(await home.footprint() == before)
      #expect(await home.apus("move-commits", "main", "feature/x").status == 0)
      #expect(await home.head() == pushed)
      #expect(await subjects(home, "feature/x") == ["two", "one", "first"])
    }
  }

  @Test func `commits go on top of a branch that is there, checked out or not`() async throws {
    try await TestHome.withRepository { home in
      await home.git("branch", "other")
      let session = try await home.quiet("a")
      let own = await home.commit("ui/own.txt", "own\n", in: session.directory, message: "own")
      let first = await home.head()
      await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      let tip = await home.commit("server/two.txt", "2\n", in: home.work, message: "two")
      #expect(await home.apus("move-commits", "main", "other", "--last", "1").status == 0)
      #expect(await subjects(home, "other") == ["two", "first"])
      #expect(await home.apus("move-commits", "main", "a", "--last", "1").status == 0)
      #expect(await subjects(home, try #require(session.branch)) == ["one", "own", "first"])
      #expect(TestHome.text(session.directory + "/server/one.txt") == "1\n")
      #expect(await home.status(session.directory).isEmpty)
      #expect(await home.head() == first)
      #expect(await home.git("worktree", "list").split(separator: "\n").count == 2)
      // Back again, one after the other.
      #expect(await home.apus("undo").status == 0)
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head() == tip)
      #expect(await home.head(session.directory) == own)
      #expect(await home.git("rev-parse", "other") == first)
      #expect(await home.status(session.directory).isEmpty)
      #expect(await home.status().isEmpty)
    }
  }

  @Test func `what a session committed since it began goes to another session`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      let start = await home.head()
      await home.commit("ui/one.txt", "1\n", in: a.directory, message: "one")
      await home.commit("ui/two.txt", "2\n", in: a.directory, message: "two")
      let reply: RestoreReply = try await home.json("move-commits", "a", "b")
      #expect(reply.steps.first?.hasPrefix("2 commits of") == true)
      #expect(await home.head(a.directory) == start)
      #expect(await subjects(home, try #require(b.branch)) == ["two", "one", "first"])
      #expect(TestHome.text(b.directory + "/ui/two.txt") == "2\n")
      let (failure, code) = try await home.failure("move-commits", "a", "b")
      #expect(code == 2)
      #expect(failure.summary.hasSuffix("has no commits of its own to move"))
      for arguments in [["a", "a"], ["nobody", "x"], ["a", "--", "-x"], ["a", "b", "--last", "9"]] {
        #expect(await home.run(["move-commits"] + arguments).status == 2, "\(arguments)")
      }
    }
  }

  @Test func `commits that conflict with their new branch are not moved at all`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      await home.commit("shared.txt", "one\na\nthree\n", in: a.directory, message: "a")
      await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      await home.commit("shared.txt", "one\nmain\nthree\n", in: home.work, message: "two")
      await home.git("branch", "other", try #require(a.branch))
      let before = await home.footprint()
      for target in ["a", "other"] {
        let (failure, code) = try await home.failure("move-commits", "main", target, "--last", "2")
        #expect(code == 4)
        #expect(failure.code == .workConflict)
        #expect(failure.summary.contains("in shared.txt; nothing was moved"), "\(failure.summary)")
        #expect(await home.footprint() == before)
      }
    }
  }

  @Test func `changes in files that would move with the commits refuse, and nothing is half moved`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      await home.commit("shared.txt", "one\nmain\nthree\n", in: home.work, message: "one")
      TestHome.write("one\ndirty\nthree\n", to: home.work + "/shared.txt")
      let before = await home.footprint()
      for target in ["a", "new-one"] {
        let (failure, code) = try await home.failure("move-commits", "main", target, "--last", "1")
        #expect(code == 4)
        #expect(failure.code == .workUnsaved)
        #expect(await home.footprint() == before)
        #expect(TestHome.text(home.work + "/shared.txt") == "one\ndirty\nthree\n")
      }
      #expect(await home.status(a.directory).isEmpty)
    }
  }

  @Test func `nothing is put under a session in the middle of a turn, whatever it is called by`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.session("new", "a", "--prompt", "hush")
      #expect(try await eventually { try await home.session("show", "a").activity == .working })
      await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      let before = await home.footprint()
      for target in ["a", try #require(a.branch)] {
        let (failure, code) = try await home.failure("move-commits", "main", target, "--last", "1")
        #expect(code == 4)
        #expect(failure.code == .workBusy)
        #expect(await home.footprint() == before)
      }
      #expect(await home.apus("move-commits", "main", "a", "--last", "1", extra: ["APUS_SESSION": "a"]).status == 0)
      #expect(TestHome.text(a.directory + "/server/one.txt") == "1\n")
    }
  }

  @Test func `an undo that would take away what came since changes nothing`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      await home.commit("server/one.txt", "1\n", in: home.work, message: "one")
      #expect(await home.apus("move-commits", "main", "a", "--last", "1").status == 0)
      await home.commit("ui/later.txt", "later\n", in: a.directory, message: "later")
      let before = await home.footprint()
      let (failure, code) = try await home.failure("undo")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(await home.footprint() == before)
    }
  }
}
