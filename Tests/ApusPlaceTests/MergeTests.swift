import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row C8: the only way into a base.
@Suite struct MergeTests {
  private func session(_ home: TestHome, _ name: String, _ file: String, _ arguments: String...) async throws -> String
  {
    let made = await home.run(["new", name, "--json"] + arguments)
    #expect(made.status == 0, "\(made.errors)\(made.output)")
    let session = try JSONText.decode(SessionObject.self, from: Array(made.output.utf8))
    let directory = try #require(session.worktree)
    await home.commit(file, "\(name)\n", in: directory, message: "work of \(name)")
    return directory
  }

  @Test func `the base moves to the tested branch, as it is, as one commit or with a merge commit`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "test -e shared.txt"}"#) { home in
      let a = try await session(home, "a", "server/a1.txt")
      let plain: BranchReply = try await home.json("merge", "a")
      #expect(plain.commit == (await home.git("rev-parse", "HEAD", directory: a)))
      #expect(plain.tests?.passed == true)

      let b = try await session(home, "b", "server/b1.txt")
      await home.commit("server/b2.txt", "b\n", in: b, message: "more of b")
      let squashed: BranchReply = try await home.json("merge", "b", "--squash", "--message", "all of b")
      let one = try #require(squashed.commit)
      #expect(await home.git("log", "--format=%s", "\(one)~1..\(one)") == "all of b")
      #expect(await home.git("rev-parse", one + "~1") == plain.commit)

      _ = try await session(home, "c", "server/c1.txt")
      let joined: BranchReply = try await home.json("merge", "c", "--no-ff")
      #expect(await home.git("rev-parse", "main") == joined.commit)
      #expect(await home.git("rev-list", "--parents", "-n", "1", "main").split(separator: " ").count == 3)
      #expect(await home.git("status", "--porcelain").isEmpty)
      #expect(TestHome.text(home.work + "/server/b2.txt") == "b\n")
      // Without a terminal nobody is asked: the worktrees stay, and go without a word about lost work.
      for name in ["a", "b", "c"] {
        #expect(try await home.session("show", name).merged != nil)
        #expect(await home.apus("remove", name, "--stop").status == 0)
      }
      let nothing = try await session(home, "d", "server/d1.txt")
      await home.git("reset", "--quiet", "--hard", "main", directory: nothing)
      #expect(await home.apus("merge", "d").output.contains("nothing to merge"))
    }
  }

  @Test func `failing tests move nothing and show their last words, missing ones are said`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "echo the parser is broken; exit 3"}"#) { home in
      _ = try await session(home, "a", "server/a1.txt")
      let before = await home.git("rev-parse", "main")
      let (failure, code) = try await home.failure("merge", "a")
      #expect((failure.code, code) == (.testsFailed, 1))
      #expect(failure.hint?.contains("the parser is broken") == true)
      #expect(await home.git("rev-parse", "main") == before)
      TestHome.write("{}", to: home.work + "/.apus/config.json")
      let merged = await home.apus("merge", "a")
      #expect(merged.status == 0, "\(merged.errors)")
      #expect(merged.output.contains("no tests were run"))
    }
  }

  @Test func `the tests run on the tree that is merged`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "test -e ui/theirs.txt && test -e server/a1.txt"}"#) {
      home in
      _ = try await session(home, "a", "server/a1.txt")
      await home.commit("ui/theirs.txt", "theirs\n", in: home.work)
      let merged: BranchReply = try await home.json("merge", "a")
      #expect(merged.tests?.tree == (await home.git("rev-parse", "main^{tree}")))
    }
  }

  @Test func `what a person has in the checkout of the base stays, or the merge is refused`() async throws {
    try await TestHome.withRepository { home in
      let directory = try await session(home, "a", "server/a1.txt")
      TestHome.write("my notes\n", to: home.work + "/docs/c.md")
      TestHome.write("loose\n", to: home.work + "/loose.txt")
      #expect(await home.apus("merge", "a").status == 0)
      #expect(await home.git("status", "--porcelain") == " M docs/c.md\n?? loose.txt")

      await home.commit("docs/c.md", "of the session\n", in: directory)
      let before = await home.git("rev-parse", "main")
      let (failure, code) = try await home.failure("merge", "a")
      #expect((failure.code, code) == (.workUnsaved, 4))
      #expect(failure.summary.contains("docs/c.md"))
      #expect(await home.git("rev-parse", "main") == before)
      #expect(TestHome.text(home.work + "/docs/c.md") == "my notes\n")
    }
  }

  @Test func `a base that is checked out nowhere moves without any files`() async throws {
    try await TestHome.withRepository { home in
      _ = try await session(home, "a", "server/a1.txt")
      await home.git("switch", "--quiet", "--create", "elsewhere")
      let merged: BranchReply = try await home.json("merge", "a")
      #expect(await home.git("rev-parse", "main") == merged.commit)
      #expect(await home.git("status", "--porcelain").isEmpty)
      #expect(!Disk.isThere(home.work + "/server/a1.txt"))
    }
  }

  @Test func `merges into one base go one after another, a hotfix before those that wait`() async throws {
    try await TestHome.withRepository(
      settings: #"{"test": "while [ ! -e \"$GATE\" ]; do read -t 0.05 x </dev/zero || :; done"}"#,
      extra: ["APUS_LOG_LEVEL": "debug"]
    ) {
      home in
      let gate = home.root + "/gate"
      for (name, kind) in [("first", "feature"), ("later", "feature"), ("urgent", "hotfix")] {
        _ = try await session(home, name, "server/\(name).txt", "--kind", kind, "--env", "GATE=\(gate)")
      }
      func begin(_ name: String) throws -> Running { try home.begin("merge", name) }
      let first = try begin("first")
      // It is at its tests: the others wait for their turn.
      #expect(
        await eventually {
          home.processes().contains { mark in
            TestHome.text("/proc/\(mark.pid)/cmdline").contains("GATE")
          }
        })
      func asked() -> Int { home.daemonLog().ranges(of: "request merge").count }
      let later = try begin("later")
      #expect(await eventually { asked() == 2 })
      let urgent = try begin("urgent")
      #expect(await eventually { asked() == 3 })
      // Both are looked at until nothing is left to do but to wait.
      #expect(
        await eventually { home.processes().allSatisfy { !TestHome.text("/proc/\($0.pid)/comm").hasPrefix("git") } })
      TestHome.write("", to: gate)
      #expect(await eventually { await home.git("rev-list", "--count", "main") == "4" })
      for running in [first, later, urgent] { await running.release() }
      let order = await home.git("log", "--format=%s", "--reverse", "main").split(separator: "\n").map(String.init)
      #expect(order == ["first", "work of first", "work of urgent", "work of later"])
    }
  }

  @Test func `the work log is closed, and what a person wrote stays to the byte`() async throws {
    try await TestHome.withRepository { home in
      let log = home.work + "/WORK_LOG.md"
      TestHome.write("# Ours\r\n\r\n### Session: by hand\n- **Branch**: `mine`\n\n  odd   text\u{1}\n", to: log)
      _ = try await session(home, "a", "server/a1.txt", "--issue", "slow start", "--kind", "bug", "--eta", "2 h")
      let begun = TestHome.text(log)
      #expect(begun.hasPrefix("# Ours\r\n\r\n### Session: by hand\n- **Branch**: `mine`\n\n  odd   text\u{1}\n"))
      #expect(begun.contains("### Session: a"))
      #expect(begun.contains("- **Issue**: slow start"))
      #expect(begun.contains("- **Status**: IN PROGRESS"))
      #expect(begun.contains("- **ETA**: 2 h"))
      TestHome.write(begun + "\nafterthought, no newline at the end", to: log)
      #expect(await home.apus("merge", "a", "--remove").status == 0)
      let done = TestHome.text(log)
      #expect(done.contains("- **Status**: DONE"))
      #expect(!done.contains("IN PROGRESS"))
      #expect(done.hasSuffix("\nafterthought, no newline at the end"))
      #expect(await home.git("status", "--porcelain", "--", "WORK_LOG.md").isEmpty)
    }
  }
}
