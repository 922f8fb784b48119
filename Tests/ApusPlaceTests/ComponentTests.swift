import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Rows C2, C4: what a session is to work on, and who else works there.
@Suite struct ComponentTests {
  private func row(_ home: TestHome, _ name: String) async throws -> SessionObject {
    let rows: [SessionObject] = try await home.json("list")
    return try #require(rows.first { $0.name == name })
  }

  @Test func `files changed outside a component are told, committed or not`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one", "--component", "server")
      let worktree = try #require(made.worktree)
      TestHome.write("inside\n", to: worktree + "/server/new.txt")
      #expect(try await row(home, "one").outside == [])
      TestHome.write("outside\n", to: worktree + "/ui/b.txt")
      #expect(try await row(home, "one").outside == ["ui/b.txt"])
      await home.git("add", "--all", directory: worktree)
      await home.git("commit", "--quiet", "-m", "both", directory: worktree)
      Disk.makeDirectory(worktree + "/serverless", mode: 0o755)
      TestHome.write("beside\n", to: worktree + "/serverless/x.txt")
      #expect(try await row(home, "one").outside == ["serverless/", "ui/b.txt"])
      let told = await home.apus("show", "one").output
      #expect(told.contains("2 changed outside server: serverless/, ui/b.txt"), "\(told)")
      // What others did on the base since is not this session's doing.
      await home.commit("docs/c.md", "base\n", in: home.work)
      #expect(try await row(home, "one").outside == ["serverless/", "ui/b.txt"])
    }
  }

  @Test func `a session without a component has no files outside it`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one")
      TestHome.write("x\n", to: try #require(made.worktree) + "/ui/b.txt")
      let seen = try await row(home, "one")
      #expect(seen.outside == [] && seen.dirty == true)
    }
  }

  @Test func `components of several paths, of one file, and of everything are known by what they hold`() async throws {
    let settings = """
      {"components": {"parts": ["server/", "./ui"], "file": "shared.txt", "all": "."}}
      """
    try await TestHome.withRepository(settings: settings) { home in
      for (name, outside) in [
        ("parts", ["docs/c.md", "shared.txt"]), ("file", ["docs/c.md", "server/a.txt", "ui/b.txt"]), ("all", []),
      ] {
        let made = try await home.session("new", name, "--component", name)
        let worktree = try #require(made.worktree)
        for file in ["server/a.txt", "ui/b.txt", "docs/c.md", "shared.txt"] {
          TestHome.write("changed\n", to: worktree + "/" + file)
        }
        #expect(try await row(home, name).outside == outside)
      }
    }
  }

  @Test func `an overlap with another session's component is told at the start`() async throws {
    let settings = #"{"components": {"app": "src/", "core": "src/core/", "docs": "docs/", "sourceless": "src-less/"}}"#
    try await TestHome.withRepository(settings: settings) { home in
      let first = try await home.session("new", "first", "--component", "app")
      #expect(first.notes?.contains { $0.contains("works on") } == false)
      for (name, component) in [("second", "docs"), ("third", "sourceless")] {
        let made = try await home.session("new", name, "--component", component)
        #expect(made.notes?.contains { $0.contains("as well") } == false)
      }
      let last = try await home.session("new", "last", "--component", "core")
      #expect(last.notes?.filter { $0.contains("as well") } == ["first works on app as well: src/"])
      let twin = try await home.session("new", "twin", "--component", "docs")
      #expect(twin.notes?.filter { $0.contains("as well") } == ["second works on docs as well: docs/"])
    }
  }

  @Test func `neighbours, branches of the remote and open entries of the work log are told`() async throws {
    try await TestHome.withRepository { home in
      let origin = home.root + "/origin.git"
      await home.git("clone", "--quiet", "--bare", home.work, origin)
      await home.git("branch", "topic", directory: origin)
      await home.git("remote", "add", "origin", origin)
      await home.git("fetch", "--quiet", "origin")
      let log = """
        # Work Log

        ### Session: Ada's cache
        - **Branch**: `ada/cache`
        - **Status**: IN PROGRESS

        ### Session: Old\u{1B}[31m thing
        - **Branch**: `old`
        - **Status**: DONE

        ### Session: Waiting \u{202E}for review
        - **Branch**: `review`
        - **Status**: BLOCKED

        """
      Disk.write(log, to: home.work + "/WORK_LOG.md")
      _ = try await home.session("new", "first", "--component", "server")
      let made = try await home.session("new", "second", "--component", "ui")
      let notes = try #require(made.notes)
      #expect(notes.contains("also at work here: first (server)"))
      #expect(notes.contains("2 branches on remotes: origin/main, origin/topic"))
      #expect(notes.contains("open in the work log: Ada's cache on ada/cache"))
      #expect(notes.contains { $0.hasPrefix("open in the work log: Waiting ") && $0.hasSuffix(" on review") })
      #expect(!notes.contains { $0.contains("Old") })
      // The first session is in the log as well, but was told of already.
      #expect(!notes.contains { $0.hasPrefix("open in the work log: first") })
      #expect(notes.allSatisfy { $0 == SessionName.printable($0) })
      // The person's bytes are all there still.
      #expect(TestHome.text(home.work + "/WORK_LOG.md").hasPrefix(log))
      let told = await home.apus("new", "third")
      #expect(told.errors.contains("note: also at work here: second (ui), first (server)"), "\(told.errors)")
      _ = await home.apus("remove", "third", "--stop")
      let last = try await home.session("new", "last")
      #expect(last.notes?.contains("also at work here: second (ui), first (server)") == true)
    }
  }

  @Test func `a new file where all was ignored so far is seen`() async throws {
    try await TestHome.withRepository { home in
      let session = try await home.session("new", "one")
      Disk.makeDirectory(session.directory + "/only", mode: 0o755)
      TestHome.write("x", to: session.directory + "/only/a.log")
      #expect(try await home.session("show", "one").dirty == false)
      TestHome.write("x", to: session.directory + "/only/new.txt")
      let isSeen = try await eventually { try await home.session("show", "one").dirty == true }
      #expect(isSeen)
    }
  }
}
