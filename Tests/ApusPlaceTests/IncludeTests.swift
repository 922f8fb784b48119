import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C6: what git ignores and a worktree needs all the same; and the modes of what is made.
@Suite struct IncludeTests {
  @Test func `what is listed and ignored is copied, with its mode, and nothing else`() async throws {
    try await TestHome.withRepository { home in
      let work = home.work
      await home.commit(
        ".worktreeinclude", "# needed everywhere\n.env\n/ignored/\nshared.txt\n*.key\n!bad.log\n", in: work)
      Disk.write("SECRET=1\n", to: work + "/.env", mode: 0o640)
      Disk.makeDirectory(work + "/ignored/deep", mode: 0o755)
      Disk.write("#!/bin/sh\n", to: work + "/ignored/deep/tool", mode: 0o755)
      Disk.write("own\n", to: work + "/server/.env", mode: 0o600)
      symlink(".env", work + "/ignored/link")
      // Listed and tracked; listed and not ignored; ignored and not listed.
      Disk.write("changed\n", to: work + "/shared.txt")
      Disk.write("key\n", to: work + "/a.key")
      Disk.write("log\n", to: work + "/bad.log")

      let made = try await home.session("new", "one")
      let worktree = try #require(made.worktree)
      #expect(TestHome.text(worktree + "/.env") == "SECRET=1\n")
      #expect(Disk.mode(worktree + "/.env") == 0o640)
      #expect(Disk.mode(worktree + "/ignored/deep/tool") == 0o755)
      #expect(TestHome.text(worktree + "/server/.env") == "own\n")
      #expect(Disk.mode(worktree + "/server/.env") == 0o600)
      #expect(Disk.link(worktree + "/ignored/link") == ".env")
      #expect(TestHome.text(worktree + "/shared.txt") == "one\ntwo\nthree\n")
      #expect(!Disk.isThere(worktree + "/a.key") && !Disk.isThere(worktree + "/bad.log"))
      #expect(await home.git("status", "--porcelain", directory: worktree).isEmpty)
      #expect(made.notes?.contains { $0.contains("not copied") } == false)
      // A copy is its own: neither changes the other.
      Disk.write("SECRET=2\n", to: worktree + "/.env")
      #expect(TestHome.text(work + "/.env") == "SECRET=1\n")
    }
  }

  @Test func `nothing is copied through a link the branch has, and none is followed`() async throws {
    try await TestHome.withRepository { home in
      let (work, outside) = (home.work, home.root + "/outside")
      Disk.makeDirectory(outside)
      Disk.write("untouched\n", to: outside + "/.env")
      Disk.write("host\n", to: home.root + "/host")
      TestHome.write(".env\nlocal.log\n", to: work + "/.worktreeinclude")
      symlink(outside, work + "/cfg")
      await home.git("add", "--all")
      await home.git("commit", "--quiet", "-m", "a link")
      await home.git("switch", "--quiet", "--create", "directory")
      await home.git("rm", "--quiet", "cfg")
      await home.commit(".worktreeinclude", ".env\nlocal.log\n\n", in: work)
      Disk.makeDirectory(work + "/cfg")
      Disk.write("secret\n", to: work + "/cfg/.env")
      symlink(home.root + "/host", work + "/local.log")
      let made = try await home.session("new", "one", "--base", "main")
      let worktree = try #require(made.worktree)
      #expect(Disk.link(worktree + "/cfg") == outside)
      #expect(TestHome.text(outside + "/.env") == "untouched\n")
      #expect(made.notes?.contains { $0.hasPrefix("not copied: cfg/.env: its directory is a link") } == true)
      // What a link of a person's leads to is not copied: the link is.
      #expect(Disk.link(worktree + "/local.log") == home.root + "/host")
      #expect(TestHome.text(home.root + "/host") == "host\n")
    }
  }

  @Test func `a place made from another place has the files of the main checkout`() async throws {
    try await TestHome.withRepository { home in
      await home.commit(".worktreeinclude", ".env\n", in: home.work)
      Disk.write("MAIN=1\n", to: home.work + "/.env")
      let one = try #require(try await home.session("new", "one").worktree)
      Disk.write("ONE=1\n", to: one + "/.env")
      let two = try #require(try await home.session("new", "two", directory: one).worktree)
      #expect(TestHome.text(two + "/.env") == "MAIN=1\n")
    }
  }

  @Test func `files of a worktree have ordinary modes, directories of ours are a person's alone`() async throws {
    try await TestHome.withRepository { home in
      Disk.write("#!/bin/sh\n", to: home.work + "/tool", mode: 0o755)
      await home.git("add", "tool")
      await home.git("commit", "--quiet", "-m", "tool")
      // The umask is that of whoever starts the daemon, and a careful one.
      let started = await home.shell("umask 077 && apus up && umask 022 && apus new one")
      #expect(started.status == 0, "\(started.errors)")
      let made = try await home.session("show", "one")
      let worktree = try #require(made.worktree)
      #expect(Disk.mode(worktree + "/shared.txt") == 0o644)
      #expect(Disk.mode(worktree + "/server/a.txt") == 0o644)
      #expect(Disk.mode(worktree + "/server") == 0o755)
      #expect(Disk.mode(worktree + "/tool") == 0o755)
      #expect(Disk.mode(worktree) == 0o700)
      let parent = String(worktree.dropLast("/one".count))
      for path in [parent, home.apusHome + "/worktrees", home.apusHome] { #expect(Disk.mode(path) == 0o700, "\(path)") }
      // What is the repository's is as git makes it.
      let branch = try #require(made.branch)
      #expect(Disk.mode(home.work + "/.git/refs/heads/" + branch) == 0o644)
      #expect(Disk.mode(home.work + "/.git/worktrees") == 0o755)
    }
  }
}
