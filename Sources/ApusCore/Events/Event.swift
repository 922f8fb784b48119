/// One thing that happened to a session, numbered from 0 within it, for good.
package struct Event: Codable, Equatable, Sendable {
  package var n: Int
  package var at: Moment
  package var session: String
  package var run: Int
  package var kind: Kind
  package var detail: JSON

  package init(n: Int, at: Moment, session: String, run: Int, kind: Kind, detail: JSON) {
    self.n = n
    self.at = at
    self.session = session
    self.run = run
    self.kind = kind
    self.detail = detail
  }

  /// Past tense; codes are promises: append, never rename.
  package enum Kind: String, Codable, Sendable {
    case created, renamed, tagged, archived
    case runStarted = "run.started"
    case agentReady = "agent.ready"
    case promptAccepted = "prompt.accepted"
    case promptStarted = "prompt.started"
    case promptFinished = "prompt.finished"
    case turnBegan = "turn.began"
    case said
    case permissionAsked = "permission.asked"
    case permissionAnswered = "permission.answered"
    case permissionWithdrawn = "permission.withdrawn"
    case interruptRequested = "interrupt.requested"
    case retrying
    case turnEnded = "turn.ended"
    case lineUnreadable = "line.unreadable"
    case stopRequested = "stop.requested"
    case runEnded = "run.ended"
    case runLost = "run.lost"
    case adopted
    case recordingStalled = "recording.stalled"
    case recordingResumed = "recording.resumed"
    case queued
    case limitReached = "limit.reached"
    case watchBegan = "watch.began"
    case watchEnded = "watch.ended"
    case conversationChanged = "conversation.changed"
    case merged, removed, restored
  }
}

/// An event with its number among those of all sessions.
package struct NumberedEvent: Equatable, Sendable {
  package var number: Int64
  package var event: Event

  package init(number: Int64, event: Event) {
    self.number = number
    self.event = event
  }
}

/// Up to where a run's recording was read, and what the reader knew there. Kept in one transaction with the events
/// read up to it: neither is ever ahead of the other.
package struct RunCursor: Codable, Equatable, Sendable {
  package var offset: UInt64
  /// The stream's state as JSON text.
  package var stream: String
  package var turn: TurnState

  package init(offset: UInt64, stream: String, turn: TurnState) {
    self.offset = offset
    self.stream = stream
    self.turn = turn
  }
}
