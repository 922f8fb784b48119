/// Names one run of one session. Read only from what is exactly as we write it: a mark in an environment, a directory or
/// a socket that is almost ours is not ours.
package struct RunID: Hashable, Sendable {
  package var session: String
  package var number: Int

  package init(session: String, number: Int) {
    self.session = session
    self.number = number
  }

  /// From a run's directory, as marks name it: `RUNS/SESSION/NUMBER` and nothing else.
  package init?(directory: String, below runs: String) {
    guard directory.hasPrefix(runs + "/") else { return nil }
    let parts = directory.dropFirst(runs.count + 1).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self.init(parts[0], parts[1])
  }

  /// From a name in the socket directory: `PREFIX-SESSION-NUMBER` and nothing else.
  package init?(name: String, prefix: String) {
    guard name.hasPrefix(prefix + "-") else { return nil }
    let parts = name.dropFirst(prefix.count + 1).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2 else { return nil }
    self.init(parts[0], parts[1])
  }

  private init?(_ session: Substring, _ number: Substring) {
    guard ShortID.isWellFormed(String(session)), let value = Int(number), value > 0, String(value) == number else {
      return nil
    }
    self.init(session: String(session), number: value)
  }
}

extension RunID: Comparable, CustomStringConvertible {
  package var description: String { "\(session)/\(number)" }

  package static func < (one: RunID, other: RunID) -> Bool {
    (one.session, one.number) < (other.session, other.number)
  }
}

extension Run {
  package var id: RunID { RunID(session: session, number: number) }

  /// Whether its processes were started in another boot of the machine than `current`: then no pid that is recorded of
  /// it means anything any more. Where either is unknown they are compared by pid and start time as ever.
  package func isOfAnotherBoot(than current: String?) -> Bool {
    guard let boot, let current else { return false }
    return boot != current
  }
}

/// What a process is to its run.
package enum ProcessRole: String, Codable, Sendable, Comparable {
  case keeper, agent
  /// A tool's process, or whatever else descends from the agent.
  case child

  private var rank: Int {
    switch self {
    case .keeper: 0
    case .agent: 1
    case .child: 2
    }
  }

  package static func < (one: ProcessRole, other: ProcessRole) -> Bool { one.rank < other.rank }
}

/// How much of one processor a process used.
package enum ProcessorShare {
  /// In percent of one core: of the time since the process was last looked at, else since the last look, which it was
  /// not there for, else since it started. All in seconds, `used` and `usedBefore` of a processor, the others of one
  /// clock.
  package static func percent(
    used: Double, usedBefore: Double?, started: Double, lastLook: Double?, now: Double
  ) -> Double {
    let since = usedBefore == nil ? max(started, lastLook ?? started) : lastLook ?? started
    let before = usedBefore ?? 0
    guard now > since else { return 0 }
    return max(0, used - before) / (now - since) * 100
  }
}
