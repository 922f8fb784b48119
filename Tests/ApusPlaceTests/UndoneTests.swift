import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C1: whatever step fails, nothing of those before it is left.
@Suite struct UndoneTests {
  @Test func `an unknown component is a usage error that lists the known ones`() async throws {
    try await TestHome.withRepository { home in
      let failure = try await home.leavesNothing(["new", "one", "--component", "sever"], .usage)
      #expect(failure.summary.contains("sever"))
      #expect(failure.hint?.contains("docs, server, ui") == true)
      for words in [["--profile", "x"], ["--template", "x"]] {
        try await home.leavesNothing(["new", "one"] + words, .usage)
      }
      #expect(try await home.session("new", "one").name == "one")
    }
  }

  @Test func `a branch of that name is not taken over`() async throws {
    try await TestHome.withRepository { home in
      await home.git("branch", "feature/one")
      let failure = try await home.leavesNothing(["new", "one", "--kind", "feature"], .branchTaken)
      #expect(failure.code.exitCode == 4)
      #expect(failure.hint?.contains("--on feature/one") == true)
      // A branch of the name of the directory another would need.
      await home.git("branch", "docs")
      try await home.leavesNothing(["new", "one", "--kind", "docs"], .branchTaken)
    }
  }

  @Test func `what is where the worktree would be stays, and nothing else is made`() async throws {
    try await TestHome.withRepository { home in
      let first = try await home.session("new", "first")
      let parent = try #require(first.worktree).dropLast("/first".count)
      Disk.makeDirectory(parent + "/one")
      Disk.write("mine", to: parent + "/one/file")
      let failure = try await home.leavesNothing(["new", "one"], .pathTaken)
      #expect(failure.code.exitCode == 4)
      #expect(TestHome.text(parent + "/one/file") == "mine")
      symlink("/nowhere", parent + "/two")
      try await home.leavesNothing(["new", "two"], .pathTaken)
      #expect(Disk.link(parent + "/two") == "/nowhere")
    }
  }

  @Test func `a set-up command that fails undoes the place and says what it said`() async throws {
    let settings = #"{"setUp": "echo first; echo no such package >&2; touch new; exit 3", "ports": {"PORT": 9510}}"#
    try await TestHome.withRepository(settings: settings) { home in
      let failure = try await home.leavesNothing(["new", "one", "--set-up"], .setUpFailed)
      #expect(failure.summary.contains("exit 3"))
      #expect(failure.hint?.contains("no such package") == true)
      #expect(try await home.session("new", "one", "--no-set-up").name == "one")
    }
  }

  @Test func `a commit that a failed set-up command made is not lost`() async throws {
    let settings = #"{"setUp": "git commit --quiet --allow-empty -m kept; exit 1"}"#
    try await TestHome.withRepository(settings: settings) { home in
      let (failure, _) = try await home.failure("new", "one", "--kind", "bug", "--set-up")
      #expect(failure.code == .setUpFailed)
      #expect(await home.git("log", "-1", "--format=%s", "fix/one") == "kept")
      #expect(await home.git("worktree", "list").split(separator: "\n").count == 1)
    }
  }

  @Test func `an agent that cannot start leaves no place`() async throws {
    try await TestHome.withRepository { home in
      let agent = home.root + "/broken-agent"
      Disk.write(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '2.1.329 (Claude Code)'; exit 0; fi\necho broken >&2\nexit 1\n",
        to: agent, mode: 0o755)
      let broken = ["APUS_CLAUDE": agent]
      try await home.leavesNothing(["new", "one", "--component", "ui"], .agentCrashed, extra: broken)
      await home.git("branch", "topic")
      try await home.leavesNothing(["new", "one", "--on", "topic"], .agentCrashed, extra: broken)
      let made = try await home.session("new", "one", "--component", "ui")
      #expect(made.name == "one")
      #expect(made.worktree?.hasSuffix("/one") == true)
    }
  }

  @Test func `what an agent wrote before it failed to start is kept with its session`() async throws {
    try await TestHome.withRepository { home in
      let agent = home.root + "/writing-agent"
      Disk.write(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '2.1.329 (Claude Code)'; exit 0; fi\necho x > written\nexit 1\n",
        to: agent, mode: 0o755)
      let (failure, code) = try await home.failure("new", "one", extra: ["APUS_CLAUDE": agent])
      #expect(failure.code == .agentCrashed && code == 5)
      let kept = try await home.session("show", "one")
      #expect(TestHome.text(try #require(kept.worktree) + "/written") == "x\n")
      #expect(kept.ports.count == 1)
      #expect(await home.git("rev-parse", try #require(kept.branch)) == home.git("rev-parse", "main"))
    }
  }

  @Test func `where there is no agent nothing is begun`() async throws {
    try await TestHome.withRepository { home in
      try await home.leavesNothing(["new", "one"], .agentMissing, extra: ["APUS_CLAUDE": "/nonexistent"])
      Disk.write("#!/bin/sh\necho 0.1\n", to: home.root + "/old", mode: 0o755)
      let (failure, code) = try await home.failure("new", "one", extra: ["APUS_CLAUDE": home.root + "/old"])
      #expect(code == 5, "\(failure)")
      #expect(try await home.names().isEmpty)
    }
  }

  @Test func `settings that are wrong are named before anything is begun`() async throws {
    try await TestHome.withRepository { home in
      Disk.write(#"{"components": {"server": "../outside"}}"#, to: home.work + "/.apus/config.json")
      let failure = try await home.leavesNothing(["new", "one", "--component", "server"], .configurationInvalid)
      #expect(failure.summary.contains(".apus/config.json: components.server"))
      Disk.write(#"{"components": "#, to: home.work + "/.apus/config.json")
      try await home.leavesNothing(["new", "one"], .configurationInvalid)
    }
  }
}
