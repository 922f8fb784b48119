import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C3, F10: what a list says of places is so now, and costs nothing where nothing happens.
@Suite struct StatusTests {
  private func row(_ home: TestHome, _ name: String = "one") async throws -> SessionObject {
    let rows: [SessionObject] = try await home.json("list")
    return try #require(rows.first { $0.name == name })
  }

  /// What is seen at once: nothing is waited for.
  private func expect(
    _ home: TestHome, dirty: Bool, ahead: Int = 0, behind: Int = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let seen = try await row(home)
    #expect(seen.dirty == dirty, sourceLocation: sourceLocation)
    #expect(seen.ahead == ahead, sourceLocation: sourceLocation)
    #expect(seen.behind == behind, sourceLocation: sourceLocation)
  }

  @Test func `what is edited, added, committed and undone is seen at the next look`() async throws {
    try await TestHome.withRepository { home in
      let worktree = try #require(try await home.session("new", "one").worktree)
      try await expect(home, dirty: false)
      TestHome.write("changed\n", to: worktree + "/server/a.txt")
      try await expect(home, dirty: true)
      await home.git("checkout", "--", ".", directory: worktree)
      try await expect(home, dirty: false)
      // A directory that was not there when the tree was first watched, and then one inside it.
      Disk.makeDirectory(worktree + "/new/deep", mode: 0o755)
      try await expect(home, dirty: false)
      TestHome.write("x\n", to: worktree + "/new/deep/file")
      try await expect(home, dirty: true)
      await home.git("add", "--all", directory: worktree)
      try await expect(home, dirty: true)
      await home.git("commit", "--quiet", "-m", "new", directory: worktree)
      try await expect(home, dirty: false, ahead: 1)
      TestHome.write("y\n", to: worktree + "/new/deep/file")
      try await expect(home, dirty: true, ahead: 1)
      await home.git("reset", "--quiet", "--hard", "HEAD~1", directory: worktree)
      try await expect(home, dirty: false)
      #expect(unlink(worktree + "/shared.txt") == 0)
      try await expect(home, dirty: true)
    }
  }

  @Test func `what the base and the remote gained is seen at the next look`() async throws {
    try await TestHome.withRepository { home in
      let worktree = try #require(try await home.session("new", "one").worktree)
      await home.commit("server/a.txt", "own\n", in: worktree)
      try await expect(home, dirty: false, ahead: 1)
      await home.commit("ui/b.txt", "base\n", in: home.work)
      try await expect(home, dirty: false, ahead: 1, behind: 1)
      await home.git("pack-refs", "--all")
      await home.commit("ui/b.txt", "more\n", in: home.work)
      try await expect(home, dirty: false, ahead: 1, behind: 2)
      let origin = home.root + "/origin.git"
      await home.git("clone", "--quiet", "--bare", home.work, origin)
      let other = home.root + "/other"
      await home.git("clone", "--quiet", origin, other)
      await home.commit("ui/b.txt", "far\n", in: other)
      await home.git("push", "--quiet", directory: other)
      await home.git("remote", "add", "origin", origin)
      await home.git("fetch", "--quiet", "origin")
      try await expect(home, dirty: false, ahead: 1, behind: 3)
      await home.git("merge", "--quiet", "--no-edit", "origin/main", directory: worktree)
      try await expect(home, dirty: false, ahead: 2, behind: 0)
    }
  }

  @Test func `what becomes ignored, or no longer is, is seen at the next look`() async throws {
    try await TestHome.withRepository { home in
      let worktree = try #require(try await home.session("new", "one").worktree)
      Disk.makeDirectory(worktree + "/ignored", mode: 0o755)
      TestHome.write("x\n", to: worktree + "/ignored/file")
      try await expect(home, dirty: false)
      TestHome.write("x\n", to: worktree + "/scratch")
      try await expect(home, dirty: true)
      let exclude = home.work + "/.git/info/exclude"
      TestHome.write(TestHome.text(exclude) + "scratch\n", to: exclude)
      try await expect(home, dirty: false)
      TestHome.write("*.log\n", to: worktree + "/.gitignore")
      await home.git("commit", "--quiet", "--all", "-m", "nothing is ignored", directory: worktree)
      try await expect(home, dirty: true, ahead: 1)
      await home.git("add", "--all", directory: worktree)
      await home.git("commit", "--quiet", "-m", "all", directory: worktree)
      try await expect(home, dirty: false, ahead: 2)
      // What was ignored when the tree was first watched is watched now.
      TestHome.write("y\n", to: worktree + "/ignored/file")
      try await expect(home, dirty: true, ahead: 2)
    }
  }

  @Test func `a place that works in the checkout itself is looked at there`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one", "--here")
      #expect(try await row(home).dirty == false)
      TestHome.write("changed\n", to: made.directory + "/shared.txt")
      #expect(try await row(home).dirty == true)
      await home.git("checkout", "--", ".")
      #expect(try await row(home).dirty == false)
    }
  }

  @Test func `a list of quiet sessions starts no git, nor does what git ignores`() async throws {
    try await TestHome.withRepository { home in
      let (bin, count) = (home.root + "/bin", home.root + "/count")
      Disk.makeDirectory(bin)
      let git = "#!/bin/sh\necho \"$PWD: $*\" >> '\(count)'\nexec /usr/bin/git \"$@\"\n"
      Disk.write(git, to: bin + "/git", mode: 0o755)
      let counted = ["PATH": bin + ":" + (home.environment["PATH"] ?? "")]
      Disk.makeDirectory(home.work + "/ignored")
      var worktrees: [String] = []
      for name in ["one", "two", "three"] {
        let made = try await home.session("new", name, extra: counted)
        let worktree = try #require(made.worktree)
        Disk.makeDirectory(worktree + "/ignored/deep", mode: 0o755)
        TestHome.write("x\n", to: worktree + "/ignored/deep/file")
        worktrees.append(worktree)
      }
      #expect(!TestHome.text(count).isEmpty)
      #expect(
        await eventually {
          let before = Disk.size(count)
          _ = await home.apus("list")
          _ = await home.apus("claim", "list")
          return Disk.size(count) == before
        })
      let before = TestHome.text(count)
      for _ in 0..<3 { #expect(await home.apus("list").status == 0) }
      #expect(TestHome.text(count).dropFirst(before.count) == "")
      for worktree in worktrees {
        TestHome.write("y\n", to: worktree + "/ignored/deep/file")
        TestHome.write("z\n", to: worktree + "/ignored/other")
      }
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.map(\.dirty) == [false, false, false])
      #expect(TestHome.text(count).dropFirst(before.count) == "")
      // One that changed is looked at, and the others are not.
      // In one step: a file that is emptied first has changed twice where the machine is busy.
      TestHome.write("changed\n", to: home.root + "/changed")
      rename(home.root + "/changed", worktrees[0] + "/shared.txt")
      #expect(try await row(home).dirty == true)
      let asked = TestHome.text(count).dropFirst(before.count).split(separator: "\n")
      let looks = asked.filter { $0.contains(" status ") }
      #expect(!looks.isEmpty && looks.allSatisfy { $0.hasPrefix(worktrees[0] + ":") }, "\(asked)")
    }
  }

  @Test func `looking takes no lock of git's and writes nothing of its`() async throws {
    try await TestHome.withRepository { home in
      let worktree = try #require(try await home.session("new", "one").worktree)
      let own = await home.git("rev-parse", "--path-format=absolute", "--git-dir", directory: worktree)
      // Git's own look would write the index anew for the sake of times.
      Disk.age(worktree + "/shared.txt", days: 1)
      let before = Disk.bytes(own + "/index")
      for lock in [own + "/index.lock", home.work + "/.git/index.lock"] { Disk.write("", to: lock) }
      TestHome.write("changed\n", to: worktree + "/ui/b.txt")
      try await expect(home, dirty: true)
      #expect(await home.apus("conflicts").status == 0)
      #expect(Disk.bytes(own + "/index") == before)
      for lock in [own + "/index.lock", home.work + "/.git/index.lock"] {
        #expect(Disk.size(lock) == 0)
        unlink(lock)
      }
    }
  }

  @Test func `a list is answered while a place is gone, and says that it does not know`() async throws {
    try await TestHome.withRepository { home in
      let worktree = try #require(try await home.session("new", "one").worktree)
      _ = try await home.session("new", "two")
      try await expect(home, dirty: false)
      #expect(rename(worktree, home.root + "/moved") == 0)
      let seen = try await row(home)
      #expect(seen.dirty == nil && seen.ahead == nil)
      #expect(try await row(home, "two").dirty == false)
      #expect(rename(home.root + "/moved", worktree) == 0)
      #expect(await eventually { (try? await row(home))?.dirty == false })
    }
  }
}
