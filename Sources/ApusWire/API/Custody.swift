import ApusCore

// Custody seen from outside: the processes of runs, and what dead runs left.

package struct ProcessesRequest: Codable, Sendable {
  /// None: every live session.
  package var sessions: [String]

  package init(sessions: [String]) { self.sessions = sessions }
}

/// One run with all its processes, each after its parent.
package struct RunProcesses: Codable, Sendable {
  package var id: String
  package var name: String
  package var run: Int
  package var processes: [ProcessObject]

  package init(id: String, name: String, run: Int, processes: [ProcessObject]) {
    self.id = id
    self.name = name
    self.run = run
    self.processes = processes
  }
}

/// A process as outsiders see it. Keys are promises; what is unknown is null.
package struct ProcessObject: Codable, Equatable, Sendable {
  package var pid: Int
  package var parent: Int
  /// With the pid its identity: clock ticks after boot.
  package var start: UInt64
  package var startedAt: String
  /// Seconds since then.
  package var age: Double
  package var role: ProcessRole
  /// R, S, D or T, as proc(5) has it.
  package var state: String
  package var command: String
  /// Bytes: its share of the machine's memory.
  package var memory: Int?
  /// Percent of one core, since it was last looked at.
  package var cpu: Double
  /// TCP ports it listens on.
  package var listening: [Int]
  /// How many of its ancestors are in the same run.
  package var depth: Int

  package init(
    pid: Int, parent: Int, start: UInt64, startedAt: Moment, age: Double, role: ProcessRole, state: String,
    command: String, memory: Int?, cpu: Double, listening: [Int], depth: Int
  ) {
    self.pid = pid
    self.parent = parent
    self.start = start
    self.startedAt = MomentText.iso(startedAt)
    self.age = age
    self.role = role
    self.state = state
    self.command = command
    self.memory = memory
    self.cpu = cpu
    self.listening = listening
    self.depth = depth
  }

  private enum CodingKeys: String, CodingKey {
    case pid, parent, start, startedAt, age, role, state, command, memory, cpu, listening, depth
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(pid, forKey: .pid)
    try fields.encode(parent, forKey: .parent)
    try fields.encode(start, forKey: .start)
    try fields.encode(startedAt, forKey: .startedAt)
    try fields.encode(age, forKey: .age)
    try fields.encode(role, forKey: .role)
    try fields.encode(state, forKey: .state)
    try fields.encode(command, forKey: .command)
    try fields.encode(memory, forKey: .memory)
    try fields.encode(cpu, forKey: .cpu)
    try fields.encode(listening, forKey: .listening)
    try fields.encode(depth, forKey: .depth)
  }
}

package struct PruneRequest: Codable, Sendable {
  /// The items of an earlier plan that a person approved, which are then performed; nil: only the plan is wanted.
  package var approved: [PruneItem]?

  package init(approved: [PruneItem]?) { self.approved = approved }
}

package struct PruneOutcome: Codable, Equatable, Sendable {
  package enum Result: String, Codable, Sendable {
    /// Seen gone afterwards.
    case removed
    /// It was not there any more.
    case gone
    /// It is not what the plan said any more, and was left alone.
    case kept
    case failed
  }

  package var item: PruneItem
  package var result: Result
  /// Why, where it was not removed.
  package var detail: String?

  package init(_ item: PruneItem, _ result: Result, _ detail: String? = nil) {
    self.item = item
    self.result = result
    self.detail = detail
  }
}

package struct PruneReply: Codable, Sendable {
  package var items: [PruneItem]
  /// What became of each; nil where only the plan was wanted. More than the items where a process had more below it
  /// by then.
  package var outcomes: [PruneOutcome]?

  package init(items: [PruneItem], outcomes: [PruneOutcome]?) {
    self.items = items
    self.outcomes = outcomes
  }
}
