/// What a hook of an agent said, in our words. An agent starts its hooks as things happen, but beside each other: their
/// reports come in any order, and each bears the time at which it was made.
package struct HookReport: Equatable, Sendable {
  package enum Fact: Equatable, Sendable {
    /// A conversation was taken up, for this reason.
    case started(Start)
    /// Somebody asked for something.
    case prompted(text: String)
    /// The agent went on unasked: what it had left running in the background ended.
    case wentOn
    case toolBegan(tool: String, input: JSON, id: String)
    case permissionAsked(PermissionRequest)
    case toolEnded(tool: String, id: String?, failed: Bool)
    /// `isAtRest` is false while subagents still work for it.
    case turnEnded(text: String?, isAtRest: Bool)
    case turnFailed(Failure)
    /// The conversation was left; where another follows in the same process, it is about to start.
    case ended(reason: String, isFollowed: Bool)
    case notified(kind: String, message: String)
  }

  package enum Start: String, Equatable, Sendable {
    case startup, resume, fork
    /// The person began a new conversation in the same process.
    case clear
    /// The conversation was made shorter and goes on, perhaps in the middle of a turn.
    case compact
  }

  package var conversationID: String
  package var transcript: String?
  package var isSubagent: Bool
  /// Where the agent is as it says so.
  package var directory: String?
  /// At a turn's end: commands still run in the background.
  package var hasBackground = false
  package var fact: Fact

  package init(conversationID: String, transcript: String?, isSubagent: Bool, fact: Fact) {
    self.conversationID = conversationID
    self.transcript = transcript
    self.isSubagent = isSubagent
    self.fact = fact
  }
}

/// What an agent's own list of its living processes says of one of them.
package struct Sighting: Equatable, Sendable {
  package var mode: AgentMode
  /// What it waits for, in the agent's words.
  package var waitingFor: String?
  /// It waits for leave to use the tool it just began.
  package var isForTool: Bool
  /// Since when it is so, by the agent's own clock.
  package var at: Moment

  package init(mode: AgentMode, waitingFor: String?, isForTool: Bool, at: Moment) {
    self.mode = mode
    self.waitingFor = waitingFor
    self.isForTool = isForTool
    self.at = at
  }
}
