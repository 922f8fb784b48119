/// What an agent says, in our words. An agent's interpreter makes these of its bytes; nothing vendor-specific is left.
package enum AgentEvent: Equatable, Sendable {
  /// The agent answered: it runs, and takes prompts.
  case ready(version: String?)
  /// The agent's own word on what it does.
  case modeChanged(AgentMode)
  /// A turn begins to run, in this conversation, on this model.
  case turnBegan(conversationID: String, model: String?)
  /// One of our prompts was taken up.
  case promptStarted(id: String)
  /// One of our prompts is done with, whatever came of it.
  case promptFinished(id: String, withdrawn: Bool)
  case said(Utterance)
  /// A piece of what it is in the middle of saying; all of it will be said.
  case saying(String, begins: Bool)
  case permissionAsked(PermissionRequest)
  case permissionWithdrawn(id: String)
  case turnEnded(TurnResult)
  /// The agent tries a failed call to its model again.
  case retrying(Failure)
  /// A line that cannot be read; kept as it was in the recording.
  case unreadable(offset: UInt64)
}

extension AgentEvent {
  /// Whether nothing comes of it that is kept.
  package var isPassing: Bool { if case .saying = self { true } else { false } }
}

package enum AgentMode: String, Codable, Sendable {
  case unknown, idle, running, waiting
}

/// One contribution to a conversation.
package struct Utterance: Codable, Equatable, Sendable {
  package enum Role: String, Codable, Sendable { case user, assistant, tool, system }

  package var role: Role
  package var text: String
  /// The agent's id of the line, or ours for a prompt.
  package var id: String?
  /// The tool that is called or that answers.
  package var tool: String?
  package var isError: Bool?

  package init(role: Role, text: String, id: String? = nil, tool: String? = nil, isError: Bool? = nil) {
    self.role = role
    self.text = text
    self.id = id
    self.tool = tool
    self.isError = isError
  }
}

extension Utterance {
  private static let longestBrief = 120

  /// What an agent does or says, in one line; nil for what is not its own.
  package var brief: String? {
    switch role {
    case .user, .system: return nil
    case .tool:
      guard isError == nil, let tool else { return nil }
      let input = (try? JSONText.decode(JSON.self, from: Array(text.utf8))) ?? .null
      return PermissionRequest(id: "", tool: tool, input: input).brief
    case .assistant:
      guard let line = text.split(separator: "\n").first(where: { !$0.allSatisfy(\.isWhitespace) }) else { return nil }
      return String(line.prefix(Self.longestBrief))
    }
  }
}

/// What an agent asks before it does it.
package struct PermissionRequest: Codable, Equatable, Sendable {
  package var id: String
  package var tool: String
  /// Exactly what would be done, as the agent said it.
  package var input: JSON
  package var reason: String?
  /// What it offers to have allowed from then on as well.
  package var always: Always?

  package struct Always: Codable, Equatable, Sendable {
    /// A line each, for who decides.
    package var words: [String]
    /// The same as the agent said it.
    package var form: JSON

    package init(words: [String], form: JSON) {
      self.words = words
      self.form = form
    }
  }

  package init(id: String, tool: String, input: JSON, reason: String? = nil, always: Always? = nil) {
    self.id = id
    self.tool = tool
    self.input = input
    self.reason = reason
    self.always = always
  }

  /// One line for lists: `Bash "rm -r build"`.
  package var brief: String {
    for key in ["command", "file_path", "path", "url", "pattern", "query", "prompt", "description"] {
      if let text = input[key]?.string { return "\(tool) \"\(text)\"" }
    }
    return tool
  }
}

/// How a turn ended.
package struct TurnResult: Codable, Equatable, Sendable {
  /// What the agent answered last.
  package var text: String
  /// Our prompts this turn answered.
  package var prompts: [String]
  /// Nil when the turn went well.
  package var failure: Failure?
  /// Cumulative for the conversation, in US dollars.
  package var cost: Double?
  package var tokens: Tokens

  package init(text: String, prompts: [String], failure: Failure?, cost: Double?, tokens: Tokens) {
    self.text = text
    self.prompts = prompts
    self.failure = failure
    self.cost = cost
    self.tokens = tokens
  }
}
