import ApusAgents
import ApusCore
import Testing

@Suite("what Claude Code is told") struct ClaudeAgentTests {
  private func session(model: String? = nil, turns: Int? = nil) -> Session {
    Session(
      id: "a7f3", name: "n", conversationID: "c-1", directory: "/p",
      spec: SpawnSpec(
        program: "/bin/claude", model: model, permissionMode: "plan", maxTurns: turns,
        environment: ["HOME": "/h", "PWD": "/else"]), createdAt: 0)
  }

  private func json(_ line: [UInt8]) throws -> JSON {
    #expect(line.last == 10 && line.filter { $0 == 10 }.count == 1)
    return try JSONText.decode(JSON.self, from: line.dropLast())
  }

  @Test func `a new conversation is begun under the session's id`() {
    let spec = ClaudeAgent.launch(session(), opening: .fresh, run: 1, settings: nil, context: nil)
    #expect(
      spec.arguments == [
        "/bin/claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
        "--permission-prompt-tool", "stdio", "--replay-user-messages", "--include-partial-messages",
        "--permission-mode", "plan", "--session-id=c-1",
      ])
    #expect(spec.program == "/bin/claude" && spec.directory == "/p" && spec.greeting == ClaudeAgent.greeting)
    #expect(spec.environment["CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"] == "1" && spec.environment["PWD"] == "/p")
    #expect(spec.environment["CLAUDE_CODE_RESUME_INTERRUPTED_TURN"] == nil)
  }

  @Test func `the whole specification is passed again on a resume`() {
    let spec = ClaudeAgent.launch(
      session(model: "m", turns: 4), opening: .resumed(continuing: true, file: nil), run: 2, settings: nil,
      context: "You are here")
    let told = ["--model", "m", "--max-turns", "4", "--append-system-prompt=You are here", "--resume=c-1"]
    #expect(spec.arguments.suffix(6) == told[...])
    #expect(spec.environment["CLAUDE_CODE_RESUME_INTERRUPTED_TURN"] == "1")
    let file = ClaudeAgent.launch(
      session(), opening: .resumed(continuing: false, file: "/f.jsonl"), run: 2, settings: nil, context: nil)
    #expect(file.arguments.last == "--resume=/f.jsonl")
    #expect(file.environment["CLAUDE_CODE_RESUME_INTERRUPTED_TURN"] == nil)
  }

  @Test func `tools of ours are named in a file, before a flag or the end of all flags`() throws {
    let spec = ClaudeAgent.launch(
      session(), opening: .fresh, run: 1, settings: "/r/settings.json", servers: "/r/mcp.json", context: nil)
    #expect(
      spec.arguments.suffix(3) == ["--settings=/r/settings.json", "--mcp-config=/r/mcp.json", "--session-id=c-1"])
    let terminal = ClaudeAgent.launchInTerminal(
      session(), opening: .fresh, prompt: "hi", settings: "/r/s", servers: "/r/mcp.json", context: nil)
    #expect(
      terminal.arguments == [
        "/bin/claude", "--session-id=c-1", "--settings=/r/s", "--mcp-config=/r/mcp.json", "--permission-mode", "plan",
        "--", "hi",
      ])
    let written: JSON = try JSONText.decode(from: try ClaudeServers.configuration(program: "/o pt/apus"))
    let server: JSON = .object([
      "type": .string("stdio"), "command": .string("/o pt/apus"), "args": .array([.string("mcp")]),
    ])
    #expect(written == .object(["mcpServers": .object(["apus": server])]))
  }

  @Test func `a fork takes another's conversation on under its own id`() {
    let spec = ClaudeAgent.launch(session(), opening: .forked(from: "c-0"), run: 1, settings: nil, context: nil)
    #expect(spec.arguments.suffix(3) == ["--resume=c-0", "--fork-session", "--session-id=c-1"])
  }

  @Test(arguments: ["hello", "", "two\nlines\r\n", "\u{0}\u{1B}", "é😀\u{2028}", #"{"type":"x"}"#, "-p --help", "\"\\"])
  func `a prompt of any text is one line`(_ text: String) throws {
    let line = try json(ClaudeAgent.prompt(id: "p-1", text: text))
    #expect(line["type"]?.string == "user" && line["uuid"]?.string == "p-1")
    #expect(line["message"]?["content"]?.string == text && line["message"]?["role"]?.string == "user")
  }

  @Test func `an interrupt and the greeting are requests with an id`() throws {
    let interrupt = try json(ClaudeAgent.interrupt(id: "i-1", withQueued: false))
    #expect(interrupt["request_id"]?.string == "i-1" && interrupt["request"]?["subtype"]?.string == "interrupt")
    let greeting = try json(ClaudeAgent.greeting)
    #expect(greeting["type"]?.string == "control_request" && greeting["request"]?["subtype"]?.string == "initialize")
  }

  @Test func `leave is given for exactly what was asked`() throws {
    let input = JSON.object(["command": .string("x\n"), "timeout": .integer(5), "deep": .array([.null, .number(1.5)])])
    let request = PermissionRequest(id: "r-1", tool: "Bash", input: input)
    let allowed = try json(ClaudeAgent.answer(request, allow: true, message: nil, always: false))
    #expect(allowed["response"]?["request_id"]?.string == "r-1" && allowed["response"]?["subtype"]?.string == "success")
    #expect(allowed["response"]?["response"] == .object(["behavior": .string("allow"), "updatedInput": input]))
    let denied = try json(ClaudeAgent.answer(request, allow: false, message: "not now", always: false))
    #expect(
      denied["response"]?["response"] == .object(["behavior": .string("deny"), "message": .string("not now")]))
    let silent = try json(ClaudeAgent.answer(request, allow: false, message: nil, always: false))
    #expect(silent["response"]?["response"]?["message"]?.string?.isEmpty == false)
  }

  @Test(
    arguments: [
      (Ending.exit(0), "", nil), (.exit(1), "", .agentCrashed), (.signal(9), "", .agentCrashed),
      (.exit(1), "No conversation found with session ID: x\n", .agentNoConversation),
      (.exit(1), "Error: Session ID x is already in use.\n", .agentError),
      (.exit(1), "--dangerously-skip-permissions cannot be used with root/sudo privileges", .agentError),
      (.exit(1), "Invalid API key · Please run /login", .agentLogin), (.exit(143), "", .agentCrashed),
    ] as [(Ending, String, ErrorCode?)])
  func `an ending says what it means`(_ ending: Ending, _ errors: String, _ code: ErrorCode?) {
    let failure = ClaudeAgent.failure(of: ending, errors: errors)
    #expect(failure?.code == code)
    #expect(failure == nil || failure?.hint != nil)
  }

  @Test func `the last line of the errors is told, fit for a terminal`() {
    let failure = ClaudeAgent.failure(of: .exit(3), errors: "first\n\u{1B}[31mTypeError: x\n")
    #expect(failure?.summary == "the agent ended with exit code 3: ?[31mTypeError: x")
  }
}

@Suite("settings of a person's own command line") struct ClaudeSettingsTests {
  private func launched(_ words: [String], settings: String?) -> [String] {
    let session = Session(
      id: "a7f3", name: "n", conversationID: "c-1", directory: "/p",
      spec: SpawnSpec(program: "claude", model: nil, permissionMode: "plan", maxTurns: nil, environment: [:]),
      createdAt: 0)
    return Array(
      ClaudeAgent.launchInTerminal(session, opening: .given(words), prompt: nil, settings: settings, context: nil)
        .arguments
        .dropFirst())
  }

  static let cases: [(given: [String], theirs: [String], rest: [String])] = [
    ([], [], []), (["say hi"], [], ["say hi"]),
    (["--settings", "a.json", "--model", "m", "hi"], ["a.json"], ["--model", "m", "hi"]),
    (["--settings={\"a\":1}", "--settings", "b"], ["{\"a\":1}", "b"], []),
    (["--add-dir", "x", "y", "--settings", "a", "hi"], ["a"], ["--add-dir", "x", "y", "hi"]),
    (["-c", "--", "--settings", "a"], [], ["-c", "--", "--settings", "a"]),
    (["--append-system-prompt", "--settings", "hi"], [], ["--append-system-prompt", "--settings", "hi"]),
    (["--settings"], [], ["--settings"]),
  ]

  @Test(arguments: cases.indices) func `theirs are found, and ours alone are given, before all words`(_ n: Int) {
    let (given, theirs, rest) = Self.cases[n]
    #expect(ClaudeArguments(given).settings == theirs)
    #expect(launched(given, settings: "/run/settings.json") == ["--settings=/run/settings.json"] + rest)
    // Where theirs could not be read they go to the program as they are.
    #expect(launched(given, settings: nil) == given)
  }

  @Test func `a later run has them again`() {
    let asked = ClaudeArguments(["--settings", "a.json", "--model", "m", "--resume", "x", "hi"])
    #expect(ClaudeArguments(asked.lasting).settings == ["a.json"])
    #expect(asked.lasting.suffix(2) == ["--model", "m"])
  }
}
