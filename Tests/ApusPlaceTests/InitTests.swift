import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C13: `apus init` sets a repository up, once.
@Suite struct InitTests {
  /// All files of the checkout and their bytes.
  private func files(_ home: TestHome) -> [String: [UInt8]] {
    let all = Disk.everything(below: home.work).filter { !$0.isDirectory && !$0.path.contains("/.git/") }
    return Dictionary(all.map { (String($0.path.dropFirst(home.work.count)), Disk.bytes($0.path)) }) { $1 }
  }

  private func changes(_ home: TestHome, _ arguments: String...) async throws -> [String: String] {
    let outcome = await home.run(["init", "--json"] + arguments)
    try #require(outcome.status == 0, "\(outcome.output)")
    let all = try JSONText.decode([FileChange].self, from: Array(outcome.output.utf8))
    return Dictionary(all.map { ($0.path, $0.change) }) { $1 }
  }

  @Test func `a second time changes no byte`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      let first = try await changes(home, "--make", "--work-log", "--page")
      #expect(
        first == [
          ".apus/config.json": "created", ".gitignore": "changed", "Makefile": "created", "WORK_LOG.md": "created",
          "docs/parallel-sessions.md": "created",
        ])
      let before = files(home)
      let second = try await changes(home, "--make", "--work-log", "--page")
      #expect(
        second == [
          ".apus/config.json": "kept", ".gitignore": "same", "Makefile": "same", "WORK_LOG.md": "kept",
          "docs/parallel-sessions.md": "kept",
        ])
      #expect(files(home) == before)
      // What it wrote is read by what it is for.
      let made = try await home.session("new", "one", "--component", "server")
      #expect(made.base == "main" && made.ports.keys.sorted() == ["PORT"])
    }
  }

  @Test func `what it proposes is read off the repository`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      TestHome.write("test:\n\ttrue\n", to: home.work + "/Makefile")
      TestHome.write("{}\n", to: home.work + "/package-lock.json")
      for name in [".env.test", ".env.docker", ".env.example"] { TestHome.write("A=1\n", to: home.work + "/" + name) }
      _ = try await changes(home)
      let settings = try JSONText.decode(JSON.self, from: Disk.bytes(home.work + "/.apus/config.json"))
      #expect(settings["base"]?.string == "main")
      #expect(settings["components"]?.object?.keys.sorted() == ["docs", "server", "ui"])
      #expect(settings["components"]?["server"]?.string == "server/")
      #expect(settings["kinds"]?["bug"]?.string == "fix/{name}")
      #expect(settings["ports"]?["PORT"]?.integer == 3000)
      #expect(settings["profiles"]?.object?.keys.sorted() == ["docker", "test"])
      #expect(settings["setUp"]?.string == "npm ci")
      #expect(settings["test"]?.string == "make test")
      #expect(settings["workLog"]?.string == "WORK_LOG.md")
    }
  }

  @Test func `what is there is a person's and stays as it is`() async throws {
    let own = "// mine\n{\"components\": {\"server\": \"server/\"},}\n"
    try await TestHome.withRepository(settings: own) { home in
      TestHome.write("# Ours\n", to: home.work + "/WORK_LOG.md")
      TestHome.write("Ours\n", to: home.work + "/docs/parallel-sessions.md")
      let before = files(home)
      let done = try await changes(home, "--work-log", "--page")
      #expect(done[".apus/config.json"] == "kept" && done["WORK_LOG.md"] == "kept")
      for file in ["/.apus/config.json", "/WORK_LOG.md", "/docs/parallel-sessions.md"] {
        #expect(files(home)[file] == before[file])
      }
    }
  }

  @Test func `lines are added at the end, in the line ending of the file`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      let path = home.work + "/.gitignore"
      for (before, after) in [
        ("*.o\r\n", "*.o\r\n/.apus/*\r\n!/.apus/config.json\r\n/WORK_LOG.md\r\n"),
        ("*.o", "*.o\n/.apus/*\n!/.apus/config.json\n/WORK_LOG.md\n"),
        ("/.apus/*\n!/.apus/config.json\nWORK_LOG.md\n", "/.apus/*\n!/.apus/config.json\nWORK_LOG.md\n"),
        ("", "/.apus/*\n!/.apus/config.json\n/WORK_LOG.md\n"),
      ] {
        TestHome.write(before, to: path)
        _ = try await changes(home)
        #expect(TestHome.text(path) == after)
        _ = try await changes(home)
        #expect(TestHome.text(path) == after)
      }
      unlink(path)
      #expect(try await changes(home)[".gitignore"] == "created")
      // The settings are the team's: git sees them.
      #expect(await home.git("status", "--porcelain", "--untracked-files=all").contains(".apus/config.json"))
    }
  }

  @Test func `a work log that is tracked is not ignored`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      TestHome.write("*.o\n", to: home.work + "/.gitignore")
      await home.commit("WORK_LOG.md", "# Work Log\n", in: home.work)
      _ = try await changes(home, "--work-log")
      #expect(TestHome.text(home.work + "/.gitignore") == "*.o\n/.apus/*\n!/.apus/config.json\n")
    }
  }

  @Test func `targets are added once, to the makefile there is, and work`() async throws {
    try await TestHome.withRepository(settings: TestHome.usualSettings) { home in
      TestHome.write("all:\n\t@echo built", to: home.work + "/GNUmakefile")
      #expect(try await changes(home, "--make")["GNUmakefile"] == "changed")
      let once = TestHome.text(home.work + "/GNUmakefile")
      #expect(once.hasPrefix("all:\n\t@echo built\n"))
      #expect(try await changes(home, "--make")["GNUmakefile"] == "same")
      #expect(TestHome.text(home.work + "/GNUmakefile") == once)
      #expect(!Disk.isThere(home.work + "/Makefile"))
      #expect(await home.shell("make").output == "built\n")

      let made = await home.shell("make new-session name=x component=server kind=bug")
      #expect(made.status == 0, "\(made.errors)")
      let session = try await home.session("show", "x")
      #expect(session.component == "server" && session.branch == "fix/x")
      #expect(await home.shell("make new-session name=y").status == 0)
      let list = await home.shell("make list-sessions", extra: ["COLUMNS": "200"]).output
      #expect(list.contains("fix/x") && list.contains("y"), "\(list)")
      #expect(await home.shell("make new-session name=z component=nowhere").status != 0)
      #expect(try await home.names() == ["x", "y"])
    }
  }

  @Test func `a target of that name is a person's`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      TestHome.write("new-session: other\n\t./mine\n", to: home.work + "/Makefile")
      _ = try await changes(home, "--make")
      let text = TestHome.text(home.work + "/Makefile")
      #expect(text.ranges(of: "new-session:").count == 1 && text.contains("./mine"))
      #expect(text.contains("list-sessions:"))
    }
  }

  @Test func `a plan writes nothing`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      let before = files(home)
      let plan = await home.apus("init", "--plan", "--make", "--work-log", "--page")
      #expect(plan.status == 0)
      #expect(plan.output.contains(".apus/config.json: created") && plan.output.contains("+/.apus/*"), "\(plan.output)")
      #expect(files(home) == before)
      #expect(!Disk.isThere(home.work + "/.apus"))
    }
  }

  @Test func `settings that are broken are named, and nothing is written`() async throws {
    try await TestHome.withRepository(settings: "{\"ports\": {\"PORT\": \"x\"}}") { home in
      let before = files(home)
      for (text, named) in [("{\"ports\": {\"PORT\": \"x\"}}", "ports.PORT"), ("{", "is not JSON"), ("[]", "the file")]
      {
        TestHome.write(text, to: home.work + "/.apus/config.json")
        let (failure, code) = try await home.failure("init", "--make")
        #expect(failure.code == .configurationInvalid && code == 2)
        #expect(failure.summary.contains(home.work + "/.apus/config.json") && failure.summary.contains(named))
      }
      TestHome.write("{\"ports\": {\"PORT\": \"x\"}}", to: home.work + "/.apus/config.json")
      #expect(files(home) == before)
    }
  }

  @Test func `it is the checkout that is set up, wherever in it one stands, and only a checkout`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      let bare = home.root + "/bare.git"
      await home.git("clone", "--quiet", "--bare", home.work, bare)
      let (refused, _) = try await home.failure("init", directory: bare)
      #expect(refused.code == .repositoryUnusable)
      #expect(try await home.failure("init", directory: home.person).0.code == .repositoryMissing)
      let told = await home.apus("init", directory: home.work + "/server")
      #expect(told.status == 0)
      #expect(Disk.isThere(home.work + "/.apus/config.json") && !Disk.isThere(home.work + "/server/.apus"))
    }
  }
}
