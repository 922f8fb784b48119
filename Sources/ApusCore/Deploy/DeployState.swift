// Who is to do what about a deployment. All who watch it stand in line for one lock; whoever has that lock while the newest
// deployment has failed has the job of fixing it, and nobody else. The lock's own rule keeps the line; here is decided
// who stands in it, when a right that came is a job, and who hears what.

/// One deployment that is watched, as a rule: no clock, no process, no lock. What happened is told to it, and it says
/// what follows.
///
/// At most one watcher has the job at any time, and only while the newest deployment that is known has failed or what it
/// pushed since is being built.
package struct DeployState: Codable, Equatable, Sendable {
  /// In the order they came.
  package private(set) var watchers: [DeployWatcher] = []
  /// The last that was known, and what is known now.
  package private(set) var known: DeployReading?
  package private(set) var latest: DeployReading?
  /// Failures are numbered: another deployment that failed is another.
  private var failure = 0
  /// When the last look began.
  private var lookedAt: Moment = 0
  private let seed: String
  private var nextTicket = 1

  /// `seed` begins the tickets it asks with; nobody else may use it.
  package init(seed: String) { self.seed = seed }

  /// Who is to fix it.
  package var fixer: String? { watchers.first { $0.hasJob }?.id }
  /// Whether the command has to be run again and again.
  package var isWatched: Bool { !watchers.isEmpty }
  package var nextDeadline: Moment? { watchers.filter(Self.mayRunOut).compactMap(\.deadline).min() }
  package var tickets: [String] { watchers.compactMap(\.ticket) }
  /// What outlives who is connected: jobs, and those who are told later.
  package var lasting: [DeployWatcher] { watchers.filter { $0.stays || $0.hasJob || $0.ticket != nil } }
  package func watcher(_ id: String) -> DeployWatcher? { watchers.first { $0.id == id } }

  /// The rule.
  package mutating func handle(_ event: DeployEvent, now: Moment) -> [DeployAction] {
    var actions: [DeployAction] = []
    switch event {
    case .joined(let watcher): join(watcher, &actions)
    case .left(let id): leave(id, &actions)
    case .ended(let id): remove(id, &actions)
    case .read(let reading, let began): take(reading, began, &actions)
    case .took(let ticket, let waited): took(ticket, waited: waited, now, &actions)
    case .settled: settle(&actions)
    case .lost(let ticket): lost(ticket, &actions)
    case .ticked: runOut(now, &actions)
    }
    return actions
  }

  // MARK: coming and going

  private mutating func join(_ watcher: DeployWatcher, _ actions: inout [DeployAction]) {
    if let index = watchers.firstIndex(where: { $0.id == watcher.id }) {
      watchers[index].isAttended = watchers[index].isAttended || watcher.isAttended
      watchers[index].stays = watchers[index].stays || watcher.stays
      watchers[index].deadline = watcher.deadline
      watchers[index].heard = nil
      watchers[index].declined = 0
    } else {
      watchers.append(watcher)
    }
    actions.append(.look)
  }

  private mutating func leave(_ id: String, _ actions: inout [DeployAction]) {
    guard let index = watchers.firstIndex(where: { $0.id == id }) else { return }
    watchers[index].isAttended = false
    if !watchers[index].stays, !watchers[index].hasJob { remove(id, &actions) }
  }

  private mutating func remove(_ id: String, _ actions: inout [DeployAction]) {
    guard let index = watchers.firstIndex(where: { $0.id == id }) else { return }
    if let ticket = watchers.remove(at: index).ticket { actions.append(.leave(ticket: ticket)) }
  }

  private static func mayRunOut(_ watcher: DeployWatcher) -> Bool { !watcher.hasJob || watcher.isAttended }

  /// Whoever has the job keeps it: its lock ends with its session, or when the deployment is ready.
  private mutating func runOut(_ now: Moment, _ actions: inout [DeployAction]) {
    for watcher in watchers where Self.mayRunOut(watcher) {
      guard let deadline = watcher.deadline, deadline <= now else { continue }
      hear(watcher.id, .timedOut, wakes: true, ends: true, &actions)
      if !watcher.hasJob { remove(watcher.id, &actions) }
    }
  }

  /// What a new daemon makes of it: nobody is connected, and who does not live watches no more. Who was connected is
  /// expected to come back; `left` says that it did not.
  package mutating func restart(isLive: (String) -> Bool) {
    watchers.removeAll { !$0.isSession || !isLive($0.id) }
    for index in watchers.indices { watchers[index].isAttended = false }
  }

  // MARK: looking

  private mutating func take(_ reading: DeployReading, _ began: Moment, _ actions: inout [DeployAction]) {
    latest = reading
    lookedAt = began
    let before = known
    if reading.state != .unknown { known = reading }
    switch reading.state {
    case .ready: finish(&actions)
    case .building:
      // A failure of an older deployment is no news any more; who fixes it goes on.
      withdraw(&actions) { !$0.hasJob }
      hearAll(.building, &actions)
    case .error:
      if before?.state != .error || before?.identity != reading.identity {
        failure += 1
        if let ticket = watchers.first(where: { $0.hasJob })?.ticket {
          actions.append(.note(ticket: ticket, reading.text))
        }
      }
      confirm(began, &actions)
      line(up: reading, &actions)
      actions.append(.settle)
    case .unknown: hearAll(.unknown(reading.text), &actions)
    }
  }

  /// Ready: everybody hears it, and nothing is left to watch.
  private mutating func finish(_ actions: inout [DeployAction]) {
    withdraw(&actions) { _ in true }
    for watcher in watchers { hear(watcher.id, .ready, wakes: true, ends: true, &actions) }
    watchers = []
  }

  /// Those who wait first, so that nobody of them is given what another leaves.
  private mutating func withdraw(_ actions: inout [DeployAction], where isMeant: (DeployWatcher) -> Bool) {
    let meant = watchers.indices.filter { isMeant(watchers[$0]) }
    for index in meant.filter({ watchers[$0].tookAt == nil }) + meant.filter({ watchers[$0].tookAt != nil }) {
      if let ticket = watchers[index].ticket { actions.append(.leave(ticket: ticket)) }
      watchers[index].ticket = nil
      watchers[index].tookAt = nil
      watchers[index].hasJob = false
    }
  }

  /// Every session stands in line, but those that gave this very failure back.
  private mutating func line(up reading: DeployReading, _ actions: inout [DeployAction]) {
    for index in watchers.indices {
      let watcher = watchers[index]
      guard watcher.isSession, watcher.ticket == nil, watcher.declined != failure else { continue }
      let ticket = "\(seed).\(nextTicket)"
      nextTicket += 1
      watchers[index].ticket = ticket
      actions.append(.ask(ticket: ticket, watcher: watcher.id, note: reading.text))
    }
  }

  // MARK: the job

  private mutating func took(
    _ ticket: String, waited: Bool, _ now: Moment, _ actions: inout [DeployAction]
  ) {
    guard let index = watchers.firstIndex(where: { $0.ticket == ticket }), watchers[index].tookAt == nil else { return }
    // Only one has a lock: whoever had it before has it no more.
    for other in watchers where other.tookAt != nil { other.ticket.map { lost($0, &actions) } }
    guard let index = watchers.firstIndex(where: { $0.ticket == ticket }) else { return }
    watchers[index].tookAt = waited ? now : lookedAt
    // Who had it before may have fixed it, or a fix may be on its way.
    guard !waited, latest?.state == .error else { return actions.append(.look) }
    confirm(lookedAt, &actions)
    settle(&actions)
  }

  private mutating func lost(_ ticket: String, _ actions: inout [DeployAction]) {
    guard let index = watchers.firstIndex(where: { $0.ticket == ticket }) else { return }
    let had = watchers[index]
    watchers[index].ticket = nil
    watchers[index].tookAt = nil
    watchers[index].hasJob = false
    guard had.hasJob else { return }
    watchers[index].declined = failure
    watchers[index].told = 0
    watchers[index].heard = nil
    if !had.isAttended, !had.stays { watchers.remove(at: index) }
  }

  /// Who has the lock, and had it when the look began that found the failure, has the job.
  private mutating func confirm(_ began: Moment, _ actions: inout [DeployAction]) {
    guard let index = watchers.firstIndex(where: { $0.tookAt.map { $0 <= began } ?? false }) else { return }
    let id = watchers[index].id
    watchers[index].hasJob = true
    guard watchers[index].told != failure else { return hear(id, .awaited, wakes: false, ends: false, &actions) }
    watchers[index].told = failure
    hear(id, .job, wakes: true, ends: true, &actions)
  }

  /// The others hear who has it; who is no session has its answer with that.
  private mutating func settle(_ actions: inout [DeployAction]) {
    // Somebody has the lock and may be given the job at the next look: then it is known who fixes.
    guard latest?.state == .error, !watchers.contains(where: { $0.tookAt != nil && !$0.hasJob }) else { return }
    for watcher in watchers where !watcher.hasJob {
      hear(watcher.id, .failed(fixer: fixer), wakes: false, ends: !watcher.isSession, &actions)
      if !watcher.isSession { remove(watcher.id, &actions) }
    }
  }

  private mutating func hearAll(_ word: DeployWord, _ actions: inout [DeployAction]) {
    for watcher in watchers { hear(watcher.id, word, wakes: false, ends: false, &actions) }
  }

  /// What it knows already it does not hear again.
  private mutating func hear(
    _ id: String, _ word: DeployWord, wakes: Bool, ends: Bool, _ actions: inout [DeployAction]
  ) {
    guard let index = watchers.firstIndex(where: { $0.id == id }) else { return }
    let isNew = ends || !word.isLike(watchers[index].heard)
    if watchers[index].isAttended {
      guard isNew else { return }
      watchers[index].heard = word
      if case .unknown = word { watchers[index].knowsOfUnknown = true }
      actions.append(ends ? .answer(id, word) : .say(id, word))
      if ends { watchers[index].isAttended = false }
      return
    }
    // How it goes on is not worth a message; how it ends is, and who has the job.
    switch word {
    case .ready, .job, .timedOut: actions.append(.tell(id, word, wakes: wakes))
    case .failed: if isNew { actions.append(.tell(id, word, wakes: wakes)) }
    case .unknown:
      if !watchers[index].knowsOfUnknown { actions.append(.tell(id, word, wakes: wakes)) }
      return watchers[index].knowsOfUnknown = true
    case .building, .awaited: break
    }
    watchers[index].heard = word
  }
}
