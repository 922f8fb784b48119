import ApusCore

/// Claude Code, driven over stream-json on both sides (claude-contract §3; real-cli §4).
package enum ClaudeAgent: Agent {
  package typealias Stream = ClaudeStream

  package static let name = "claude"
  package static let permissionModes = ["acceptEdits", "auto", "bypassPermissions", "manual", "dontAsk", "plan"]
  /// The agent's own text for a turn it is asked to take up again.
  package static let continuation = "Continue from where you left off."

  /// `context`: what the agent is told of its place, beside its own system prompt.
  package static func launch(
    _ session: Session, opening: Opening, run: Int, settings: String?, servers: String? = nil, context: String?
  ) -> LaunchSpec {
    var arguments = [
      session.spec.program, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
      "--permission-prompt-tool", "stdio", "--replay-user-messages", "--include-partial-messages",
      "--permission-mode", session.spec.permissionMode,
    ]
    if let model = session.spec.model { arguments += ["--model", model] }
    if let turns = session.spec.maxTurns { arguments += ["--max-turns", String(turns)] }
    var environment = ClaudeEnvironment.forAgent(session.spec.environment)
    environment["CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"] = "1"
    environment["PWD"] = session.directory
    // With `=`, so that a value can never be read as a flag.
    if let settings { arguments.append("--settings=\(settings)") }
    // It takes all words up to the next flag: none but flags and `--` may follow.
    if let servers { arguments.append("--mcp-config=\(servers)") }
    if let context { arguments.append("--append-system-prompt=\(context)") }
    switch opening {
    case .fresh: arguments.append("--session-id=\(session.conversationID)")
    case .resumed(let continuing, let file):
      arguments.append("--resume=\(file ?? session.conversationID)")
      if continuing { environment["CLAUDE_CODE_RESUME_INTERRUPTED_TURN"] = "1" }
    case .given(let words): arguments += words
    case .forked(let parent):
      arguments += ["--resume=\(parent)", "--fork-session", "--session-id=\(session.conversationID)"]
    }
    return LaunchSpec(
      program: session.spec.program, arguments: arguments, environment: environment, directory: session.directory,
      greeting: greeting)
  }

  /// With a client's own words and nothing of ours: it speaks with the agent as if it had started it.
  package static func launchAsGiven(_ session: Session, _ words: [String]) -> LaunchSpec {
    var environment = ClaudeEnvironment.forAgent(session.spec.environment)
    environment["PWD"] = session.directory
    return LaunchSpec(
      program: session.spec.program, arguments: [session.spec.program] + words, environment: environment,
      directory: session.directory, greeting: [])
  }

  /// Answered in 0.3 s, while `init` comes only with the first prompt (real-cli §4).
  package static let greeting = line([
    "type": .string("control_request"), "request_id": .string(greetingID),
    "request": .object(["subtype": .string("initialize")]),
  ])

  static let greetingID = "apus-hello"

  package static func prompt(id: String, text: String) -> [UInt8] {
    line([
      "type": .string("user"), "uuid": .string(id), "session_id": .string(""), "parent_tool_use_id": .null,
      "message": .object(["role": .string("user"), "content": .string(text)]),
    ])
  }

  package static func interrupt(id: String, withQueued: Bool) -> [UInt8] {
    var request: [String: JSON] = ["subtype": .string("interrupt")]
    if withQueued { request["cancel_queued"] = .bool(true) }
    return line([
      "type": .string("control_request"), "request_id": .string(id), "request": .object(request),
    ])
  }

  /// `always`: what it offered to have allowed from then on is allowed as well.
  package static func answer(
    _ request: PermissionRequest, allow: Bool, message: String?, always: Bool
  ) -> [UInt8] {
    var decision: [String: JSON] =
      allow
      ? ["behavior": .string("allow"), "updatedInput": request.input]
      : ["behavior": .string("deny"), "message": .string(message ?? "The user denied this.")]
    if allow, always, let offered = request.always { decision["updatedPermissions"] = offered.form }
    return line([
      "type": .string("control_response"),
      "response": .object([
        "subtype": .string("success"), "request_id": .string(request.id), "response": .object(decision),
      ]),
    ])
  }

  /// One line, whatever the text holds: the program dies of a line that is not JSON (real-cli §4).
  private static func line(_ fields: [String: JSON]) -> [UInt8] {
    guard let bytes = try? JSONText.encode(JSON.object(fields)) else { return [] }
    return bytes + [UInt8(ascii: "\n")]
  }

  package static func failure(of ending: Ending, errors: String) -> Failure? {
    let said = ClaudeFailure.read(errors)
    switch ending {
    case .exit(0): return nil
    case .exit(let code):
      return said
        ?? Failure(
          .agentCrashed, "the agent ended with exit code \(code)" + quoted(errors),
          hint: "`apus logs NAME` shows how far it came; `apus resume NAME` continues the conversation")
    case .signal(let number):
      return Failure(
        .agentCrashed, "the agent was ended by signal \(number)" + quoted(errors),
        hint: "`apus resume NAME` continues the conversation")
    }
  }

  private static func quoted(_ errors: String) -> String {
    let last = errors.split(separator: "\n").last.map { String($0.prefix(200)) } ?? ""
    return last.isEmpty ? "" : ": " + SessionName.printable(last)
  }
}
