import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Rows C1, F10: repositories of every kind are supported or refused clearly, with nothing left behind.
@Suite struct RepositoryKindTests {
  private func clean(
    _ home: TestHome, _ made: SessionObject, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let worktree = try #require(made.worktree, sourceLocation: sourceLocation)
    let status = await home.git("status", "--porcelain", directory: worktree, sourceLocation: sourceLocation)
    #expect(status.isEmpty, sourceLocation: sourceLocation)
    return worktree
  }

  @Test func `a repository without a commit is refused, and works as it is with --here`() async throws {
    try await TestHome.withRepository { home in
      let empty = home.root + "/empty"
      await home.git("init", "--quiet", "--initial-branch=main", empty, directory: home.root)
      let failure = try await home.leavesNothing(
        ["new", "one"], .repositoryUnusable, directory: empty, repository: empty)
      #expect(failure.hint?.contains("--here") == true)
      let made = try await home.session("new", "one", "--here", directory: empty)
      #expect(made.directory == empty && made.worktree == nil)
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.map(\.name) == ["one"])
    }
  }

  @Test func `a bare repository has places, though no checkout`() async throws {
    try await TestHome.withRepository { home in
      let bare = home.root + "/work.git"
      await home.git("clone", "--quiet", "--bare", home.work, bare)
      let one = try await home.session("new", "one", directory: bare)
      let worktree = try await clean(home, one)
      #expect(TestHome.text(worktree + "/shared.txt") == "one\ntwo\nthree\n")
      #expect(one.base == "main")
      // Beside those of the repository that is called the same.
      let other = try await home.session("new", "two")
      #expect(
        try #require(other.worktree).split(separator: "/").dropLast() != worktree.split(separator: "/").dropLast())
      try await home.leavesNothing(["new", "three", "--component", "ui"], .usage, directory: bare, repository: bare)
      #expect(await home.apus("remove", "one", "--stop").status == 0)
      #expect(await home.git("worktree", "list", directory: bare).split(separator: "\n").count == 1)
    }
  }

  @Test func `a shallow clone has places`() async throws {
    try await TestHome.withRepository { home in
      await home.commit("ui/b.txt", "second\n", in: home.work)
      let shallow = home.root + "/shallow"
      await home.git("clone", "--quiet", "--depth", "1", "file://" + home.work, shallow)
      let made = try await home.session("new", "one", directory: shallow)
      let worktree = try await clean(home, made)
      await home.commit("ui/b.txt", "third\n", in: worktree)
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.first?.ahead == 1 && rows.first?.behind == 0)
    }
  }

  @Test func `a detached checkout has places on its base, and where it has none says how to name one`() async throws {
    try await TestHome.withRepository { home in
      let first = await home.git("rev-parse", "HEAD")
      let second = await home.commit("ui/b.txt", "second\n", in: home.work)
      await home.git("checkout", "--quiet", "--detach", first)
      let one = try await home.session("new", "one")
      #expect(one.base == "main")
      _ = try await clean(home, one)
      #expect(try await home.head(of: one) == second)
      await home.git("branch", "--move", "main", "trunk")
      let failure = try await home.leavesNothing(["new", "two"], .repositoryUnusable)
      #expect(failure.hint?.contains("--base") == true)
      #expect(try await home.session("new", "two", "--base", "trunk").base == "trunk")
    }
  }

  @Test func `submodules are filled, and where they cannot be it is told`() async throws {
    try await TestHome.withRepository { home in
      let part = home.root + "/part"
      await home.makeRepository(part, settings: nil)
      await home.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part, "part")
      await home.git("commit", "--quiet", "-m", "part")
      let one = try await home.session("new", "one")
      #expect(one.notes?.contains { $0.contains("submodules could not be filled") } == true)
      await home.git("config", "--global", "protocol.file.allow", "always")
      let two = try await home.session("new", "two")
      #expect(two.notes?.contains { $0.contains("submodules") } == false, "\(two.notes ?? [])")
      let worktree = try await clean(home, two)
      #expect(TestHome.text(worktree + "/part/shared.txt") == "one\ntwo\nthree\n")
      for name in ["one", "two"] {
        let removed = await home.apus("remove", name, "--stop")
        #expect(removed.status == 0, "\(removed.errors)")
      }
      #expect(!Disk.isThere(worktree))
      #expect(TestHome.text(home.work + "/part/shared.txt") == "one\ntwo\nthree\n")
    }
  }

  @Test func `a sparse checkout has sparse places`() async throws {
    try await TestHome.withRepository { home in
      await home.git("sparse-checkout", "set", "server")
      let made = try await home.session("new", "one")
      let worktree = try await clean(home, made)
      #expect(Disk.isThere(worktree + "/server/a.txt"))
      #expect(Disk.isThere(worktree + "/shared.txt"))
      #expect(!Disk.isThere(worktree + "/ui"))
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.first?.dirty == false)
    }
  }

  @Test func `a repository whose path has blanks, quotes and letters of all kinds has places`() async throws {
    try await TestHome.withRepository { home in
      let odd = home.root + "/öd 'd\"\\ $(x) *"
      await home.makeRepository(odd, settings: TestHome.usualSettings)
      let made = try await home.session("new", "one", "--component", "ui", directory: odd)
      let worktree = try await clean(home, made)
      #expect(worktree.hasPrefix(home.apusHome + "/worktrees/"))
      #expect(await home.apus("shell", "one", "--", "cat", "ui/b.txt").output == "ui\n")
      #expect(await home.apus("remove", "one", "--stop").status == 0)
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible))
  func `a repository that cannot be written is told as such`() async throws {
    try await TestHome.withRepository { home in
      let disk = try #require(SmallDisk(at: home.root + "/small", megabytes: 8))
      defer { disk.takeAway() }
      let repository = disk.path + "/repository"
      await home.makeRepository(repository, settings: TestHome.usualSettings)
      #expect(await home.shell("/bin/mount -o remount,ro '\(disk.path)'").status == 0)
      let failure = try await home.leavesNothing(
        ["new", "one"], .workBusy, directory: repository, repository: repository)
      #expect(failure.summary.contains("cannot be written"))
      #expect(failure.hint?.contains("permissions") == true)
      // Nothing waits to be mended either.
      #expect(await home.troubles() == [])
    }
  }

  @Test func `names from people are data, and refused where they are none`() async throws {
    try await TestHome.withRepository { home in
      let wrong = [
        "--upload-pack=x", "../x", "a/b", ".", "..", ".git", "", " ", "a b", "a\nb", "safe\u{202E}exe", "-x",
        "a\u{1B}[2J",
        String(repeating: "x", count: 300), "ä", "$(touch x)", "@{-1}",
      ]
      for name in wrong {
        let failure = try await home.leavesNothing(["new", "--kind", "bug", "--", name], .nameInvalid)
        #expect(failure.summary.utf8.count < 300)
      }
      try await home.leavesNothing(["new", "--upload-pack=x"], .usage)
      for branch in [
        "--upload-pack=x", "../x", "a..b", "a\u{202E}b", "a\nb", "@", "x.lock", String(repeating: "x", count: 300),
      ] {
        try await home.leavesNothing(["new", "one", "--on=" + branch], .refInvalid)
      }
      try await home.leavesNothing(["new", "one", "--component", "\u{202E}\u{1B}[31m"], .usage)
      #expect(try await home.session("new", String(repeating: "x", count: 64)).worktree?.hasSuffix("xxxx") == true)
    }
  }
}
