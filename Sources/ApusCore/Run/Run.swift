/// One execution of the agent in a session.
package struct Run: Codable, Equatable, Sendable {
  package enum Phase: String, Codable, Sendable {
    /// Recorded before anything was started.
    case starting
    case running
    case ended
    case lost
  }

  package var session: String
  /// From 1; a resume starts the next.
  package var number: Int
  package var phase: Phase = .starting
  /// Where its files are.
  package var directory: String
  package var socket: String
  package var keeper: ProcessMark?
  package var agent: ProcessMark?
  package var startedAt: Moment
  package var endedAt: Moment?
  package var ending: Ending?
  /// Whether it takes up a turn that was cut off.
  package var continuing: Bool
  package var leaseToken: Int64
  /// Whether the agent sits in a terminal of its own; nil in records of versions that knew streams alone.
  package var terminal: Bool?
  /// The boot of the machine its processes were started in: pids and start times of another boot mean nothing.
  package var boot: String?

  /// Whether a client of the agent's own speaks with it over its pipes (`apus claude` under a program); nil in records
  /// of versions that knew of none. We say nothing to it unless asked.
  package var spoken: Bool?

  package var isTerminal: Bool { terminal == true }
  package var isSpoken: Bool { spoken == true }

  /// The offset no recording reaches: who follows from there is told of the ending alone.
  package static let onlyEnding = UInt64.max

  package init(
    session: String, number: Int, directory: String, socket: String, startedAt: Moment, continuing: Bool,
    leaseToken: Int64
  ) {
    self.session = session
    self.number = number
    self.directory = directory
    self.socket = socket
    self.startedAt = startedAt
    self.continuing = continuing
    self.leaseToken = leaseToken
  }

  /// Who holds what this run holds.
  package var holder: String { "\(session)/\(number)" }
}

/// The identity of a process: a pid alone may be somebody else's tomorrow.
package struct ProcessMark: Codable, Equatable, Hashable, Sendable {
  package var pid: Int32
  /// Clock ticks after boot at which it started.
  package var start: UInt64

  package init(pid: Int32, start: UInt64) {
    self.pid = pid
    self.start = start
  }
}

/// Something for an agent to hear, kept before it is sent, so that a crash between the two loses nothing.
package struct Input: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, Sendable {
    case prompt, control
    /// Ours, not a person's: tells the agent to take up a turn that was cut off.
    case continuation
  }

  package var row: Int64
  package var session: String
  package var kind: Kind
  /// Of a prompt: its id, by which the agent knows it again.
  package var promptID: String
  /// Of a prompt its text; of a control message its bytes as text.
  package var text: String
  package var acceptedAt: Moment
  /// The run it was sent to, and its number there; nil while it was sent to none.
  package var run: Int?
  package var number: UInt64?
  package var finished = false

  package init(
    row: Int64, session: String, kind: Kind, promptID: String, text: String, acceptedAt: Moment
  ) {
    self.row = row
    self.session = session
    self.kind = kind
    self.promptID = promptID
    self.text = text
    self.acceptedAt = acceptedAt
  }
}
