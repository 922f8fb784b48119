import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// What Apus writes into `.claude/sessions.md`, where, and where not.
@Suite struct SessionsFileDeskTests {
  @Test func `a session stands in the file as long as it lives, and git sees nothing of it`() async throws {
    try await TestHome.withRepository { home in
      let clean = await home.git("status", "--porcelain", "--untracked-files=all")
      let made = try await home.live("one")
      let text = TestHome.text(home.sessionsFile)
      #expect(text.hasPrefix("# Claude Session Coordination\n\n> This file is used by concurrent"))
      #expect(text.contains("\n## Vercel Deployment Lock\n\n- **Status:** NONE\n- **Claimed by:** -\n- **Error:** -\n"))
      #expect(text.contains("| Session ID | Started | Last Active | Currently Editing |\n| ---------- |"))
      #expect(try home.sessions().row(made.id)?.editing == [])
      #expect(await home.git("status", "--porcelain", "--untracked-files=all") == clean)
      let excluded = TestHome.text(home.work + "/.git/info/exclude").split(separator: "\n")
      #expect(excluded.filter { $0 == "/.claude/sessions.md" }.count == 1)
      // What differed before the checkout was first looked at is nobody's.
      var texts = 0
      await home.says { file in
        texts += 1
        TestHome.write("changed \(texts)\n", to: home.work + "/server/a.txt")
        return file.row(made.id)?.editing == ["server/a.txt"]
      }
      #expect(await home.apus("stop", "one").status == 0)
      await home.says { $0.rows.isEmpty }
      #expect(!home.daemonLog().contains("error"), "\(home.daemonLog())")
    }
  }

  @Test func `sessions in worktrees see the one file through a link`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one")
      await home.says { $0.row(made.id) != nil }
      let link = made.directory + "/.claude/sessions.md"
      #expect(await eventually { Disk.link(link) == home.sessionsFile })
      #expect(await home.git("status", "--porcelain", "--untracked-files=all", directory: made.directory) == "")
      #expect(await home.apus("remove", "one", "--live").status == 0 || true)
      #expect(try home.sessions().locks.count == 2)
    }
  }

  @Test func `what a person put into a worktree in the file's place stays`() async throws {
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.claude", mode: 0o755)
      await home.commit(".claude/settings.json", "{}", in: home.work)
      await home.git("checkout", "--quiet", "-b", "theirs")
      await home.commit(".claude/sessions.md", "ours alone\n", in: home.work)
      await home.git("checkout", "--quiet", "main")
      let made = try await home.session("new", "one", "--on", "theirs")
      await home.says { $0.row(made.id) != nil }
      #expect(TestHome.text(made.directory + "/.claude/sessions.md") == "ours alone\n")
    }
  }

  @Test func `a file that the team tracks, and one behind a link, are left alone`() async throws {
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.claude", mode: 0o755)
      await home.commit(".claude/sessions.md", SessionsFile.template.render(), in: home.work)
      _ = try await home.session("new", "one", "--here")
      #expect(await eventually { home.daemonLog().contains("the repository tracks it") })
      #expect(await home.apus("lock", "run", "docker", "--", "true").status == 0)
      #expect(home.daemonLog().split(separator: "\n").filter { $0.contains("tracks it") }.count == 1)
      #expect(await home.git("status", "--porcelain") == "")
    }
    try await TestHome.withRepository { home in
      Disk.makeDirectory(home.work + "/.claude", mode: 0o755)
      TestHome.write("elsewhere\n", to: home.root + "/elsewhere.md")
      symlink(home.root + "/elsewhere.md", home.sessionsFile)
      _ = try await home.session("new", "one", "--here")
      #expect(await eventually { home.daemonLog().contains("no plain file") })
      #expect(TestHome.text(home.root + "/elsewhere.md") == "elsewhere\n")
    }
  }

  @Test func `a repository can do without the file`() async throws {
    try await TestHome.withRepository(settings: #"{"sessionsFile": false}"#) { home in
      _ = try await home.session("new", "one", "--here")
      #expect(await home.apus("lock", "run", "docker", "--", "true").status == 0)
      #expect(await home.apus("down").status == 0)
      #expect(!Disk.isThere(home.work + "/.claude"))
    }
  }

  @Test func `a lock of ours stands there with its holder and its note, and is gone with it`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.live("one")
      let took = await home.apus("lock", "acquire", "docker", "--note", "api, task-worker", "--session", "one")
      #expect(took.status == 0, "\(took.errors)")
      await home.says { file in
        let hold = file.hold(of: "docker")
        return hold?.holder == made.id && hold?.note == "api, task-worker" && hold?.lastUpdated != nil
      }
      #expect(await home.apus("lock", "acquire", "db:migrate", "--session", "one").status == 0)
      await home.says { $0.hold(of: "db:migrate")?.holder == made.id }
      #expect(TestHome.text(home.sessionsFile).contains("\n## db:migrate Lock\n"))
      #expect(await home.apus("stop", "one").status == 0)
      await home.says { $0.hold(of: "docker") == nil && $0.hold(of: "db:migrate") == nil }
    }
  }

  @Test func `where the directory cannot be written nothing else fails, and it is tried again`() async throws {
    try await TestHome.withRepository { home in
      // A file where the directory would be stops root as well.
      TestHome.write("", to: home.work + "/.claude")
      let made = try await home.session("new", "one", "--here")
      #expect(await eventually { home.daemonLog().contains("no directory of the repository's own") })
      unlink(home.work + "/.claude")
      #expect(await home.apus("lock", "run", "docker", "--", "true").status == 0)
      await home.says { $0.row(made.id) != nil }
    }
  }

  @Test(.enabled(if: getenv("APUS_SOAK") != nil, "takes two minutes"))
  func `while a session of ours holds a lock the file says within every minute that it lives`() async throws {
    try await TestHome.withRepository { home in
      _ = try await home.live("one")
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      await home.says { $0.hold(of: "docker") != nil }
      var last = try #require(try home.sessions().hold(of: "docker")?.lastUpdated)
      for _ in 0..<2 {
        await home.says(seconds: 60) { ($0.hold(of: "docker")?.lastUpdated ?? 0) > last }
        last = try home.sessions().hold(of: "docker")?.lastUpdated ?? 0
      }
    }
  }
}
