import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row C11, and what age and trouble leave: commits on the wrong branch, lost work, old work, half work.
@Suite struct LostAndFoundTests {
  @Test func `commits made on the base go to a new branch, and what is not committed stays`() async throws {
    try await TestHome.withRepository { home in
      let before = await home.git("rev-parse", "main")
      await home.commit("ui/one.txt", "1\n", in: home.work, message: "one")
      let tip = await home.commit("ui/two.txt", "2\n", in: home.work, message: "two")
      TestHome.write("notes\n", to: home.work + "/docs/c.md")
      #expect(await home.apus("move-commits", "main", "feature/x").status == 2, "which ones, it cannot know")
      #expect(await home.apus("move-commits", "main", "feature/x", "--last", "2").status == 0)
      #expect(await home.git("rev-parse", "main", "feature/x") == before + "\n" + tip)
      #expect(await home.git("status", "--porcelain") == " M docs/c.md")
      let back = await home.apus("undo")
      #expect(back.status == 0, "\(back.errors)")
      #expect(await home.git("rev-parse", "main") == tip)
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      #expect(TestHome.text(home.work + "/docs/c.md") == "notes\n")
    }
  }

  @Test func `they go to a session as well, and a conflict moves nothing`() async throws {
    try await TestHome.withRepository { home in
      let wrong = try #require(try await home.session("new", "wrong").worktree)
      let right = try #require(try await home.session("new", "right").worktree)
      let base = await home.git("rev-parse", "main")
      await home.commit("ui/one.txt", "1\n", in: wrong, message: "one")
      #expect(await home.apus("move-commits", "wrong", "right").status == 0)
      #expect(await home.git("rev-parse", "HEAD", directory: wrong) == base)
      #expect(await home.git("log", "--format=%s", "-n", "1", directory: right) == "one")
      #expect(TestHome.text(right + "/ui/one.txt") == "1\n")
      #expect(!Disk.isThere(wrong + "/ui/one.txt"))

      let mine = await home.commit("shared.txt", "mine\n", in: wrong)
      let theirs = await home.commit("shared.txt", "theirs\n", in: right)
      let (failure, code) = try await home.failure("move-commits", "wrong", "right")
      #expect((failure.code, code) == (.workConflict, 4))
      #expect(failure.summary.contains("shared.txt"))
      #expect(await home.git("rev-parse", "HEAD", directory: wrong) == mine)
      #expect(await home.git("rev-parse", "HEAD", directory: right) == theirs)
      #expect(await home.git("status", "--porcelain", directory: right).isEmpty)
      // Both went on since the first move: putting them back would lose that.
      let (late, no) = try await home.failure("undo")
      #expect((late.code, no) == (.workConflict, 4))
    }
  }

  @Test func `what was pushed is not taken back`() async throws {
    try await TestHome.withRepository { home in
      await home.git("clone", "--quiet", "--bare", home.work, home.root + "/origin.git")
      await home.git("remote", "add", "origin", home.root + "/origin.git")
      let tip = await home.commit("ui/one.txt", "1\n", in: home.work)
      await home.git("push", "--quiet", "origin", "main")
      let (failure, code) = try await home.failure("move-commits", "main", "feature/x", "--last", "1")
      #expect((failure.code, code) == (.workConflict, 4))
      #expect(await home.git("rev-parse", "main") == tip)
    }
  }

  @Test func `branches, commits, the work log and what was said are looked through`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "limits", "--prompt", "say: the Rate Limit is per user", "--wait")
      await home.commit("ui/x.txt", "x\n", in: try #require(made.worktree), message: "Add a rate limit")
      TestHome.write("# Log\n\n### Session: by hand\n- **Branch**: `rate-limit-2`\n", to: home.work + "/WORK_LOG.md")
      await home.git("branch", "rate-limit-old")
      let found: [FoundObject] = try await home.json("find", "rate", "limit")
      #expect(found.contains { $0.kind == "commit" && $0.text == "Add a rate limit" })
      #expect(found.contains { $0.kind == "transcript" && $0.session == "limits" && $0.text.contains("per user") })
      let dashed: [FoundObject] = try await home.json("find", "rate-limit")
      #expect(dashed.contains { $0.kind == "branch" && $0.name == "rate-limit-old" })
      #expect(dashed.contains { $0.kind == "work log" && $0.name == "by hand" })
      let all: [FoundObject] = try await home.json("find")
      #expect(Set(all.map(\.kind)) == ["branch", "graph", "work log"])
      #expect(all.contains { $0.name == made.branch && $0.session == "limits" })
      #expect(await home.apus("find", "nobody ever said this").output == "Nothing found.\n")

      let moved: [WorkLog.Entry] = try await home.json("work-log")
      #expect(moved.map(\.title) == ["by hand"])
    }
  }

  @Test func `age lets go of rescues, recordings and merged places, and only of what is clean`() async throws {
    try await TestHome.withRepository { home in
      for name in ["merged", "dirty", "removed"] {
        let directory = try #require(try await home.session("new", name).worktree)
        #expect(await home.apus("stop", name).status == 0)
        await home.commit("ui/\(name).txt", "x\n", in: directory)
        #expect(await home.apus("merge", name).status == 0)
        if name == "dirty" { TestHome.write("more\n", to: directory + "/more.txt") }
      }
      #expect(await home.apus("remove", "removed").status == 0)
      #expect(await home.apus("gc").output == "Nothing is old enough to go.\n")
      let plan: [GarbageObject] = try await home.json("gc", "--older-than", "0")
      #expect(plan.map(\.kind).sorted() == ["place", "place", "rescue", "runs"])
      #expect(Disk.isThere(home.apusHome + "/worktrees/work/merged"), "a plan changes nothing")
      let done = await home.apus("gc", "--older-than", "0", "--yes", "--json")
      #expect(done.status == 1)
      let results = try JSONText.decode([GarbageObject].self, from: Array(done.output.utf8))
      #expect(results.filter { $0.result == "removed" }.count == 3)
      #expect(results.contains { $0.what.contains("dirty") && $0.result?.contains("more.txt") == true })
      #expect(!Disk.isThere(home.apusHome + "/worktrees/work/merged"))
      #expect(Disk.isThere(home.apusHome + "/worktrees/work/dirty/more.txt"))
      #expect(await home.git("for-each-ref", "--format=%(refname)", "refs/apus").split(separator: "\n").count == 1)
    }
  }

  @Test func `a lock nobody holds is named and removed, one that is held is left alone`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "a")
      let own = await home.git("rev-parse", "--absolute-git-dir", directory: made.directory)
      let (stale, held) = (own + "/index.lock", home.work + "/.git/config.lock")
      for path in [stale, held] {
        TestHome.write("", to: path)
        Disk.age(path, days: 1)
      }
      let holder = open(held, O_RDONLY | O_CLOEXEC)
      defer { close(holder) }
      let seen = await home.apus("doctor")
      #expect(seen.output.contains(stale) && !seen.output.contains(held))
      #expect(Disk.isThere(stale), "looking removes nothing")
      _ = await home.apus("doctor", "--mend")
      #expect(!Disk.isThere(stale) && Disk.isThere(held))
      unlink(held)
      // A fresh one is somebody's at work.
      TestHome.write("", to: stale)
      #expect(await !home.apus("doctor").output.contains(stale))
      unlink(stale)
    }
  }

  @Test func `a worktree no session owns is kept under a ref and removed`() async throws {
    try await TestHome.withRepository { home in
      _ = try await home.session("new", "a")
      let stray = home.apusHome + "/worktrees/work/stray"
      await home.git("worktree", "add", "--quiet", "--detach", stray)
      TestHome.write("precious\n", to: stray + "/precious.txt")
      let seen = await home.apus("doctor")
      #expect(seen.status == 1)
      #expect(seen.output.contains(stray))
      #expect(await home.apus("doctor", "--mend").status == 0)
      #expect(!Disk.isThere(stray))
      let kept: [RescueObject] = try await home.json("rescue", "list")
      let ref = try #require(kept.first?.ref)
      #expect(await home.git("show", ref + ":precious.txt") == "precious")
    }
  }
}
