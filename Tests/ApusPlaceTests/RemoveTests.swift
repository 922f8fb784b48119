import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C12: removing is safe. What would be lost refuses by itself, and is overruled by itself.
@Suite struct RemoveTests {
  private enum Obstacle: String, CaseIterable { case live, uncommitted, untracked, unpushed }

  /// A session with that alone against its removal.
  private func hindered(_ home: TestHome, _ obstacle: Obstacle, _ name: String) async throws -> SessionObject {
    let made = obstacle == .live ? try await home.session("new", name) : try await home.quiet(name)
    switch obstacle {
    case .live: break
    case .uncommitted: TestHome.write("one\nchanged\nthree\n", to: made.directory + "/shared.txt")
    case .untracked: TestHome.write("loose\n", to: made.directory + "/loose.txt")
    case .unpushed: await home.commit("server/\(name).txt", "new\n", in: made.directory)
    }
    return made
  }

  @Test(arguments: [
    ("live", "cannot go: run 1 is live", "--stop", ErrorCode.sessionLive),
    ("uncommitted", "1 uncommitted file (shared.txt)", "--discard-uncommitted", .workUnsaved),
    ("untracked", "1 untracked file (loose.txt)", "--discard-uncommitted", .workUnsaved),
    ("unpushed", "1 commit not pushed", "--discard-unpushed", .workUnsaved),
  ])
  func `what would be lost refuses with what it is, and only its own flag overrules it`(
    what: String, said: String, flag: String, error: ErrorCode
  ) async throws {
    try await TestHome.withRepository { home in
      let made = try await hindered(home, try #require(Obstacle(rawValue: what)), "a")
      let before = await home.footprint()
      let others = Set(["--stop", "--discard-uncommitted", "--discard-unpushed"]).subtracting([flag])
      for flags in [[], others.sorted()] {
        let outcome = await home.run(["remove", "a", "--json"] + flags)
        #expect(outcome.status == 4, "\(flags)")
        #expect(outcome.output.contains(error.rawValue))
        #expect(outcome.output.contains(said), "\(outcome.output)")
        #expect(outcome.output.contains(flag))
        for other in others { #expect(!outcome.output.contains(other), "\(outcome.output)") }
      }
      let plan: RemoveReply = try await home.json("remove", "a", "--plan")
      #expect(plan.against.map(\.obstacle.rawValue) == [what])
      #expect(!plan.removed)
      #expect(await home.footprint() == before)
      #expect(await home.apus("remove", "a", flag).status == 0)
      #expect(!Disk.isThere(made.directory))
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
    }
  }

  @Test func `what git starts for us in a place is nobody who works there`() async throws {
    try await TestHome.withRepository { home in
      // The first filter stays until it is told to go on; it is a process below our git, in the worktree.
      #expect(mkfifo(home.root + "/go", 0o600) == 0)
      await home.git(
        "config", "filter.slow.clean",
        "[ -e \(home.root)/seen ] || { touch \(home.root)/seen; cat \(home.root)/go > /dev/null; }; cat")
      TestHome.write("*.txt filter=slow\n", to: home.work + "/.git/info/attributes")
      TestHome.write("", to: home.root + "/seen")
      let made = try await home.quiet("a")
      #expect(unlink(home.root + "/seen") == 0)
      // As it was, but for its time: git has to look into it.
      TestHome.write("one\ntwo\nthree\n", to: made.directory + "/shared.txt")
      let list = try home.begin("list")
      try #require(await eventually(seconds: 20) { Disk.isThere(home.root + "/seen") })
      let removed = await home.apus("remove", "a")
      #expect(removed.status == 0, "\(removed.errors)")
      #expect(!Disk.isThere(made.directory))
      #expect(await home.shell("echo on 1<> \(home.root)/go").status == 0)
      #expect(try await list.finish().status == 0)
      await list.release()
    }
  }

  @Test func `no flag overrules all three at once`() async throws {
    try await TestHome.withRepository { home in
      let made = try await hindered(home, .live, "a")
      let (failure, code) = try await home.failure(
        "remove", "a", "--stop", "--discard-uncommitted", "--discard-unpushed")
      #expect(code == 2)
      #expect(failure.code == .usage)
      #expect(try await home.session("show", "a").pid != nil)
      #expect(Disk.isThere(made.directory))
    }
  }

  @Test func `what an agent leaves unsaved as it is stopped is not overruled by --stop`() async throws {
    try await TestHome.withRepository { home in
      let made = try await hindered(home, .live, "a")
      TestHome.write("loose\n", to: made.directory + "/loose.txt")
      let (failure, _) = try await home.failure("remove", "a", "--stop")
      #expect(failure.summary.contains("loose.txt"))
      #expect(try await home.session("show", "a").pid != nil)
      #expect(TestHome.text(made.directory + "/loose.txt") == "loose\n")
    }
  }

  @Test func `a process that works in the worktree refuses its removal`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let sitting = try Running(
        ["/bin/cat"], environment: ["PATH": "/usr/bin:/bin"], directory: made.directory + "/ui")
      #expect(await eventually { Disk.link("/proc/\(sitting.pid)/cwd") == made.directory + "/ui" })
      let (failure, code) = try await home.failure("remove", "a")
      #expect(code == 4)
      #expect(failure.code == .sessionLive)
      #expect(failure.summary.contains("process \(sitting.pid) works in it"), "\(failure.summary)")
      await sitting.release()
      #expect(await home.apus("remove", "a").status == 0)
    }
  }

  @Test func `what is merged or pushed goes without a flag`() async throws {
    try await TestHome.withRepository { home in
      _ = await home.addOrigin()
      let merged = try await hindered(home, .unpushed, "a")
      #expect(await home.apus("merge", "a").status == 0)
      let pushed = try await hindered(home, .unpushed, "b")
      await home.git("push", "--quiet", "origin", "HEAD", directory: pushed.directory)
      // On another branch here they are safe as well.
      let twice = try await hindered(home, .unpushed, "c")
      await home.git("branch", "other", twice.branch ?? "")
      for made in [merged, pushed, twice] {
        let outcome = await home.apus("remove", made.name)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(!Disk.isThere(made.directory))
      }
      #expect(await home.git("branch", "--format=%(refname:short)") == "main\nother")
    }
  }

  @Test func `a branch that was there before its session stays when the session goes`() async throws {
    try await TestHome.withRepository { home in
      await home.git("branch", "old")
      let made = try await home.quiet("a", "--on", "old")
      let tip = await home.commit("server/new.txt", "new\n", in: made.directory)
      #expect(await home.apus("remove", "a").status == 0)
      #expect(!Disk.isThere(made.directory))
      #expect(await home.git("rev-parse", "old") == tip)
    }
  }

  @Test func `commits on no branch at all are said before they go`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      await home.git("switch", "--quiet", "--detach", directory: made.directory)
      let tip = await home.commit("server/new.txt", "new\n", in: made.directory)
      let (failure, code) = try await home.failure("remove", "a")
      #expect(code == 4)
      #expect(failure.summary.contains("1 commit not pushed"), "\(failure.summary)")
      #expect(await home.apus("remove", "a", "--discard-unpushed").status == 0)
      let rescue = try #require(try await home.rescues().first)
      #expect(await home.isAncestor(tip, of: rescue.commit))
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
    }
  }

  @Test func `a repository inside the worktree refuses, whatever flags say`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      await home.makeRepository(made.directory + "/inner", settings: nil)
      let (failure, code) = try await home.failure("remove", "a", "--discard-uncommitted", "--discard-unpushed")
      #expect(code == 4)
      #expect(failure.code == .workUnsaved)
      #expect(failure.summary.contains("inner"), "\(failure.summary)")
      #expect(TestHome.text(made.directory + "/inner/shared.txt") == "one\ntwo\nthree\n")
      #expect(try await home.rescues().isEmpty)
      #expect(try await home.problems().isEmpty)
    }
  }

  @Test func `ignored files go with the worktree, and nothing they lead to`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let outside = home.root + "/outside"
      Disk.makeDirectory(outside)
      TestHome.write("kept\n", to: outside + "/file.txt")
      Disk.makeDirectory(made.directory + "/ignored/deep")
      TestHome.write("x\n", to: made.directory + "/ignored/deep/x")
      TestHome.write("SECRET=1\n", to: made.directory + "/.env")
      symlink(outside, made.directory + "/ignored/link")
      chmod(made.directory + "/ignored/deep", 0o500)
      let outcome = await home.apus("remove", "a")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(!Disk.isThere(made.directory))
      #expect(TestHome.text(outside + "/file.txt") == "kept\n")
    }
  }

  @Test func `a worktree somebody deleted by hand is named by doctor, and its commits are kept`() async throws {
    try await TestHome.withRepository { home in
      let made = try await hindered(home, .unpushed, "a")
      let tip = await home.head(made.directory)
      await Disk.remove(made.directory)
      let findings = await home.apus("doctor").output
      #expect(findings.contains("the worktree of a is gone: \(made.directory)"))
      #expect(findings.contains("mend: apus remove a"))
      let (missing, _) = try await home.failure("sync", "a")
      #expect(missing.code == .directoryMissing)
      #expect(try await home.failure("remove", "a").0.summary.contains("1 commit not pushed"))
      #expect(await home.apus("remove", "a", "--discard-unpushed").status == 0)
      #expect(await home.git("worktree", "list", "--porcelain").contains(made.directory) == false)
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head(made.directory) == tip)
      #expect(await home.status(made.directory).isEmpty)
    }
  }
}
