import ApusCore

// What is said when sessions are brought back, taken over, or wait for a place.

package struct RecoverRequest: Codable, Sendable {
  /// None: whatever can be recovered.
  package var sessions: [String]
  /// Whether to do it, or only to say what would be done.
  package var perform: Bool

  package init(sessions: [String], perform: Bool) {
    self.sessions = sessions
    self.perform = perform
  }
}

/// One session of a recovery: planned, or what came of it.
package struct RecoverItem: Codable, Equatable, Sendable {
  package enum Outcome: String, Codable, Sendable {
    case planned, resumed, queued, failed
    case notStarted = "not_started"
  }

  package var id: String
  package var name: String
  /// Null where nothing happened to it that is to be mended.
  package var happened: Recovery.Mishap?
  package var at: String
  package var age: Double
  package var verdict: Verdict
  /// `headless` or `terminal`, as its last run was.
  package var how: String
  package var outcome: Outcome
  package var problem: Failure?

  package init(session: Session, verdict: Verdict, now: Moment) {
    id = session.id
    name = session.name
    happened = Recovery.Mishap(session)
    at = MomentText.iso(session.lastActive)
    age = max(0, now - session.lastActive)
    self.verdict = verdict
    how = session.terminal ? "terminal" : "headless"
    outcome = .planned
  }

  private enum CodingKeys: String, CodingKey { case id, name, happened, at, age, verdict, how, outcome, problem }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(name, forKey: .name)
    try fields.encode(happened, forKey: .happened)
    try fields.encode(at, forKey: .at)
    try fields.encode(age, forKey: .age)
    try fields.encode(verdict, forKey: .verdict)
    try fields.encode(how, forKey: .how)
    try fields.encode(outcome, forKey: .outcome)
    try fields.encode(problem, forKey: .problem)
  }
}

package struct AdoptRequest: Codable, Sendable {
  /// A pid, `p` and a pid, or a conversation id; none: say which there are.
  package var target: String?
  package var name: String?
  /// What a session that is taken over is resumed with; its environment says where to look.
  package var spec: SpawnSpec
  package var persists: Bool

  package init(target: String?, name: String?, spec: SpawnSpec, persists: Bool) {
    self.target = target
    self.name = name
    self.spec = spec
    self.persists = persists
  }
}

/// Which sessions of Claude Code nobody of ours started, and what could not be asked.
package struct AdoptReply: Codable, Sendable {
  package var sessions: [SessionObject]
  package var notes: [String]

  package init(sessions: [SessionObject], notes: [String]) {
    self.sessions = sessions
    self.notes = notes
  }
}

/// Where a session that waits for a place stands.
package struct QueuePlace: Codable, Equatable, Sendable {
  /// From 1.
  package var place: Int
  package var reason: String

  package init(place: Int, reason: String) {
    self.place = place
    self.reason = reason
  }

  /// `4 of 4 sessions run; it is 2nd`.
  package var text: String { "\(reason); it is \(Ordinal.text(place))" }
}
