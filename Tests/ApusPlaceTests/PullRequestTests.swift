import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C8: a branch is pushed, never by force, and a pull request is opened for it.
@Suite struct PullRequestTests {
  /// A `gh` that writes down what it was asked, or refuses.
  private func gh(_ home: TestHome) -> [String: String] {
    home.program(
      first: "gh",
      """
      if [ -e \(home.root)/refuse ]; then echo 'not logged in' >&2; exit 4; fi
      printf '%s\\n' "$@" > \(home.root)/arguments
      cat > \(home.root)/body
      echo "Creating pull request" ; echo "https://example.org/pull/7"

      """)
  }

  private func status(_ home: TestHome) async throws -> String? {
    try await home.json("work-log", as: [WorkLog.Entry].self).first { $0.title == "a" }?.status
  }

  @Test func `a pull request has the branch, the work log and the commits`() async throws {
    try await TestHome.withRepository(
      settings: #"{"components": {"server": "server/"}, "test": "true", "workLog": "WORK_LOG.md"}"#
    ) { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet(
        "a", "--component", "server", "--kind", "bug", "--issue", "#7 logins fail", "--files", "server/a.txt",
        extra: gh(home))
      await home.commit("server/one.txt", "1\n", in: made.directory, message: "fix the login")
      let tip = await home.commit("server/two.txt", "2\n", in: made.directory, message: "test the login")
      let reply: BranchReply = try await home.json("pr", "a", "--draft")
      #expect(reply.url == "https://example.org/pull/7")
      #expect(reply.branch == "fix/a")
      #expect(await home.git("rev-parse", "fix/a", directory: origin) == tip)
      #expect(
        TestHome.text(home.root + "/arguments")
          == "pr\ncreate\n--head\nfix/a\n--base\nmain\n--title\na\n--body-file\n-\n--draft\n")
      let body = TestHome.text(home.root + "/body")
      #expect(
        body == """
          #7 logins fail

          Component: server

          Commits:

          - fix the login
          - test the login

          Files:

          - `server/a.txt`

          Tests pass on this tree.

          """)
      #expect(try await status(home) == "NEEDS REVIEW")
      #expect(await home.git("rev-parse", "main", directory: origin) == (await home.git("rev-parse", "main")))
      // Pushed, so nothing is lost where it goes.
      #expect(await home.apus("remove", "a").status == 0)
    }
  }

  @Test func `without gh nothing is pushed`() async throws {
    try await TestHome.withRepository { home in
      let origin = await home.addOrigin()
      let bare = home.root + "/bare"
      Disk.makeDirectory(bare)
      for name in ["python3", "git"] { symlink("/usr/bin/" + name, bare + "/" + name) }
      let made = try await home.quiet("a", extra: ["PATH": bare])
      let tip = await home.commit("server/new.txt", "new\n", in: made.directory)
      let (failure, code) = try await home.failure("pr", "a")
      #expect(code == 1)
      #expect(failure.code == .toolMissing)
      #expect(failure.hint?.contains("https://cli.github.com") == true)
      #expect(await home.git("branch", "--format=%(refname:short)", directory: origin) == "main")
      #expect(await home.head(made.directory) == tip)
      #expect(try await status(home) == "IN PROGRESS")
    }
  }

  @Test func `without an origin that is said`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.quiet("a", extra: gh(home))
      await home.commit("server/new.txt", "new\n", in: made.directory)
      let (failure, code) = try await home.failure("pr", "a")
      #expect(code == 1)
      #expect(failure.code == .repositoryUnusable)
      #expect(!Disk.isThere(home.root + "/arguments"))
    }
  }

  @Test func `commits of others on the branch are never pushed over`() async throws {
    try await TestHome.withRepository { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet("a", extra: gh(home))
      let branch = try #require(made.branch)
      let other = home.root + "/other"
      await home.git("clone", "--quiet", origin, other)
      await home.git("switch", "--quiet", "--create", branch, directory: other)
      let theirs = await home.commit("ui/theirs.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", "origin", branch, directory: other)
      let mine = await home.commit("server/new.txt", "new\n", in: made.directory)
      let (failure, code) = try await home.failure("pr", "a")
      #expect(code == 4)
      #expect(failure.code == .workConflict)
      #expect(failure.hint?.contains("git pull --no-rebase origin \(branch)") == true)
      #expect(await home.git("rev-parse", branch, directory: origin) == theirs)
      #expect(await home.head(made.directory) == mine)
      #expect(!Disk.isThere(home.root + "/arguments"))
      #expect(try await status(home) == "IN PROGRESS")
    }
  }

  @Test func `tests that fail push nothing`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "echo broken; false"}"#) { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet("a", extra: gh(home))
      await home.commit("server/new.txt", "new\n", in: made.directory)
      let (failure, code) = try await home.failure("pr", "a")
      #expect(code == 1)
      #expect(failure.code == .testsFailed)
      #expect(failure.hint == "broken")
      #expect(await home.git("branch", "--format=%(refname:short)", directory: origin) == "main")
      #expect(!Disk.isThere(home.root + "/arguments"))
    }
  }

  @Test func `a gh that refuses is told, and asked again it opens what was pushed`() async throws {
    try await TestHome.withRepository { home in
      let origin = await home.addOrigin()
      let made = try await home.quiet("a", extra: gh(home))
      let branch = try #require(made.branch)
      let tip = await home.commit("server/new.txt", "new\n", in: made.directory, message: "one of them")
      TestHome.write("", to: home.root + "/refuse")
      let (failure, code) = try await home.failure("pr", "a")
      #expect(code == 1)
      #expect(failure.code == .toolMissing)
      #expect(failure.summary.contains("not logged in"))
      #expect(await home.git("rev-parse", branch, directory: origin) == tip)
      unlink(home.root + "/refuse")
      let reply: BranchReply = try await home.json("pr", "a", "--title", "$(touch x); --force")
      #expect(reply.url == "https://example.org/pull/7")
      let arguments = TestHome.text(home.root + "/arguments").split(separator: "\n")
      #expect(arguments.contains("$(touch x); --force"))
      #expect(TestHome.text(home.root + "/body").contains("- one of them\n"))
    }
  }
}
