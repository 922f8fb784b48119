/// How much may run at once, and for how long in silence. Nil: no limit.
package struct Limits: Equatable, Sendable {
  package var sessions: Int?
  /// Bytes.
  package var runMemory: Int?
  package var totalMemory: Int?
  package var idleSeconds: Double?
  package var stalledSeconds: Double?

  package init() {}

  package init(_ settings: Settings) throws(Failure) {
    func limit(_ setting: Setting, _ unit: Double) throws(Failure) -> Double? {
      let value = try settings.number(setting)
      return value > 0 ? value * unit : nil
    }
    sessions = try limit(.maxSessions, 1).map { max(1, Int($0)) }
    runMemory = try limit(.maxRunMemoryMB, 1_048_576).map { Int($0) }
    totalMemory = try limit(.maxTotalMemoryMB, 1_048_576).map { Int($0) }
    idleSeconds = try limit(.idleMinutes, 60)
    stalledSeconds = try limit(.stalledMinutes, 60)
  }

  /// One run that lives, as far as limits are concerned.
  package struct RunView: Equatable, Sendable {
    package var session: String
    package var activity = Activity.working
    /// When the activity last changed or was confirmed.
    package var since: Moment = 0
    /// Its agent has not answered yet: what it will take of the machine is not known.
    package var isStarting = false
    package var isStopping = false
    package var persists = false
    package var hasViewers = false
    /// Something is asked of it, or by it, and not done with.
    package var hasOpen = false
    /// Bytes; nil where it was not looked at.
    package var memory: Int?
    /// What it took one check earlier.
    package var memoryBefore: Int?

    package init(session: String) { self.session = session }
  }

  package enum Decision: Equatable, Sendable {
    case start(String)
    /// It waits: the place is counted from 1.
    case wait(String, place: Int, reason: String)
    case end(String, Excess)
    case stalled(String, seconds: Double)
  }

  /// Why a limit ends a run.
  package enum Excess: Equatable, Sendable {
    case memory(bytes: Int, limit: Int)
    case idle(seconds: Double, limit: Double)
  }

  /// The rule: what is to be done about these runs, and about those that wait, first come first served. A run that
  /// lives already is never ended for want of a place, and a head of the queue is never passed over.
  package func decide(runs: [RunView], queue: [String], now: Moment) -> [Decision] {
    runs.compactMap { decide($0, now) } + decide(queue, runs)
  }

  private func decide(_ run: RunView, _ now: Moment) -> Decision? {
    if run.isStopping { return nil }
    if let runMemory, let bytes = run.memory, let before = run.memoryBefore, min(bytes, before) > runMemory {
      return .end(run.session, .memory(bytes: bytes, limit: runMemory))
    }
    let silent = now - run.since
    switch run.activity {
    case .idle:
      guard let idleSeconds, silent >= idleSeconds, !run.persists, !run.hasViewers, !run.hasOpen else { return nil }
      return .end(run.session, .idle(seconds: silent, limit: idleSeconds))
    case .working:
      guard let stalledSeconds, silent >= stalledSeconds, !run.isStarting else { return nil }
      return .stalled(run.session, seconds: silent)
    case .needsYou, .unknown: return nil
    }
  }

  private func decide(_ queue: [String], _ runs: [RunView]) -> [Decision] {
    var places = runs.count
    var isStarting = runs.contains { $0.isStarting }
    let memory = runs.reduce(0) { $0 + ($1.memory ?? 0) }
    var decisions: [Decision] = []
    var reason: String?
    var place = 0
    for session in queue {
      reason = reason ?? obstacle(places: places, memory: memory, isStarting: isStarting)
      if let reason {
        place += 1
        decisions.append(.wait(session, place: place, reason: reason))
      } else {
        decisions.append(.start(session))
        places += 1
        isStarting = true
      }
    }
    return decisions
  }

  /// Why nothing may start now; nil when something may. Where nothing runs something always may.
  private func obstacle(places: Int, memory: Int, isStarting: Bool) -> String? {
    if places == 0 { return nil }
    if let sessions, places >= sessions { return "\(places) of \(sessions) sessions run" }
    guard let totalMemory else { return nil }
    if memory >= totalMemory { return "\(memory >> 20) of \(totalMemory >> 20) MB of memory are taken" }
    return isStarting ? "another session is just being started" : nil
  }

  /// How often runs have to be looked at, in seconds; nil when nothing has to be.
  package func interval(queueIsEmpty: Bool) -> Double? {
    var seconds = [idleSeconds, stalledSeconds].compactMap { $0.map { $0 / 2 } }
    if runMemory != nil || (totalMemory != nil && !queueIsEmpty) { seconds.append(Self.longestInterval) }
    return seconds.min().map { max(Self.shortestInterval, min(Self.longestInterval, $0)) }
  }

  private static let longestInterval: Double = 10
  private static let shortestInterval: Double = 0.2
}

extension Limits.Excess {
  /// One word, for events.
  package var kind: String {
    switch self {
    case .memory: "memory"
    case .idle: "idle"
    }
  }

  package var text: String {
    switch self {
    case .memory(let bytes, let limit): "it took \(bytes >> 20) MB of memory, \(limit >> 20) MB are allowed"
    case .idle(let seconds, let limit):
      "it was idle for \(MomentText.age(seconds)), \(MomentText.age(limit)) are allowed"
    }
  }
}

/// `1st`, `2nd`, `3rd`, `4th`.
package enum Ordinal {
  package static func text(_ number: Int) -> String {
    let ending =
      switch (number % 10, number % 100) {
      case (_, 11...13): "th"
      case (1, _): "st"
      case (2, _): "nd"
      case (3, _): "rd"
      default: "th"
      }
    return "\(number)\(ending)"
  }
}
