import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C8: what is merged was tested as it is merged, one merge of a base at a time, hotfixes first.
@Suite struct MergeTurnTests {
  private static func settings(_ test: String) -> String {
    "{\"components\": {\"server\": \"server/\"}, \"workLog\": \"WORK_LOG.md\", \"test\": \"\(test)\"}"
  }

  @Test func `tests that fail leave everything where it was, and their last lines are shown`() async throws {
    try await TestHome.withRepository(settings: Self.settings("echo first; echo expected 4 >&2; exit 3")) { home in
      let made = try await home.quiet("a")
      await home.commit("server/new.txt", "new\n", in: made.directory)
      let before = await home.footprint()
      let (failure, code) = try await home.failure("merge", "a")
      #expect(code == 1)
      #expect(failure.code == .testsFailed)
      #expect(failure.hint == "first\nexpected 4")
      #expect(await home.footprint() == before)
      let said = await home.apus("merge", "a")
      #expect(said.errors.contains("expected 4"))
      #expect(try await home.session("show", "a").merged == nil)
      // A person may know better.
      let reply: BranchReply = try await home.json("merge", "a", "--no-test")
      #expect(reply.steps.contains("the tests were not run, as asked"))
      #expect(reply.tests == nil)
      #expect(reply.commit == (await home.head()))
    }
  }

  @Test func `the tests run in the worktree, on the tree that is merged`() async throws {
    let test = "test -e base.txt && test -e mine.txt && pwd > $OUT && echo $APUS_SESSION:$PORT >> $OUT"
    try await TestHome.withRepository(settings: Self.settings(test)) { home in
      let out = home.root + "/out"
      let made = try await home.quiet("a", "--env", "OUT=\(out)")
      await home.commit("mine.txt", "mine\n", in: made.directory)
      await home.commit("base.txt", "base\n", in: home.work)
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(reply.tests?.passed == true)
      #expect(reply.tests?.tree == (await home.git("rev-parse", "main^{tree}")))
      #expect(TestHome.text(out) == "\(made.directory)\na:\(made.ports["PORT"] ?? 0)\n")
    }
  }

  @Test func `a commit that comes while the tests run is not merged untested`() async throws {
    try await TestHome.withRepository(settings: Self.settings("git commit --quiet --allow-empty -m late")) { home in
      let made = try await home.quiet("a")
      await home.commit("server/new.txt", "new\n", in: made.directory)
      let base = await home.head()
      let (failure, code) = try await home.failure("merge", "a")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(failure.summary.contains("changed while it was tested"))
      #expect(await home.head() == base)
    }
  }

  @Test func `a base that moves while the tests run is taken in, and tested once more`() async throws {
    let test =
      "echo run >> $OUT; test -e $OUT.once || { touch $OUT.once; cd $MAIN && git commit -q --allow-empty -m b; }"
    try await TestHome.withRepository(settings: Self.settings(test)) { home in
      let out = home.root + "/out"
      let made = try await home.quiet("a", "--env", "OUT=\(out)", "--env", "MAIN=\(home.work)")
      await home.commit("server/new.txt", "new\n", in: made.directory, message: "mine")
      let reply: BranchReply = try await home.json("merge", "a")
      #expect(TestHome.text(out) == "run\nrun\n")
      #expect(reply.commit == (await home.head()))
      #expect(await home.git("log", "--format=%s", "main") == "mine\nb\nfirst")
    }
  }

  @Test func `merges at once go one after another, and all of them land`() async throws {
    let test = "mkdir $OUT.held && test -e shared.txt && rmdir $OUT.held"
    try await TestHome.withRepository(settings: Self.settings(test)) { home in
      let out = home.root + "/out"
      let names = ["a", "b", "c"]
      for name in names {
        let made = try await home.quiet(name, "--env", "OUT=\(out)")
        await home.commit("server/\(name).txt", "\(name)\n", in: made.directory, message: name)
      }
      try await withThrowingTaskGroup(of: BranchReply.self) { group in
        for name in names { group.addTask { try await home.json("merge", name) } }
        for try await reply in group { #expect(reply.tests?.passed == true) }
      }
      let subjects = await home.git("log", "--format=%s", "main")
      #expect(subjects.split(separator: "\n").sorted() == ["a", "b", "c", "first"])
      #expect(await home.git("rev-list", "--merges", "--count", "main") == "0")
      #expect(await home.status().isEmpty)
      for name in names { #expect(TestHome.text(home.work + "/server/\(name).txt") == "\(name)\n") }
    }
  }

  @Test func `a hotfix goes before a feature that waits longer`() async throws {
    let test =
      "if test -e first.txt && ! test -e other.txt; then touch $OUT.begun; while ! test -e $OUT.go; do sleep 0.02; done; fi"
    try await TestHome.withRepository(settings: Self.settings(test)) { home in
      let out = home.root + "/out"
      // Git tells when it was asked for which session: after that a merge waits for its turn.
      let extra = home.program(
        first: "git", "/usr/bin/git \"$@\"; code=$?; echo \"$APUS_UNDERTAKING $*\" >> \(out).git; exit $code\n")
      var ids: [String: String] = [:]
      for (name, kind) in [("first", "feature"), ("other", "feature"), ("urgent", "hotfix")] {
        let made = try await home.quiet(name, "--kind", kind, "--env", "OUT=\(out)", extra: extra)
        await home.commit("\(name).txt", "\(name)\n", in: made.directory, message: name)
        ids[name] = made.id
      }
      var running: [Running] = []
      for name in ["first", "other", "urgent"] {
        TestHome.write("", to: out + ".git")
        running.append(try home.begin("merge", name))
        let id = try #require(ids[name])
        #expect(
          await eventually {
            name == "first" ? Disk.isThere(out + ".begun") : TestHome.text(out + ".git").contains(id)
          })
        for _ in 0..<3 { _ = await home.apus("list") }
      }
      TestHome.write("", to: out + ".go")
      for one in running {
        let outcome = try await one.finish()
        #expect(outcome.status == 0, "\(outcome.output) \(outcome.errors)")
        await one.release()
      }
      #expect(await home.git("log", "--format=%s", "--reverse", "main") == "first\nfirst\nurgent\nother")
    }
  }

  @Test func `a branch that another session works on is no base to merge into meanwhile`() async throws {
    try await TestHome.withRepository { home in
      let below = try await home.session("new", "below", "--prompt", "hush until \(home.root)/go")
      let above = try await home.quiet("above", "--base", below.branch ?? "")
      #expect(above.base == below.branch)
      let tip = await home.commit("ui/above.txt", "above\n", in: above.directory)
      TestHome.write("loose\n", to: above.directory + "/loose.txt")
      let (failure, code) = try await home.failure("merge", "above")
      #expect(code == 4)
      #expect(failure.code == .workBusy)
      #expect(failure.summary == "below is in the middle of a turn")
      #expect(!Disk.isThere(below.directory + "/ui/above.txt"))
      TestHome.write("", to: home.root + "/go")
      #expect(await home.apus("wait", "below").status == 0)
      let reply: BranchReply = try await home.json("merge", "above")
      #expect(reply.commit == tip)
      #expect(reply.steps.contains("not part of it, since git does not know them: loose.txt"))
      #expect(TestHome.text(below.directory + "/ui/above.txt") == "above\n")
      #expect(await home.head(below.directory) == tip)
      #expect(await home.status(below.directory).isEmpty)
    }
  }
}
