import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C12: what was removed can be brought back as it was.
@Suite struct UndoTests {
  private static let flags = ["--discard-uncommitted", "--discard-unpushed"]

  private func remove(_ home: TestHome, _ name: String) async {
    let outcome = await home.run(["remove", name] + Self.flags)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test func `undo brings back branch, worktree, what was staged, what was not, and the session`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "a", "--prompt", "say: hello", "--wait")
      #expect(await home.apus("stop", "a").status == 0)
      let directory = made.directory
      symlink("../shared.txt", directory + "/ui/link")
      Disk.write("#!/bin/sh\n", to: directory + "/server/run.sh", mode: 0o755)
      await home.git("add", "ui/link", "server/run.sh", directory: directory)
      let tip = await home.commit("server/new.txt", "new\n", in: directory, message: "mine")
      // Staged, staged and changed again, changed, deleted, deleted and staged, new, new and staged, another mode,
      // another target, a name that is hard to write.
      TestHome.write("staged\n", to: directory + "/docs/c.md")
      TestHome.write("one\nstaged\nthree\n", to: directory + "/shared.txt")
      await home.git("add", "docs/c.md", "shared.txt", directory: directory)
      TestHome.write("one\nchanged\nthree\n", to: directory + "/shared.txt")
      TestHome.write("ui, changed\n", to: directory + "/ui/b.txt")
      unlink(directory + "/server/a.txt")
      await home.git("rm", "--quiet", "server/new.txt", directory: directory)
      TestHome.write("added\n", to: directory + "/ui/added.txt")
      await home.git("add", "ui/added.txt", directory: directory)
      mkdir(directory + "/über uns", 0o755)
      TestHome.write("loose\n", to: directory + "/über uns/-x \"y\".txt")
      chmod(directory + "/server/run.sh", 0o644)
      Disk.write("loose\n", to: directory + "/loose.sh", mode: 0o755)
      symlink("nowhere", directory + "/loose-link")
      let before = await home.status(directory)
      #expect(before.split(separator: "\n").count == 10, "\(before)")
      let staged = await home.git("diff", "--cached", directory: directory)
      let changed = await home.git("diff", directory: directory)

      await remove(home, "a")
      #expect(!Disk.isThere(directory))
      let gone: [SessionObject] = try await home.json("list")
      #expect(gone.isEmpty)
      let rescue = try #require(try await home.rescues().first)
      #expect(rescue.kind == "remove")
      #expect(rescue.name == "a")

      let reply: RestoreReply = try await home.json("undo")
      #expect(reply.session == "a")
      #expect(await home.status(directory) == before)
      #expect(await home.git("diff", "--cached", directory: directory) == staged)
      #expect(await home.git("diff", directory: directory) == changed)
      #expect(TestHome.text(directory + "/über uns/-x \"y\".txt") == "loose\n")
      #expect(Disk.mode(directory + "/loose.sh").map { $0 & 0o100 } == 0o100)
      #expect(Disk.link(directory + "/loose-link") == "nowhere")
      #expect(Disk.link(directory + "/ui/link") == "../shared.txt")
      #expect(await home.head(directory) == tip)
      #expect(await home.git("symbolic-ref", "--short", "HEAD", directory: directory) == made.branch)
      #expect(try await home.rescues().isEmpty)
      // It goes on where it was, under its name, with a port.
      #expect(try await home.session("show", "a").ports.keys == made.ports.keys)
      let resumed = try await home.session("resume", "a")
      #expect(resumed.id == made.id)
      #expect(resumed.conversationID == made.conversationID)
      #expect(resumed.directory == directory)
      let answer = try await home.session("send", "a", "say: again", "--wait")
      #expect(answer.result == "again")
    }
  }

  @Test func `a change of the same length in the same second as a commit is kept`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      #expect(await home.changeAtOnce("shared.txt", "one\nTWO\nthree\n", in: made.directory))
      await remove(home, "a")
      #expect(await home.apus("undo").status == 0)
      #expect(TestHome.text(made.directory + "/shared.txt") == "one\nTWO\nthree\n")
    }
  }

  @Test(arguments: ["--assume-unchanged", "--skip-worktree"])
  func `a change that git was told not to look at is kept all the same`(flag: String) async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      await home.git("update-index", flag, "shared.txt", directory: made.directory)
      TestHome.write("my own\n", to: made.directory + "/shared.txt")
      await remove(home, "a")
      #expect(await home.apus("undo").status == 0)
      #expect(TestHome.text(made.directory + "/shared.txt") == "my own\n")
    }
  }

  @Test func `removals are undone one by one, the last one first, or by name`() async throws {
    try await TestHome.withRepository { home in
      var made: [String: SessionObject] = [:]
      for name in ["a", "b", "c"] {
        made[name] = try await home.quiet(name)
        TestHome.write(name + "\n", to: try #require(made[name]).directory + "/loose.txt")
      }
      for name in ["a", "b", "c"] { await remove(home, name) }
      #expect(try await home.rescues().map(\.name) == ["c", "b", "a"])
      #expect(await home.apus("rescue", "list").output.split(separator: "\n").count == 3)
      let first: RestoreReply = try await home.json("rescue", "restore", "a")
      #expect(first.session == "a")
      let second: RestoreReply = try await home.json("undo")
      #expect(second.session == "c")
      let third: RestoreReply = try await home.json(
        "rescue", "restore", try #require(try await home.rescues().first).id)
      #expect(third.session == "b")
      for (name, session) in made { #expect(TestHome.text(session.directory + "/loose.txt") == name + "\n") }
      let (failure, code) = try await home.failure("undo")
      #expect(code == 3)
      #expect(failure.code == .rescueNotFound)
      let unknown = await home.apus("rescue", "restore", "--", "--all")
      #expect(unknown.status == 3, "\(unknown.errors)")
      #expect(await home.apus("rescue", "list").output == "Nothing is kept.\n")
    }
  }

  @Test func `a name that was used again meanwhile keeps its new owner`() async throws {
    try await TestHome.withRepository { home in
      let first = try await home.quiet("a", "--kind", "feature")
      TestHome.write("loose\n", to: first.directory + "/loose.txt")
      await remove(home, "a")
      let second = try await home.quiet("a", "--kind", "bug")
      let (failure, code) = try await home.failure("undo")
      #expect(code == 4)
      #expect(failure.code == .pathTaken)
      #expect(try await home.session("show", "a").id == second.id)
      #expect(await home.status(second.directory).isEmpty)
      await remove(home, "a")
      let back: RestoreReply = try await home.json("rescue", "restore", first.id)
      #expect(back.session == "a")
      #expect(TestHome.text(first.directory + "/loose.txt") == "loose\n")
    }
  }

  @Test func `a branch that was made again meanwhile refuses, and what is kept stays`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let tip = await home.commit("server/new.txt", "new\n", in: made.directory)
      await remove(home, "a")
      let branch = try #require(made.branch)
      await home.git("branch", branch)
      let (failure, code) = try await home.failure("undo")
      #expect(code == 4)
      #expect(failure.code == .branchTaken)
      #expect(!Disk.isThere(made.directory))
      #expect(await home.git("rev-parse", branch) == (await home.head()))
      #expect(try await home.rescues().count == 1)
      await home.git("branch", "--move", branch, "other")
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head(made.directory) == tip)
    }
  }

  @Test func `commits made on no branch come back within reach, the branch where it was`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let branched = await home.commit("server/new.txt", "new\n", in: made.directory)
      await home.git("switch", "--quiet", "--detach", directory: made.directory)
      let loose = await home.commit("server/loose.txt", "loose\n", in: made.directory)
      await remove(home, "a")
      let rescue = try #require(try await home.rescues().first)
      #expect(await home.isAncestor(loose, of: rescue.commit))
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head(made.directory) == branched)
      #expect(TestHome.text(made.directory + "/server/loose.txt") == "loose\n")
    }
  }

  @Test func `a removal in the middle of a conflict loses neither side`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let mine = await home.commit("shared.txt", "one\nmine\nthree\n", in: made.directory)
      await home.commit("shared.txt", "one\ntheirs\nthree\n", in: home.work)
      #expect(await home.apus("sync", "a").status == 4)
      let marked = TestHome.text(made.directory + "/shared.txt")
      #expect(marked.contains("<<<<<<<"))
      #expect(await home.apus("remove", "a", "--discard-unpushed").status == 4)
      await remove(home, "a")
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      #expect(await home.apus("undo").status == 0)
      #expect(await home.head(made.directory) == mine)
      #expect(TestHome.text(made.directory + "/shared.txt") == marked)
      // The branch is one's own again.
      await home.git("checkout", "--quiet", "--", "shared.txt", directory: made.directory)
      #expect(await home.apus("sync", "a").status == 4)
      #expect(await home.apus("sync", "a", "--abort").status == 0)
    }
  }
}
