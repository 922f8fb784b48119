import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Rows C5, C6: the environment of a place is one and the same, wherever it is looked at.
@Suite struct ProfileTests {
  private static let settings = """
    {
      // What the seed calls PGPT_PROFILES.
      "profileVariable": "PGPT_PROFILES",
      "profile": "local",
      "ports": {"PORT": 9310},
      "profiles": {
        "local": {"variables": {"MODE": "local", "WORKERS": 2, "DEBUG": true}},
        "test": {"files": [".env.test", "ui/more.env"], "variables": {"MODE": "test"}},
      },
    }
    """

  private func prepare(_ home: TestHome) {
    Disk.write(
      "# a comment\nexport DATABASE_URL='postgres://localhost/test'\nMODE=file\nGREETING=\"two words\" # why\nEMPTY=\n",
      to: home.work + "/.env.test")
    Disk.write("GREETING=later\nODD=it's $HOME\n", to: home.work + "/ui/more.env")
  }

  @Test func `agent, shell and apus env have the same values, those of the profile`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      prepare(home)
      let made = try await home.session("new", "one", "--profile", "test")
      #expect(made.profile == "test")
      let wanted = [
        "PGPT_PROFILES": "test", "MODE": "test", "DATABASE_URL": "postgres://localhost/test", "GREETING": "later",
        "ODD": "it's $HOME", "EMPTY": "", "PORT": "\(try #require(made.ports["PORT"]))", "APUS_SESSION": "one",
      ]
      let told: [String: String] = try await home.json("env", "one")
      #expect(told == wanted)
      let agent = TestHome.environment(of: try #require(made.pid))
      let shell = await home.apus("shell", "one", "--", "env", "-0").output
      let pairs = shell.split(separator: "\0").map {
        $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      }
      let inShell = Dictionary(pairs.map { (String($0[0]), String($0[1])) }) { $1 }
      // As a shell takes the lines of `apus env`.
      let taken = await home.shell("eval \"$(apus env one)\" && env -0").output
      for (key, value) in wanted {
        #expect(agent[key] == value, "\(key)")
        #expect(inShell[key] == value, "\(key)")
        #expect(taken.split(separator: "\0").contains("\(key)=\(value)"), "\(key)")
      }
      #expect(inShell["PWD"] == made.worktree)
      let whole: [String: String] = try await home.json("env", "one", "--all")
      for key in ["PATH", "HOME", "MODE", "PORT"] { #expect(whole[key] == agent[key], "\(key)") }
    }
  }

  @Test func `a session that names no profile has the usual one, and --env wins over it`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let made = try await home.session("new", "one", "--env", "MODE=mine", "--env", "EXTRA=a=b")
      #expect(made.profile == "local")
      let agent = TestHome.environment(of: try #require(made.pid))
      #expect(agent["MODE"] == "mine" && agent["EXTRA"] == "a=b")
      #expect(agent["WORKERS"] == "2" && agent["DEBUG"] == "true" && agent["PGPT_PROFILES"] == "local")
      #expect(await home.apus("shell", "one", "--", "printenv", "MODE", "EXTRA", "WORKERS").output == "mine\na=b\n2\n")
      // It stays so in every later run.
      #expect(await home.apus("restart").status == 0)
      _ = try await home.session("send", "one", "say: hello", "--wait")
      _ = try await home.session("stop", "one")
      let again = try await home.session("resume", "one")
      let later = TestHome.environment(of: try #require(again.pid))
      for key in ["MODE", "EXTRA", "WORKERS", "PGPT_PROFILES", "PORT"] { #expect(later[key] == agent[key], "\(key)") }
    }
  }

  @Test func `a profile that is not there, or whose file is not, is told and nothing is made`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let unknown = try await home.leavesNothing(["new", "one", "--profile", "tset"], .usage)
      #expect(unknown.hint?.contains("local, test") == true)
      let missing = try await home.leavesNothing(["new", "one", "--profile", "test"], .configurationInvalid)
      #expect(missing.summary.contains(".env.test"))
      prepare(home)
      Disk.write("A='never closed\n", to: home.work + "/.env.test")
      let open = try await home.leavesNothing(["new", "one", "--profile", "test"], .configurationInvalid)
      #expect(open.summary.contains(".env.test:1"))
    }
  }

  @Test func `a repository sets none of the variables that are a person's`() async throws {
    try await TestHome.withRepository { home in
      let file = home.work + "/.apus/config.json"
      let forbidden = [
        "PATH", "LD_PRELOAD", "APUS_HOME", "HOME", "BASH_ENV", "GIT_DIR", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR",
        "DYLD_INSERT_LIBRARIES", "SSH_AUTH_SOCK", "not a name", "1ST", "", "A=B",
      ]
      for name in forbidden {
        for settings in [
          #"{"profiles": {"p": {"variables": {"\#(name)": "x"}}}}"#, #"{"ports": {"\#(name)": 21900}}"#,
        ] {
          Disk.write(settings, to: file)
          let (failure, code) = try await home.failure("new", "one")
          #expect(failure.code == .configurationInvalid && code == 2, "\(settings): \(failure)")
          #expect(failure.summary.contains(file))
        }
      }
      Disk.write(#"{"profiles": {"p": {"files": [".env.p"]}}, "profileVariable": "LD_PRELOAD"}"#, to: file)
      try await home.leavesNothing(["new", "one"], .configurationInvalid)
      Disk.write(#"{"profiles": {"p": {"files": [".env.p"]}}}"#, to: file)
      Disk.write("FINE=1\nLD_PRELOAD=/tmp/x.so\n", to: home.work + "/.env.p")
      let failure = try await home.leavesNothing(["new", "one", "--profile", "p"], .configurationInvalid)
      #expect(failure.summary.contains("LD_PRELOAD") && failure.summary.contains(".env.p"))
      for path in ["../secret.env", "/etc/passwd", "a/../../b"] {
        Disk.write(#"{"profiles": {"p": {"files": ["\#(path)"]}}}"#, to: file)
        try await home.leavesNothing(["new", "one", "--profile", "p"], .configurationInvalid)
      }
    }
  }
}
