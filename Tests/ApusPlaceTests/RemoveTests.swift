import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row C12: removing loses nothing.
@Suite struct RemoveTests {
  private func ended(_ home: TestHome, _ name: String, _ arguments: String...) async throws -> String {
    let made = await home.run(["new", name, "--json"] + arguments)
    #expect(made.status == 0, "\(made.errors)\(made.output)")
    let session = try JSONText.decode(SessionObject.self, from: Array(made.output.utf8))
    #expect(await home.apus("stop", name).status == 0)
    return try #require(session.worktree)
  }

  @Test func `each thing that would be lost refuses by itself, and is overruled by itself`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "live")
      let (alive, code) = try await home.failure("remove", "live")
      #expect((alive.code, code) == (.sessionLive, 4))
      #expect(alive.summary.contains("run 1 is live"))
      let other = try await home.failure("remove", "live", "--discard-uncommitted")
      #expect(other.1 == 4)
      #expect(await home.apus("remove", "live", "--stop").status == 0)
      #expect(!Disk.isThere(try #require(made.worktree)))

      let changed = try await ended(home, "changed")
      TestHome.write("changed\n", to: changed + "/shared.txt")
      let (uncommitted, _) = try await home.failure("remove", "changed", "--discard-unpushed")
      #expect(uncommitted.code == .workUnsaved)
      #expect(uncommitted.summary.contains("1 uncommitted file (shared.txt)"))

      let loose = try await ended(home, "loose")
      TestHome.write("loose\n", to: loose + "/loose.txt")
      let (untracked, _) = try await home.failure("remove", "loose")
      #expect(untracked.summary.contains("1 untracked file (loose.txt)"))

      let alone = try await ended(home, "alone")
      await home.commit("ui/alone.txt", "alone\n", in: alone)
      let (unpushed, _) = try await home.failure("remove", "alone", "--discard-uncommitted")
      #expect(unpushed.summary.contains("1 commit not pushed"))
      let plan: RemoveReply = try await home.json("remove", "alone", "--plan")
      #expect(plan.against.map(\.obstacle) == [.unpushed])
      #expect(!plan.removed && Disk.isThere(alone))

      let (all, usage) = try await home.failure(
        "remove", "alone", "--stop", "--discard-uncommitted", "--discard-unpushed")
      #expect((all.code, usage) == (.usage, 2))
      for (name, flag) in [
        ("changed", "--discard-uncommitted"), ("loose", "--discard-uncommitted"), ("alone", "--discard-unpushed"),
      ] {
        #expect(await home.apus("remove", name, flag).status == 0, "\(name)")
      }
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      let kept: [RescueObject] = try await home.json("rescue", "list")
      #expect(Set(kept.map(\.name)) == ["live", "changed", "loose", "alone"])
    }
  }

  @Test func `what was merged or pushed goes without a word`() async throws {
    try await TestHome.withRepository { home in
      await home.git("clone", "--quiet", "--bare", home.work, home.root + "/origin.git")
      await home.git("remote", "add", "origin", home.root + "/origin.git")
      let pushed = try await ended(home, "pushed")
      await home.commit("ui/p.txt", "p\n", in: pushed)
      await home.git("push", "--quiet", "origin", "HEAD", directory: pushed)
      let squashed = try await ended(home, "squashed")
      await home.commit("ui/s.txt", "s\n", in: squashed)
      #expect(await home.apus("merge", "squashed", "--squash").status == 0)
      for name in ["pushed", "squashed"] { #expect(await home.apus("remove", name).status == 0, "\(name)") }
      let again = try await ended(home, "squashed")
      await home.commit("ui/new.txt", "new\n", in: again)
      #expect(await home.apus("remove", "squashed").status == 4)
    }
  }

  @Test func `who works in there keeps it, and so does a repository of its own`() async throws {
    try await TestHome.withRepository { home in
      let directory = try await ended(home, "a")
      let worker = try Running(["/bin/cat"], environment: home.environment, directory: directory + "/ui")
      let (refused, code) = try await home.failure("remove", "a")
      #expect((refused.code, code) == (.sessionLive, 4))
      #expect(refused.summary.contains("works in it"))
      await worker.release()

      await home.makeRepository(directory + "/inner", settings: nil)
      let (embedded, _) = try await home.failure("remove", "a", "--discard-uncommitted")
      #expect(embedded.code == .workUnsaved)
      #expect(embedded.summary.contains("inner"))
      #expect(Disk.isThere(directory + "/inner/shared.txt"))
    }
  }

  @Test func `undo brings back branch, files as they were, and the session under its name`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "a", "--prompt", "say: remembered", "--wait")
      let directory = try #require(made.worktree)
      #expect(await home.apus("stop", "a").status == 0)
      let commit = await home.commit("ui/own.txt", "own\n", in: directory)
      TestHome.write("changed\n", to: directory + "/shared.txt")
      TestHome.write("staged\n", to: directory + "/staged.txt")
      await home.git("add", "staged.txt", directory: directory)
      unlink(directory + "/docs/c.md")
      Disk.write("#!/bin/sh\n", to: directory + "/run.sh", mode: 0o755)
      symlink("shared.txt", directory + "/link")
      TestHome.write("ignored\n", to: directory + "/x.log")
      #expect(await home.apus("remove", "a", "--discard-uncommitted", "--discard-unpushed").status == 0)
      #expect(!Disk.isThere(directory))
      #expect(await home.apus("list", "--json").output == "[]\n")
      // Its name is free for another meanwhile, and its own again once that is gone.
      _ = try await home.session("new", "other")
      let back: RestoreReply = try await home.json("undo")
      #expect(back.session == "a")
      #expect(await home.git("rev-parse", "HEAD", directory: directory) == commit)
      #expect(await home.git("symbolic-ref", "--short", "HEAD", directory: directory) == made.branch)
      #expect(
        await home.git("status", "--porcelain", "--untracked-files=all", directory: directory).split(separator: "\n")
          .map(String.init)
          == [" D docs/c.md", " M shared.txt", "?? link", "?? run.sh", "?? staged.txt"])
      #expect(TestHome.text(directory + "/shared.txt") == "changed\n")
      #expect(Disk.link(directory + "/link") == "shared.txt")
      #expect((Disk.mode(directory + "/run.sh") ?? 0) & 0o100 != 0)
      let resumed = try await home.session("resume", "a", "say: more", "--wait")
      #expect(resumed.result == "more")
      #expect(resumed.conversationID == made.conversationID)
      #expect(resumed.ports.count == 1)
      #expect(await home.apus("rescue", "list").output == "Nothing is kept.\n")
    }
  }

  @Test func `a branch of somebody else's is not deleted, and a deleted worktree can still go`() async throws {
    try await TestHome.withRepository { home in
      await home.git("branch", "theirs")
      let directory = try await ended(home, "a", "--on", "theirs")
      await home.commit("ui/x.txt", "x\n", in: directory)
      #expect(await home.apus("remove", "a").status == 0)
      #expect(await home.git("branch", "--format=%(refname:short)") == "main\ntheirs")

      let gone = try await ended(home, "b")
      let commit = await home.commit("ui/y.txt", "y\n", in: gone)
      _ = await Program.run(["/bin/rm", "-rf", gone], environment: home.environment, directory: "/")
      #expect(await home.apus("doctor").output.contains("the worktree of b is gone"))
      #expect(await home.apus("remove", "b", "--discard-unpushed").status == 0)
      #expect(await home.apus("undo").status == 0)
      #expect(await home.git("rev-parse", "HEAD", directory: gone) == commit)
      // Where the branch was made anew, nothing is overwritten.
      #expect(await home.apus("remove", "b", "--discard-unpushed").status == 0)
      await home.git(
        "branch", try #require(try await home.json("rescue", "list", as: [RescueObject].self).first?.branch), "main")
      let (taken, code) = try await home.failure("undo")
      #expect((taken.code, code) == (.branchTaken, 4))
    }
  }
}
