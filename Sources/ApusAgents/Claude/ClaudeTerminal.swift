import ApusCore

// Claude Code in its own full-screen terminal.

extension ClaudeAgent {
  /// What a person presses to interrupt a turn.
  package static let escapeKey: [UInt8] = [0x1B]

  package static func launchInTerminal(
    _ session: Session, opening: Opening, prompt: String?, settings: String?, servers: String? = nil, context: String?
  ) -> LaunchSpec {
    var arguments = [session.spec.program]
    // With `=`, so that a value can never be read as a flag; first, so that a person's `--` is behind them.
    switch opening {
    case .given: break
    case .fresh: arguments.append("--session-id=\(session.conversationID)")
    case .resumed(_, let file): arguments.append("--resume=\(file ?? session.conversationID)")
    case .forked(let parent):
      arguments += ["--resume=\(parent)", "--fork-session", "--session-id=\(session.conversationID)"]
    }
    // Of several the last counts: a person's own are in ours.
    func words(_ given: [String]) -> [String] { settings == nil ? given : ClaudeArguments(given).withoutSettings }
    if let settings { arguments.append("--settings=\(settings)") }
    // It takes all words up to the next flag: none but flags and `--` may follow.
    if let servers { arguments.append("--mcp-config=\(servers)") }
    if case .given(let given) = opening {
      arguments += words(given)
    } else if let own = session.spec.arguments {
      arguments += words(own)
    } else {
      arguments += ["--permission-mode", session.spec.permissionMode]
      if let model = session.spec.model { arguments += ["--model", model] }
      if let context { arguments.append("--append-system-prompt=\(context)") }
    }
    if let prompt { arguments += ["--", prompt] }
    var environment = ClaudeEnvironment.forAgent(session.spec.environment)
    environment["PWD"] = session.directory
    return LaunchSpec(
      program: session.spec.program, arguments: arguments, environment: environment, directory: session.directory,
      greeting: [])
  }
}
