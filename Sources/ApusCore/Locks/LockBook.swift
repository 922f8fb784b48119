// The rule of named locks, whole: at most one owner has a lock at a time, whoever gets it gets a larger token than
// anybody before, those who wait get it in the order they came, and nothing but proof of a holder's death or its long
// silence takes it away. It knows no clock, no process and no disk: time and what happened are told to it, what follows
// is told back. The daemon performs that, tests run it through years of accidents.

/// All locks and all who hold or wait for them.
///
/// `now` is a clock that stands still while the machine sleeps, `wall` the time of day (for people alone).
package struct LockBook: Equatable, Sendable {
  package internal(set) var locks: [LockKey: NamedLock] = [:]
  package internal(set) var tickets: [String: LockTicket] = [:]
  /// What changed since `begin`, as it was before; what is new then was nil.
  package internal(set) var lockChanges: [LockKey: NamedLock?] = [:]
  package internal(set) var ticketChanges: [String: LockTicket?] = [:]
  /// Where each owner waits, in the order of the tickets' ids.
  package internal(set) var waits: [String: [String]] = [:]
  var deadlines = Deadlines()

  package init() {}

  /// What was kept of an earlier daemon. What does not fit together is left out: it costs a wait, never a token.
  package init(locks: [NamedLock], tickets: [LockTicket]) {
    for ticket in tickets where ticket.isSound {
      self.tickets[ticket.id] = ticket
      if ticket.isWaiting { startWaiting(ticket) }
    }
    for var lock in locks {
      lock.queue.removeAll { id in self.tickets[id].map { !$0.isWaiting || $0.wanted != lock.key } ?? true }
      self.locks[lock.key] = lock
    }
    for ticket in tickets {
      guard self.tickets[ticket.id]?.isWaiting == true, let key = ticket.wanted else { continue }
      if self.locks[key]?.queue.contains(ticket.id) != true {
        self.locks[key, default: NamedLock(key: key)].queue.append(ticket.id)
      }
    }
    rebuildDeadlines()
  }

  /// The same locks and tickets: where owners wait and what runs out when follow from these.
  package static func == (left: LockBook, right: LockBook) -> Bool {
    left.locks == right.locks && left.tickets == right.tickets
  }

  /// When something runs out next; nil: nothing does.
  package var nextDeadline: Moment? { deadlines.next }

  /// Remembers from here on what changes.
  package mutating func begin() {
    if !lockChanges.isEmpty { lockChanges.removeAll(keepingCapacity: true) }
    if !ticketChanges.isEmpty { ticketChanges.removeAll(keepingCapacity: true) }
  }

  /// As it was at `begin`: what could not be kept did not happen.
  package mutating func rollBack() {
    for (key, before) in lockChanges { locks[key] = before }
    for (id, before) in ticketChanges {
      if let now = tickets[id], now.isWaiting { stopWaiting(now) }
      tickets[id] = before
      if let before, before.isWaiting { startWaiting(before) }
    }
    begin()
    rebuildDeadlines()
  }

  /// The rule.
  package mutating func handle(_ event: LockEvent, now: Moment, wall: Moment) -> [LockEffect] {
    var effects: [LockEffect] = []
    let at = Times(now: now, wall: wall)
    switch event {
    case .asked(let ticket): ask(ticket, at, &effects)
    case .left(let id): leave(id, ending: "released", at, &effects)
    case .released(let key, let token): release(key, token, at, &effects)
    case .lived(let id, let proof): live(id, proof, at, &effects)
    case .renewed(let key, let token, let seconds): renew(key, token, seconds, at, &effects)
    case .died(let id, let evidence): die(id, evidence, at, &effects)
    case .drained(let key, let ticket, let evidence): endDrain(key, ticket, evidence, at, &effects)
    case .broken(let key, let reason): breakLock(key, reason, at, &effects)
    case .noted(let key, let note): annotate(key, note, &effects)
    case .restarted: restart(at, &effects)
    case .ticked: tick(at, &effects)
    }
    return effects
  }

  struct Times {
    var now: Moment
    var wall: Moment
  }

  /// A name that is used: no token up to `highest` is ever given for it (again).
  package mutating func open(_ key: LockKey, highest: Int64) {
    guard (locks[key]?.highest ?? -1) < highest else { return }
    change(key) { $0.highest = highest }
  }

  // MARK: looking

  package func holder(of key: LockKey) -> LockOwner? { locks[key]?.owner }

  /// The place of a waiting ticket: 1 is the next.
  package func place(of ticket: LockTicket) -> Int? {
    guard ticket.isWaiting, let key = ticket.wanted else { return nil }
    return locks[key]?.queue.firstIndex(of: ticket.id).map { $0 + 1 }
  }

  /// Whether that token is the present holder's.
  package func isCurrent(_ key: LockKey, token: Int64) -> Bool {
    guard let lease = locks[key]?.lease else { return false }
    return lease.token == token
  }

  // MARK: changing

  mutating func change(_ key: LockKey, _ body: (inout NamedLock) -> Void) {
    if lockChanges[key] == nil { lockChanges[key] = .some(locks[key]) }
    body(&locks[key, default: NamedLock(key: key)])
  }

  mutating func change(ticket id: String, _ body: (inout LockTicket?) -> Void) {
    if ticketChanges[id] == nil { ticketChanges[id] = .some(tickets[id]) }
    body(&tickets[id])
  }

  private mutating func annotate(_ key: LockKey, _ note: String?, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], !lock.isFree else { return effects.append(.stale(key)) }
    change(key) { $0.note = note }
  }

  mutating func startWaiting(_ ticket: LockTicket) {
    let others = waits[ticket.owner.id] ?? []
    waits[ticket.owner.id, default: []].insert(ticket.id, at: others.firstIndex { $0 > ticket.id } ?? others.count)
  }

  mutating func stopWaiting(_ ticket: LockTicket) {
    waits[ticket.owner.id]?.removeAll { $0 == ticket.id }
    if waits[ticket.owner.id]?.isEmpty == true { waits[ticket.owner.id] = nil }
  }
}
