import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C1: the branch a session works on, and where it begins.
@Suite struct BranchTests {
  @Test func `a branch is called by its kind`() async throws {
    try await TestHome.withRepository { home in
      for (kind, branch) in [
        ("feature", "feature/x1"), ("bug", "fix/x2"), ("hotfix", "hotfix/x3"), ("experiment", "experiment/x4"),
        ("docs", "docs/x5"),
      ] {
        let name = String(branch.suffix(2))
        let made = try await home.session("new", name, "--kind", kind)
        #expect(made.branch == branch)
        #expect(made.kind?.rawValue == kind)
        let worktree = try #require(made.worktree)
        #expect(await home.git("symbolic-ref", "HEAD", directory: worktree) == "refs/heads/" + branch)
      }
      let (failure, code) = try await home.failure("new", "x6", "--kind", "chore")
      #expect(failure.code == .usage && code == 2)
      #expect("\(failure)".contains("hotfix"))
    }
  }

  @Test func `a repository says how its branches are called`() async throws {
    let settings = #"{"kinds": {"bug": "bugs/{date}/{name}", "feature": "{name}-f"}, "base": "trunk"}"#
    try await TestHome.withRepository(settings: settings) { home in
      await home.git("branch", "trunk")
      let bug = try await home.session("new", "one", "--kind", "bug")
      #expect(bug.branch?.wholeMatch(of: /bugs\/\d{8}\/one/) != nil)
      #expect(bug.base == "trunk")
      #expect(try await home.session("new", "two", "--kind", "feature").branch == "two-f")
      #expect(try await home.session("new", "three", "--kind", "docs").branch == "docs/three")
    }
  }

  @Test func `a pattern that makes no branch's name is told, and nothing is made`() async throws {
    try await TestHome.withRepository(settings: #"{"kinds": {"bug": "fix..{name}"}}"#) { home in
      _ = try await home.leavesNothing(["new", "one", "--kind", "bug"], .refInvalid)
    }
  }

  @Test func `a session works on a branch that is there, which stays when it goes`() async throws {
    try await TestHome.withRepository { home in
      await home.git("switch", "--quiet", "--create", "topic")
      let tip = await home.commit("ui/b.txt", "more\n", in: home.work)
      await home.git("switch", "--quiet", "main")
      let made = try await home.session("new", "one", "--on", "topic")
      #expect(made.branch == "topic")
      #expect(made.base == "main")
      #expect(try await home.head(of: made) == tip)
      #expect(await home.apus("remove", "one", "--stop").status == 0)
      #expect(await home.git("rev-parse", "refs/heads/topic") == tip)
    }
  }

  @Test func `a session works on a branch only the remote has, known here or not`() async throws {
    try await TestHome.withRepository { home in
      let origin = home.root + "/origin.git"
      await home.git("clone", "--quiet", "--bare", home.work, origin)
      await home.git("remote", "add", "origin", origin)
      let other = home.root + "/other"
      await home.git("clone", "--quiet", origin, other)
      await home.git("switch", "--quiet", "--create", "far", directory: other)
      let tip = await home.commit("ui/b.txt", "far\n", in: other)
      await home.git("push", "--quiet", "origin", "far", directory: other)

      let made = try await home.session("new", "one", "--on", "far")
      #expect(made.branch == "far")
      #expect(try await home.head(of: made) == tip)
      #expect(made.notes?.contains { $0.contains("could not be fetched") } == false)
      // It was made here for the session, and goes with it; the remote's stays.
      #expect(await home.apus("remove", "one", "--stop").status == 0)
      #expect(await home.git("branch", "--list", "far").isEmpty)
      #expect(await home.git("rev-parse", "refs/heads/far", directory: origin) == tip)
    }
  }

  @Test func `a branch that is checked out already, or not there at all, is refused`() async throws {
    try await TestHome.withRepository { home in
      try await home.leavesNothing(["new", "one", "--on", "main"], .branchTaken)
      let made = try await home.session("new", "two")
      try await home.leavesNothing(["new", "three", "--on", try #require(made.branch)], .branchTaken)
      try await home.leavesNothing(["new", "four", "--on", "nowhere"], .refInvalid)
      try await home.leavesNothing(["new", "five", "--on", "main", "--kind", "bug"], .usage)
    }
  }

  @Test func `a branch begins where it is told to`() async throws {
    try await TestHome.withRepository { home in
      let first = await home.git("rev-parse", "main")
      await home.git("switch", "--quiet", "--create", "release")
      let release = await home.commit("ui/b.txt", "release\n", in: home.work)
      await home.git("switch", "--quiet", "main")
      let second = await home.commit("ui/b.txt", "main\n", in: home.work)
      for (name, base, leadsTo, start) in [
        ("one", "release", "release", release), ("two", first, "main", first), ("three", "HEAD~1", "main", first),
        ("four", "main", "main", second),
      ] {
        let made = try await home.session("new", name, "--base", base)
        #expect(made.base == leadsTo)
        #expect(try await home.head(of: made) == start)
      }
      for nonsense in [
        "nowhere", String(repeating: "0", count: 40), "..", "main:shared.txt", "--output=x", "a\u{202E}b",
      ] {
        try await home.leavesNothing(["new", "five", "--base=" + nonsense], .refInvalid)
      }
    }
  }

  @Test func `with --here nothing is made but ports`() async throws {
    try await TestHome.withRepository { home in
      let before = await home.footprint()
      let made = try await home.session("new", "one", "--here", "--component", "ui", directory: home.work + "/ui")
      #expect(made.directory == Disk.realPath(home.work) + "/ui")
      #expect(made.worktree == nil)
      #expect(made.branch == "main")
      #expect(made.component == "ui")
      #expect(made.ports.keys.sorted() == ["PORT"])
      #expect(await home.footprint() == before)
      #expect(await home.apus("remove", "one", "--stop").status == 0)
      #expect(await home.footprint() == before)
      for flag in ["--on", "--base"] {
        try await home.leavesNothing(["new", "two", "--here", flag, "main"], .usage)
      }
    }
  }

  @Test func `outside a repository a session runs where it is called, and a component is not to be had`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one", directory: home.person)
      #expect(made.directory == home.person)
      #expect(made.worktree == nil && made.branch == nil && made.component == nil)
      #expect(made.ports.isEmpty)
      for words in [["--component", "ui"], ["--on", "main"], ["--base", "main"], ["--profile", "x"]] {
        try await home.leavesNothing(["new", "two"] + words, .repositoryMissing, directory: home.person)
      }
    }
  }

  @Test func `a place is the repository's, from a subdirectory and from another session's place`() async throws {
    try await TestHome.withRepository { home in
      let one = try await home.session("new", "one", directory: home.work + "/server")
      let worktree = try #require(one.worktree)
      #expect(one.directory == worktree)
      await home.commit("server/a.txt", "one\n", in: worktree)
      let two = try await home.session("new", "two", directory: worktree + "/server")
      let second = try #require(two.worktree)
      #expect(second.split(separator: "/").dropLast() == worktree.split(separator: "/").dropLast())
      #expect(two.base == "main")
      #expect(try await home.head(of: two) == (await home.git("rev-parse", "main")))
      #expect(two.notes?.contains { $0.contains("also at work here: one") } == true)
    }
  }
}
