import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What goes wrong with the agent is one clear message with the next step, and exit code 5.
@Suite struct AgentFailureTests {
  /// The command fails with that code, as text (`error:`, `hint:`, nothing else) and as JSON.
  private func expectFailure(
    _ home: TestHome, _ code: ErrorCode, hint: String, _ arguments: [String], again: [String]? = nil,
    extra: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let told = await home.run(arguments, extra: extra)
    #expect(told.status == 5, "\(told.errors)", sourceLocation: sourceLocation)
    #expect(told.output == "", sourceLocation: sourceLocation)
    let lines = told.errors.split(separator: "\n")
    #expect(lines.count == 2, "\(told.errors)", sourceLocation: sourceLocation)
    #expect(lines.first?.hasPrefix("error: ") == true, sourceLocation: sourceLocation)
    #expect(lines.last?.hasPrefix("hint: ") == true, sourceLocation: sourceLocation)

    let json = await home.run((again ?? arguments) + ["--json"], extra: extra)
    #expect(json.status == 5, sourceLocation: sourceLocation)
    #expect(json.errors == "", sourceLocation: sourceLocation)
    let object = try JSONText.decode(JSON.self, from: Array(json.output.utf8)).object
    #expect(object?.keys.sorted() == ["error"], sourceLocation: sourceLocation)
    #expect(object?["error"]?.object?.keys.sorted() == ["code", "hint", "summary"], sourceLocation: sourceLocation)
    #expect(object?["error"]?["code"]?.string == code.rawValue, "\(json.output)", sourceLocation: sourceLocation)
    #expect(
      object?["error"]?["hint"]?.string?.contains(hint) == true, "\(json.output)", sourceLocation: sourceLocation)
  }

  @Test func `an error of the model's service fails the turn, not the session`() async throws {
    try await TestHome.with { home in
      _ = try await home.session("new", "one")
      let cases: [(Int, ErrorCode, String)] = [
        (401, .agentLogin, "/login"), (429, .agentLimit, "limit resets"), (529, .agentOverloaded, "again in a few"),
        (500, .agentError, "send the message again"),
      ]
      for (status, code, hint) in cases {
        try await expectFailure(home, code, hint: hint, ["send", "one", "fail \(status)", "--wait"])
        let failed = try await home.session("show", "one")
        #expect(failed.problem?.code == code)
        #expect(failed.state == .running)
        #expect(failed.activity == .idle)
        let fine = try await home.session("send", "one", "say: fine after \(status)", "--wait")
        #expect(fine.result == "fine after \(status)")
        #expect(fine.problem == nil)
      }
      // The agent called these a success: what counts is that it also called them an error.
      let session = try await home.session("show", "one")
      let results = home.recording(session).split(separator: 10).compactMap {
        try? JSONText.decode(JSON.self, from: Array($0))
      }.filter { $0["type"]?.string == "result" && $0["is_error"]?.bool == true }
      #expect(results.count == cases.count * 2)
      #expect(results.allSatisfy { $0["subtype"]?.string == "success" })
    }
  }

  @Test func `a first turn that fails exits 5 from new as well, and the session is there`() async throws {
    try await TestHome.with { home in
      try await expectFailure(
        home, .agentLogin, hint: "/login", ["new", "one", "--prompt", "fail 401", "--wait"],
        again: ["new", "two", "--prompt", "fail 401", "--wait"])
      #expect(try await home.session("show", "two").state == .running)
    }
  }

  @Test func `a turn that reaches --max-turns says so, and the next one has as many again`() async throws {
    try await TestHome.with { home in
      _ = try await home.session("new", "one", "--max-turns", "1", "--permission-mode", "bypassPermissions")
      try await expectFailure(
        home, .agentMaxTurns, hint: "--max-turns", ["send", "one", "bash: touch ran then say: not said", "--wait"])
      #expect(Disk.isThere(home.work + "/ran"))
      #expect(try await home.session("send", "one", "say: short", "--wait").result == "short")
    }
  }

  @Test func `a claude that is missing, too old or no claude at all makes no session`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      func program(_ name: String, _ body: String, mode: mode_t = 0o755) -> String {
        let path = home.root + "/" + name
        Disk.write("#!/bin/sh\n" + body + "\n", to: path, mode: mode)
        return path
      }
      let new = ["new", "one", "--prompt", "say: hello", "--wait"]
      let cases: [(String, ErrorCode, String)] = [
        (home.root + "/nowhere/claude", .agentMissing, "APUS_CLAUDE"),
        (home.root, .agentMissing, "APUS_CLAUDE"),
        (program("plain", "echo 2.1.329", mode: 0o644), .agentMissing, "APUS_CLAUDE"),
        ("no-such-claude", .agentMissing, "APUS_CLAUDE"),
        (program("old", "echo '1.0.0 (Claude Code)'"), .agentTooOld, "claude update"),
        (program("almost", "echo '2.1.222 (Claude Code)'"), .agentTooOld, "claude update"),
        (program("other", "echo 'GNU bash, version 5'"), .agentMissing, "APUS_CLAUDE"),
        (program("failing", "exit 1"), .agentMissing, "APUS_CLAUDE"), ("/bin/true", .agentMissing, "APUS_CLAUDE"),
      ]
      for (path, code, hint) in cases {
        try await expectFailure(home, code, hint: hint, new, extra: ["APUS_CLAUDE": path])
      }
      try await expectFailure(
        home, .agentMissing, hint: "APUS_CLAUDE", new, extra: ["APUS_CLAUDE": "", "PATH": "/usr/bin:/bin"])
      #expect(try await home.json("list", "--all") == .array([]))
    }
  }

  @Test func `a claude that ends before it is ready is told with its own last words`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      func program(_ name: String, _ words: String) -> String {
        let path = home.root + "/" + name
        let body = "[ \"$1\" = --version ] && exec echo '2.1.329 (Claude Code)'\necho '\(words)' >&2\nexit 3\n"
        Disk.write("#!/bin/sh\n" + body, to: path, mode: 0o755)
        return path
      }
      let cases: [(String, ErrorCode, String)] = [
        ("boom: no such thing", .agentCrashed, "apus resume"),
        ("No conversation found with session ID: 1", .agentNoConversation, "apus check"),
        ("Invalid API key · Please run /login", .agentLogin, "/login"),
      ]
      for (index, (words, code, hint)) in cases.enumerated() {
        try await expectFailure(
          home, code, hint: hint, ["new", "text-\(index)"], again: ["new", "json-\(index)"],
          extra: ["APUS_CLAUDE": program("bad-\(index)", words)])
        let session = try await home.session("show", "text-\(index)")
        #expect(session.state == .ended)
        #expect(session.ending == .exit(3))
        #expect(session.problem?.code == code)
      }
      #expect(try await home.session("show", "text-0").problem?.summary.contains("boom: no such thing") == true)
    }
  }

  @Test func `a claude that was removed since is told at resume, and the session stays as it was`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let program = home.root + "/claude"
      Disk.write(Disk.bytes(Checkout.scriptedAgent), to: program, mode: 0o755)
      _ = try await home.session("new", "one", "--prompt", "say: hi", "--wait", extra: ["APUS_CLAUDE": program])
      let stopped = try await home.session("stop", "one")
      rename(program, program + ".away")
      try await expectFailure(home, .agentMissing, hint: "APUS_CLAUDE", ["resume", "one", "say: again", "--wait"])
      let after = try await home.session("show", "one")
      #expect(after.run == stopped.run)
      #expect(after.state == .ended)
      rename(program + ".away", program)
      #expect(try await home.session("resume", "one", "say: again", "--wait").result == "again")
    }
  }
}
