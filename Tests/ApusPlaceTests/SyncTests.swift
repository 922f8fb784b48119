import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C8: a branch is brought up to date with its base.
@Suite struct SyncTests {
  @Test func `a branch is rebased on its base, and says so when there is nothing to do`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "s")
      let directory = try #require(made.worktree)
      await home.commit("server/mine.txt", "mine\n", in: directory, message: "mine")
      let base = await home.commit("ui/theirs.txt", "theirs\n", in: home.work, message: "theirs")
      let before = try await home.session("show", "s")
      #expect((before.ahead, before.behind) == (1, 1))
      let done: BranchReply = try await home.json("sync", "s")
      #expect(done.commit == (await home.git("rev-parse", "HEAD", directory: directory)))
      #expect(await home.git("rev-parse", "HEAD~1", directory: directory) == base)
      let after = try await home.session("show", "s")
      #expect((after.ahead, after.behind, after.dirty) == (1, 0, false))
      // Without a name it is the session of the directory.
      let again = await home.apus("sync", directory: directory)
      #expect(again.output.contains("up to date with main"), "\(again.errors)")
      #expect(await home.apus("sync").status == 2)
    }
  }

  @Test func `once it was pushed the base is merged into it, and nothing pushed is rewritten`() async throws {
    try await TestHome.withRepository { home in
      await home.git("clone", "--quiet", "--bare", home.work, home.root + "/origin.git")
      await home.git("remote", "add", "origin", home.root + "/origin.git")
      let made = try await home.session("new", "s")
      let directory = try #require(made.worktree)
      let mine = await home.commit("server/mine.txt", "mine\n", in: directory)
      await home.git("push", "--quiet", "origin", "HEAD", directory: directory)
      let base = await home.commit("ui/theirs.txt", "theirs\n", in: home.work)
      let done: BranchReply = try await home.json("sync", "s")
      let commit = try #require(done.commit)
      #expect(await home.git("rev-parse", commit + "^1", commit + "^2") == mine + "\n" + base)
    }
  }

  @Test func `what is not committed is in the way, and stays as it is`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "s")
      let directory = try #require(made.worktree)
      await home.commit("ui/theirs.txt", "theirs\n", in: home.work)
      TestHome.write("changed\n", to: directory + "/shared.txt")
      let (failure, code) = try await home.failure("sync", "s")
      #expect((failure.code, code) == (.workUnsaved, 4))
      #expect(failure.summary.contains("shared.txt"))
      #expect(TestHome.text(directory + "/shared.txt") == "changed\n")
    }
  }

  private func conflict(_ home: TestHome) async throws -> (directory: String, commit: String) {
    let made = try await home.session("new", "s")
    let directory = try #require(made.worktree)
    let commit = await home.commit("shared.txt", "one\nmine\nthree\n", in: directory)
    await home.commit("shared.txt", "one\ntheirs\nthree\n", in: home.work)
    let (failure, code) = try await home.failure("sync", "s")
    #expect((failure.code, code) == (.workConflict, 4))
    #expect(failure.summary.contains("shared.txt"))
    #expect(failure.hint?.contains("apus sync s --continue") == true)
    return (directory, commit)
  }

  @Test func `a conflict names its files, and --continue goes on once they are resolved`() async throws {
    try await TestHome.withRepository { home in
      let (directory, _) = try await conflict(home)
      #expect(TestHome.text(home.work + "/WORK_LOG.md").contains("- **Status**: BLOCKED"))
      for arguments in [["sync", "s", "--continue"], ["sync", "s"], ["merge", "s"]] {
        let outcome = await home.run(arguments)
        #expect(outcome.status == 4, "\(arguments)")
        #expect(outcome.errors.contains("shared.txt"), "\(arguments)")
      }
      TestHome.write("one\nboth\nthree\n", to: directory + "/shared.txt")
      await home.git("add", "shared.txt", directory: directory)
      #expect(await home.apus("sync", "s", "--continue").status == 0)
      #expect(await home.git("status", "--porcelain", directory: directory).isEmpty)
      #expect(await home.git("merge-base", "--is-ancestor", "main", "HEAD", directory: directory).isEmpty)
      #expect(TestHome.text(home.work + "/WORK_LOG.md").contains("- **Status**: IN PROGRESS"))
      #expect(await home.apus("sync", "s", "--continue").status == 2)
    }
  }

  @Test func `--abort puts everything back`() async throws {
    try await TestHome.withRepository { home in
      let (directory, commit) = try await conflict(home)
      #expect(await home.apus("sync", "s", "--abort").status == 0)
      #expect(await home.git("rev-parse", "HEAD", directory: directory) == commit)
      #expect(await home.git("status", "--porcelain", directory: directory).isEmpty)
      #expect(await home.git("symbolic-ref", "HEAD", directory: directory).hasPrefix("refs/heads/session-"))
    }
  }

  @Test func `files are not changed under an agent at work, unless it asks itself`() async throws {
    try await TestHome.withRepository { home in
      _ = try await home.session("new", "s", "--prompt", "hush")
      await home.commit("ui/theirs.txt", "theirs\n", in: home.work)
      #expect(await eventually { (try? await home.session("show", "s").activity) == .working })
      let (failure, code) = try await home.failure("sync", "s")
      #expect((failure.code, code) == (.workBusy, 4))
      let (other, _) = try await home.failure("sync", "s", extra: ["APUS_SESSION": "another"])
      #expect(other.code == .workBusy)
      #expect(await home.apus("sync", "s", extra: ["APUS_SESSION": "s"]).status == 0)
    }
  }
}
