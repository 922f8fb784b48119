import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Rows C1, F10: repositories that lie elsewhere, are called from elsewhere, or have trouble of their own.
@Suite struct OddRepositoryTests {
  @Test func `a checkout whose repository lies elsewhere has settings and places like any other`() async throws {
    try await TestHome.withRepository { home in
      let apart = home.root + "/apart"
      await home.git("clone", "--quiet", "--separate-git-dir", home.root + "/apart.git", home.work, apart)
      let made = try await home.session("new", "one", "--component", "server", directory: apart + "/ui")
      let worktree = try #require(made.worktree)
      #expect(worktree.hasPrefix(home.apusHome + "/worktrees/apart/"))
      #expect(await home.git("status", "--porcelain", directory: worktree).isEmpty)
      #expect(TestHome.text(apart + "/WORK_LOG.md").contains("### Session: one"))
      #expect(await home.git("status", "--porcelain", directory: apart).isEmpty)
      #expect(await home.apus("init", directory: apart).status == 0)
      #expect(!Disk.isThere(home.root + "/apart.git/.apus") && !Disk.isThere(home.root + "/apart.git/.gitignore"))
      #expect(await home.apus("remove", "one", "--stop").status == 0)
    }
  }

  @Test func `a submodule is a repository with places of its own`() async throws {
    try await TestHome.withRepository { home in
      let part = home.root + "/part"
      await home.makeRepository(part, settings: #"{"components": {"inner": "docs/"}, "ports": {}}"#)
      await home.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", part, "part")
      await home.git("commit", "--quiet", "-m", "part")
      let before = await home.footprint()
      let one = try await home.session("new", "one", "--component", "inner", directory: home.work + "/part/docs")
      let worktree = try #require(one.worktree)
      #expect(TestHome.text(worktree + "/docs/c.md") == "docs\n")
      #expect(!Disk.isThere(worktree + "/part"))
      // From the place of another, which has no checkout above it.
      let two = try await home.session("new", "two", "--component", "inner", directory: worktree)
      #expect(two.worktree != worktree && two.worktree?.hasSuffix("/two") == true)
      for name in ["one", "two"] { #expect(await home.apus("remove", name, "--stop").status == 0) }
      #expect(await home.footprint().split(separator: "\n--\n").first == before.split(separator: "\n--\n").first)
      #expect(await home.git("worktree", "list", directory: home.work + "/part").split(separator: "\n").count == 1)
    }
  }

  @Test func `what git tells its hooks of a repository is not handed on to another place`() async throws {
    try await TestHome.withRepository(settings: #"{"setUp": "git rev-parse --show-toplevel > top.log"}"#) { home in
      let hook = [
        "GIT_DIR": home.work + "/.git", "GIT_WORK_TREE": home.work, "GIT_INDEX_FILE": home.work + "/.git/index",
        "GIT_PREFIX": "ui/", "GIT_AUTHOR_NAME": "Grace",
      ]
      let made = try await home.session("new", "one", "--set-up", extra: hook)
      let worktree = try #require(made.worktree)
      #expect(TestHome.text(worktree + "/top.log") == worktree + "\n")
      let agent = TestHome.environment(of: try #require(made.pid))
      #expect(agent.keys.filter { $0.hasPrefix("GIT_") } == ["GIT_AUTHOR_NAME"])
      #expect(await home.apus("shell", "one", "--", "git", "rev-parse", "--show-toplevel").output == worktree + "\n")
      // Who works in the checkout as it is keeps all that was said.
      let here = try await home.session("new", "two", "--here", extra: hook)
      #expect(TestHome.environment(of: try #require(here.pid))["GIT_DIR"] == home.work + "/.git")
    }
  }

  @Test func `a checkout that is reached through a link is the same repository`() async throws {
    try await TestHome.withRepository { home in
      let link = home.root + "/link"
      symlink(home.work, link)
      let one = try await home.session("new", "one", directory: home.work)
      let two = try await home.session("new", "two", directory: link + "/ui")
      let parents = [one, two].compactMap { $0.worktree?.split(separator: "/").dropLast() }
      #expect(parents.count == 2 && parents[0] == parents[1])
      #expect(two.notes?.contains("also at work here: one") == true)
    }
  }

  @Test func `files that cannot be written out undo the place`() async throws {
    try await TestHome.withRepository { home in
      await home.commit(".gitattributes", "*.md filter=broken\n", in: home.work)
      await home.git("config", "filter.broken.smudge", "false")
      await home.git("config", "filter.broken.clean", "cat")
      await home.git("config", "filter.broken.required", "true")
      let failure = try await home.leavesNothing(["new", "one", "--component", "ui"], .gitFailed)
      #expect(failure.summary.contains("external filter"), "\(failure)")
      await home.git("config", "filter.broken.smudge", "cat")
      let made = try await home.session("new", "one")
      #expect(TestHome.text(try #require(made.worktree) + "/docs/c.md") == "docs\n")
    }
  }

  @Test func `a lock of git's that nobody holds any more is named and left alone`() async throws {
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.git/refs/heads/fix", mode: 0o755)
      let lock = home.work + "/.git/refs/heads/fix/one.lock"
      Disk.write("", to: lock)
      let failure = try await home.leavesNothing(["new", "one", "--kind", "bug"], .gitFailed)
      #expect(failure.summary.contains("fix/one"))
      #expect(failure.hint?.contains("apus doctor") == true)
      #expect(Disk.isThere(lock))
      #expect(unlink(lock) == 0)
      #expect(try await home.session("new", "one", "--kind", "bug").branch == "fix/one")
    }
  }

  @Test func `a base the settings name and nobody has is told by its name`() async throws {
    try await TestHome.withRepository(settings: #"{"base": "trunk"}"#) { home in
      let failure = try await home.leavesNothing(["new", "one"], .repositoryUnusable)
      #expect(failure.summary.contains("trunk"))
      Disk.write(#"{"base": "--output=x"}"#, to: home.work + "/.apus/config.json")
      try await home.leavesNothing(["new", "one"], .refInvalid)
    }
  }
}
