import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C8: conflicts stop with the files named and the way to continue or abort.
@Suite struct SyncConflictTests {
  /// A session whose branch changed the same line as its base did since; and where both were.
  private func conflicting(_ home: TestHome, pushed: Bool = false) async throws
    -> (made: SessionObject, mine: String, base: String)
  {
    if pushed { _ = await home.addOrigin() }
    let made = try await home.quiet("a")
    let mine = await home.commit("shared.txt", "one\nmine\nthree\n", in: made.directory, message: "mine")
    if pushed {
      await home.git("push", "--quiet", "origin", try #require(made.branch), directory: made.directory)
    }
    let base = await home.commit("shared.txt", "one\ntheirs\nthree\n", in: home.work, message: "theirs")
    return (made, mine, base)
  }

  private func status(_ home: TestHome) async -> String? {
    let entries = try? await home.json("work-log", as: [WorkLog.Entry].self)
    return entries?.first { $0.title == "a" }?.status
  }

  @Test(arguments: [false, true])
  func `a conflict names the files, waits until they are resolved, and goes on then`(pushed: Bool) async throws {
    try await TestHome.withRepository { home in
      let (made, mine, base) = try await conflicting(home, pushed: pushed)
      let (failure, code) = try await home.failure("sync", "a")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(failure.summary == "a and main conflict in shared.txt")
      #expect(failure.hint?.contains("`apus sync a --continue`") == true)
      #expect(failure.hint?.contains("`apus sync a --abort`") == true)
      #expect(await status(home) == "BLOCKED")
      // Neither a second sync nor a continuation gets past what is not resolved.
      for arguments in [["sync", "a"], ["sync", "a", "--continue"], ["merge", "a"]] {
        let again = await home.run(arguments)
        #expect(again.status == 4, "\(arguments)")
        #expect(again.errors.contains("shared.txt"), "\(again.errors)")
      }
      TestHome.write("one\nboth\nthree\n", to: made.directory + "/shared.txt")
      #expect(await home.apus("sync", "a", "--continue").status == 4)
      await home.git("add", "shared.txt", directory: made.directory)
      let reply: BranchReply = try await home.json("sync", "a", "--continue")
      #expect(reply.commit == (await home.head(made.directory)))
      #expect(await home.isAncestor(base, of: "HEAD", directory: made.directory))
      #expect(await home.isAncestor(mine, of: "HEAD", directory: made.directory) == pushed)
      #expect(await home.git("symbolic-ref", "--short", "HEAD", directory: made.directory) == made.branch)
      #expect(await home.git("show", "HEAD:shared.txt", directory: made.directory) == "one\nboth\nthree")
      #expect(await home.status(made.directory).isEmpty)
      #expect(await status(home) == "IN PROGRESS")
      #expect(await home.head() == base)
    }
  }

  @Test(arguments: [false, true])
  func `giving up a sync puts the branch back as it was`(pushed: Bool) async throws {
    try await TestHome.withRepository { home in
      let (made, mine, base) = try await conflicting(home, pushed: pushed)
      #expect(await home.apus("sync", "a").status == 4)
      let reply: BranchReply = try await home.json("sync", "a", "--abort")
      #expect(reply.commit == mine)
      #expect(await home.head(made.directory) == mine)
      #expect(await home.git("symbolic-ref", "--short", "HEAD", directory: made.directory) == made.branch)
      #expect(TestHome.text(made.directory + "/shared.txt") == "one\nmine\nthree\n")
      #expect(await home.status(made.directory).isEmpty)
      #expect(await status(home) == "IN PROGRESS")
      #expect(await home.head() == base)
      #expect(await home.apus("sync", "a", "--abort").status == 2)
    }
  }

  @Test func `two commits that conflict one after another stop twice`() async throws {
    try await TestHome.withRepository { home in
      let (made, _, base) = try await conflicting(home)
      await home.commit("ui/b.txt", "mine\n", in: made.directory, message: "second")
      let theirs = await home.commit("ui/b.txt", "theirs\n", in: home.work, message: "second of theirs")
      #expect(await home.isAncestor(base, of: theirs))
      #expect(try await home.failure("sync", "a").0.summary == "a and main conflict in shared.txt")
      TestHome.write("one\nboth\nthree\n", to: made.directory + "/shared.txt")
      await home.git("add", "shared.txt", directory: made.directory)
      #expect(try await home.failure("sync", "a", "--continue").0.summary == "a and main conflict in ui/b.txt")
      TestHome.write("both\n", to: made.directory + "/ui/b.txt")
      await home.git("add", "ui/b.txt", directory: made.directory)
      let reply: BranchReply = try await home.json("sync", "a", "--continue")
      #expect(reply.steps.last?.hasSuffix("is complete") == true)
      let subjects = await home.git("log", "--format=%s", "\(theirs)..HEAD", directory: made.directory)
      #expect(subjects == "second\nmine")
    }
  }

  @Test func `what was resolved is kept where something else stands in the way of going on`() async throws {
    try await TestHome.withRepository { home in
      let (made, _, _) = try await conflicting(home)
      await home.commit("ui/late.txt", "late\n", in: made.directory, message: "late")
      #expect(await home.apus("sync", "a").status == 4)
      TestHome.write("one\nboth\nthree\n", to: made.directory + "/shared.txt")
      await home.git("add", "shared.txt", directory: made.directory)
      TestHome.write("in the way\n", to: made.directory + "/ui/late.txt")
      let (failure, code) = try await home.failure("sync", "a", "--continue")
      #expect(code != 0)
      #expect(failure.code != .internalError)
      #expect(TestHome.text(made.directory + "/ui/late.txt") == "in the way\n")
      #expect(TestHome.text(made.directory + "/shared.txt") == "one\nboth\nthree\n")
      unlink(made.directory + "/ui/late.txt")
      let reply: BranchReply = try await home.json("sync", "a", "--continue")
      #expect(reply.commit == (await home.head(made.directory)))
      #expect(await home.git("show", "HEAD:shared.txt", directory: made.directory) == "one\nboth\nthree")
      #expect(TestHome.text(made.directory + "/ui/late.txt") == "late\n")
    }
  }
}
