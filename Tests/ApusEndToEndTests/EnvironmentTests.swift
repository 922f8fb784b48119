import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What an agent gets from the shell that called `new`, and where settings come from.
@Suite struct EnvironmentTests {
  /// What an outer Claude Code leaves, and no more of it may reach an agent.
  static let outer = [
    "CLAUDECODE": "1", "CLAUDE_PID": "1", "CLAUDE_CODE_SESSION_ID": "x", "CLAUDE_CODE_CHILD_SESSION": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli", "CLAUDE_CODE_MESSAGING_SOCKET": "/s", "CLAUDE_CODE_MESSAGING_TOKEN": "t",
    "CLAUDE_JOB_DIR": "/j", "CLAUDE_ENV_FILE": "/e", "CLAUDE_PROJECT_DIR": "/p", "CLAUDE_PLUGIN_ROOT": "/r",
    "CLAUDE_PLUGIN_DATA": "/d",
  ]
  static let own = [
    "CLAUDE_CODE_USE_BEDROCK": "0", "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "1000", "CLAUDE_EFFORT": "high",
    "ANTHROPIC_MODEL": "m", "EMPTY": "", "SPACES": "a b  c", "EQUALS": "a=b=c", "NEWLINE": "a\nb", "UMLAUT": "ä 日本",
  ]

  @Test func `exactly an outer Claude's variables are gone, and the rest is kept for every resume`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let shell = Self.outer.merging(Self.own) { $1 }
      let made = try await home.session(
        "new", "one", "--env", "GIVEN=by hand", "--env", "UMLAUT=ö", "--prompt", "say: hi", "--wait", extra: shell)
      var wanted = home.environment.merging(Self.own) { $1 }
      wanted.merge(["GIVEN": "by hand", "UMLAUT": "ö"]) { $1 }
      try expectEnvironment(of: made, is: wanted)
      #expect(await home.apus("stop", "one").status == 0)
      #expect(await home.apus("restart").status == 0)

      // Whoever resumes it, from whatever shell.
      let resumed = try await home.session(
        "resume", "one", "say: again", "--wait", extra: ["EMPTY": "full", "ANTHROPIC_API_KEY": "other", "NEW": "1"],
        directory: "/")
      #expect(resumed.run == 2)
      try expectEnvironment(of: resumed, is: wanted)
    }
  }

  private func expectEnvironment(of session: SessionObject, is wanted: [String: String]) throws {
    var found = TestHome.environment(of: try #require(session.pid))
    // What we add, by name.
    #expect(found.removeValue(forKey: "APUS_SESSION") == session.name)
    #expect(found.removeValue(forKey: "APUS_RUN")?.hasSuffix("/runs/\(session.id)/\(session.run)") == true)
    #expect(found.removeValue(forKey: "CLAUDE_CODE_TMPDIR")?.hasSuffix("/t-\(session.id)-\(session.run)") == true)
    #expect(found.removeValue(forKey: "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS") == "1")
    #expect(found.removeValue(forKey: "PWD") == session.directory)
    for (key, value) in wanted where key != "PWD" { #expect(found[key] == value, "\(key)") }
    #expect(Set(found.keys).subtracting(wanted.keys) == [])
  }

  @Test func `CLAUDE_CONFIG_DIR is honoured, and CLAUDE_HOME is understood as that`() async throws {
    try await TestHome.with { home in
      let places = [
        ("config", ["CLAUDE_CONFIG_DIR": home.root + "/config"], home.root + "/config"),
        ("home", ["CLAUDE_HOME": home.root + "/other/"], home.root + "/other"),
        ("both", ["CLAUDE_CONFIG_DIR": home.root + "/c", "CLAUDE_HOME": home.root + "/h"], home.root + "/c"),
        ("default", ["CLAUDE_HOME": home.person + "/.claude"], home.person + "/.claude"),
      ]
      for (name, extra, place) in places {
        let made = try await home.session("new", name, "--prompt", "say: hi", "--wait", extra: extra)
        #expect(made.verdict.resumable, "\(name)")
        #expect(made.verdict.path?.hasPrefix(place + "/projects/") == true, "\(name): \(made.verdict.path ?? "")")
        #expect(Disk.isThere(try #require(made.verdict.path)))
      }
      // Naming the default place would have moved this file.
      #expect(Disk.isThere(home.person + "/.claude.json"))
      #expect(!Disk.isThere(home.person + "/.claude/.claude.json"))
      #expect(await home.apus("stop", "home").status == 0)
      let resumed = try await home.session("resume", "home", "say: same place", "--wait")
      #expect(resumed.result == "same place")
      #expect(resumed.verdict.path?.hasPrefix(home.root + "/other/projects/") == true)
    }
  }

  @Test func `the environment is over the files, the nearer file over the other, a flag over all`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let person = home.person + "/.config/apus"
      Disk.makeDirectory(person)
      Disk.write(
        "// of the person\n{ \"model\": \"of-person\", /* so */ \"persist\": true, \"permissionMode\": \"plan\", }",
        to: person + "/config.json")
      Disk.makeDirectory(home.work + "/repo/.apus")
      Disk.makeDirectory(home.work + "/repo/deep")
      Disk.write(
        #"{"model": "of-repository", "persist": false, "permissionMode": "bypassPermissions", "claude": "/bin/false"}"#,
        to: home.work + "/repo/.apus/config.json")
      Disk.makeDirectory(home.work + "/dotted")
      Disk.write(
        "# ours\nOTHER='x'\nexport PERSIST_CLAUDE_SESSIONS=\"false\" # no\nAPUS_MODEL=of-dotenv\n",
        to: home.work + "/dotted/.env")

      var number = 0
      func made(_ arguments: String..., extra: [String: String] = [:], directory: String) async throws -> SessionObject
      {
        number += 1
        let outcome = await home.run(
          ["new", "s-\(number)", "--json"] + arguments, extra: extra, directory: home.work + directory)
        #expect(outcome.status == 0, "\(outcome.output)")
        return try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8))
      }
      let plain = try await made(directory: "")
      #expect([plain.model, plain.permissionMode] == ["of-person", "plan"])
      #expect(plain.persists)
      // A repository may choose a model, and nothing that gives rights or picks programs.
      let repository = try await made(directory: "/repo/deep")
      #expect([repository.model, repository.permissionMode] == ["of-repository", "plan"])
      #expect(repository.persists)
      let dotted = try await made(directory: "/dotted")
      #expect(dotted.model == "of-person")
      #expect(!dotted.persists)
      let environment = try await made(
        extra: ["APUS_MODEL": "of-shell", "PERSIST_CLAUDE_SESSIONS": "true", "APUS_PERMISSION_MODE": "manual"],
        directory: "/dotted")
      #expect([environment.model, environment.permissionMode] == ["of-shell", "manual"])
      #expect(environment.persists)
      let flagged = try await made(
        "--model", "of-flag", "--permission-mode", "acceptEdits", extra: ["APUS_MODEL": "of-shell"],
        directory: "/repo")
      #expect([flagged.model, flagged.permissionMode] == ["of-flag", "acceptEdits"])
    }
  }

  @Test func `a file that cannot be understood is named with its line, and nothing is started`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let cases: [(String, String, String)] = [
        (".env", "A=1\n\nPERSIST_CLAUDE_SESSIONS=\"true\nB=2\n", ".env:3"),
        (".env", "X=1\nPERSIST_CLAUDE_SESSIONS=perhaps\n", ".env:2"),
        (".apus/config.json", "{\"model\": ", "config.json"),
        (".apus/config.json", "[1]", "config.json"),
      ]
      Disk.makeDirectory(home.work + "/.apus")
      for (file, text, named) in cases {
        Disk.write(text, to: home.work + "/" + file)
        let (failure, status) = try await home.failure("new", "one")
        #expect(failure.code == .configurationInvalid, "\(text)")
        #expect(failure.summary.contains(named), "\(failure.summary)")
        #expect(failure.hint?.contains(file) == true, "\(failure.hint ?? "")")
        #expect(status == 2)
        unlink(home.work + "/" + file)
      }
      // Lines of somebody else's taste are none of ours.
      Disk.write("what is this\n1X=2\nPERSIST_CLAUDE_SESSIONS=yes\n", to: home.work + "/.env")
      #expect(try await home.session("new", "one").persists)
    }
  }
}
