import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows C12, F10: what may be wrong with places is named, and mended without anything being lost.
@Suite struct MendTests {
  @Test func `a lock of git's that nobody holds is named and removed, and one that is held is left alone`() async throws
  {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let own = await home.git("rev-parse", "--absolute-git-dir", directory: made.directory)
      let stale = [home.work + "/.git/index.lock", own + "/index.lock", home.work + "/.git/refs/heads/x.lock"]
      let (held, young) = (home.work + "/.git/config.lock", home.work + "/.git/packed-refs.lock")
      for path in stale + [held] {
        TestHome.write("", to: path)
        Disk.age(path, days: 1)
      }
      TestHome.write("", to: young)
      // Somebody has it open.
      let descriptor = apus_open(held, O_RDONLY, 0)
      defer { close(descriptor) }
      #expect(descriptor >= 0)
      let found = try await home.problems()
      #expect(
        Set(found.map(\.what)) == Set(stale.map { "a lock of git's that nobody holds any more: \($0) (24 h old)" }))
      #expect(found.allSatisfy { $0.mend == "apus doctor --mend" })
      for path in stale + [held, young] { #expect(Disk.isThere(path)) }
      #expect(try await home.problems("--mend").isEmpty)
      for path in stale { #expect(!Disk.isThere(path)) }
      for path in [held, young] { #expect(Disk.isThere(path)) }
      unlink(held)
      unlink(young)
      #expect(await home.status().isEmpty)
      #expect(await home.apus("merge", "a").status == 0)
    }
  }

  @Test func `a worktree that no session owns is kept under a ref, then removed, and comes back by its name`()
    async throws
  {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let place = String(made.directory.dropLast(2)) + "/stray"
      await home.git("worktree", "add", "--quiet", "-b", "stray", place)
      let tip = await home.commit("server/stray.txt", "stray\n", in: place)
      TestHome.write("changed\n", to: place + "/shared.txt")
      TestHome.write("loose\n", to: place + "/loose.txt")
      #expect(try await home.problems().map(\.what) == ["a worktree that no session owns: \(place)"])
      #expect(TestHome.text(place + "/loose.txt") == "loose\n")
      #expect(try await home.problems("--mend").isEmpty)
      #expect(!Disk.isThere(place))
      #expect(Disk.isThere(made.directory))
      #expect(await home.git("worktree", "list").split(separator: "\n").count == 2)
      let kept = try #require(try await home.rescues().first)
      #expect(kept.kind == "stray")
      #expect(await home.git("rev-parse", "stray", "\(kept.commit)^") == "\(tip)\n\(tip)")
      #expect(await home.git("show", "\(kept.commit):shared.txt") == "changed")
      #expect(await home.git("show", "\(kept.commit):loose.txt") == "loose")
      // It is nobody's last removal: undo does not take it for one.
      #expect(await home.apus("remove", "a").status == 0)
      #expect(try await home.json("undo", as: RestoreReply.self).session == "a")
      #expect(await home.apus("undo").status == 3)
      let back = await home.apus("rescue", "restore", "stray")
      #expect(back.status == 0, "\(back.errors)")
      #expect(back.output.contains("rescued/stray"))
      #expect(await home.git("show", "rescued/stray:loose.txt") == "loose")
      #expect(try await home.rescues().isEmpty)
    }
  }

  @Test func `a stray worktree with a repository inside it is left alone`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let place = String(made.directory.dropLast(2)) + "/stray"
      await home.git("worktree", "add", "--quiet", "-b", "stray", place)
      await home.makeRepository(place + "/inner", settings: nil)
      #expect(try await home.problems("--mend").contains { $0.what.contains("inner") })
      #expect(TestHome.text(place + "/inner/shared.txt") == "one\ntwo\nthree\n")
      #expect(try await home.rescues().isEmpty)
    }
  }

  @Test func `a directory among the worktrees that is none is left alone where something is in it`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a")
      let parent = String(made.directory.dropLast(2))
      for name in ["empty", "full"] { mkdir(parent + "/" + name, 0o755) }
      TestHome.write("a person's\n", to: parent + "/full/notes.txt")
      let left = try await home.problems("--mend")
      #expect(left.contains { $0.what.hasPrefix("\(parent)/full: it is no worktree and not empty") }, "\(left)")
      #expect(!Disk.isThere(parent + "/empty"))
      #expect(TestHome.text(parent + "/full/notes.txt") == "a person's\n")
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible))
  func `a removal that failed on its way is named, and completed once it can be`() async throws {
    try await TestHome.withRepository { home in
      let session = try await home.quiet("a")
      let worktree = try #require(session.worktree)
      TestHome.write("loose\n", to: worktree + "/loose.txt")
      // Nobody can remove a directory that something is mounted on.
      let disk = try #require(SmallDisk(at: worktree + "/ignored", megabytes: 1))
      defer { disk.takeAway() }
      #expect(await home.apus("remove", "a", "--discard-uncommitted").status == 1)
      #expect(try await home.problems().contains { $0.what.contains("remove of a was cut off") })
      disk.takeAway()
      #expect(try await home.problems("--mend").isEmpty)
      #expect(!Disk.isThere(worktree))
      #expect(await home.git("branch", "--format=%(refname:short)") == "main")
      let ref = try #require(try await home.rescues().last?.ref)
      #expect(await home.git("show", ref + ":loose.txt") == "loose")
    }
  }
}
