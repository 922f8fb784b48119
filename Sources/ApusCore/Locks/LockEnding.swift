// How a lock is given back, or taken away: each with what proves that it may be.

extension LockBook {
  mutating func release(_ key: LockKey, _ token: Int64, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], let hold = lock.holds.last,
      case .released = Lease.decide(
        .release(token: token), name: key.name, current: lock.lease, highest: lock.highest, now: at.now)
    else { return effects.append(.stale(key)) }
    letGo(key, hold, ending: "released", at, &effects)
    forget(hold, key)
  }

  /// A ticket gives back all it has, the last first, and waits no more.
  mutating func leave(_ id: String, ending: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    withdraw(ticket, at, &effects)
    change(ticket: id) { $0 = nil }
    for key in ticket.keys.prefix(ticket.taken).reversed() { letGo(key, id, ending: ending, at, &effects) }
  }

  /// It no longer stands in a queue; who stood behind it may be next.
  private mutating func withdraw(_ ticket: LockTicket, _ at: Times, _ effects: inout [LockEffect]) {
    guard ticket.isWaiting else { return }
    let key = ticket.keys[ticket.taken]
    change(key) { $0.queue.removeAll { $0 == ticket.id } }
    change(ticket: ticket.id) { $0?.isWaiting = false }
    stopWaiting(ticket)
    serve(key, at, &effects)
  }

  /// One holding less; with the last of them the lock is free.
  private mutating func letGo(
    _ key: LockKey, _ hold: String, ending: String, _ at: Times, _ effects: inout [LockEffect]
  ) {
    guard let lock = locks[key], lock.holds.contains(hold) else { return }
    guard lock.holds.count == 1 else { return change(key) { $0.holds.removeAll { $0 == hold } } }
    tell(lock, ending, at, &effects)
    free(key)
    serve(key, at, &effects)
  }

  /// A ticket that has given back one of its locks keeps the others.
  private mutating func forget(_ id: String, _ key: LockKey) {
    guard let ticket = tickets[id], let index = ticket.keys.firstIndex(of: key) else { return }
    change(ticket: id) { kept in
      guard ticket.keys.count > 1 else { return kept = nil }
      kept?.keys.remove(at: index)
      if index < ticket.taken {
        kept?.taken -= 1
        kept?.tokens.remove(at: index)
      }
    }
  }

  // MARK: signs of life

  mutating func live(_ id: String, _ proof: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    for (key, token) in zip(ticket.keys, ticket.tokens) {
      renew(key, token, ticket.leaseSeconds, at, &effects, proof)
    }
  }

  mutating func renew(
    _ key: LockKey, _ token: Int64, _ seconds: Double, _ at: Times, _ effects: inout [LockEffect],
    _ proof: String = "its own word"
  ) {
    let lock = locks[key] ?? NamedLock(key: key)
    let decision = Lease.decide(
      .renew(token: token, seconds: seconds), name: key.name, current: lock.lease, highest: lock.highest, now: at.now)
    guard case .granted(let lease) = decision else { return effects.append(.stale(key)) }
    change(key) { lock in
      lock.lease = lease
      lock.proof = proof
      lock.provenAt = at.wall
    }
    note(lease, key)
    effects.append(.renewed(key, token: token))
  }

  // MARK: death

  mutating func die(_ id: String, _ evidence: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    withdraw(ticket, at, &effects)
    var isDrained = true
    for key in ticket.keys.prefix(ticket.taken).reversed() {
      guard let lock = locks[key], lock.holds.contains(id) else { continue }
      guard lock.holds.count == 1 else {
        change(key) { $0.holds.removeAll { $0 == id } }
        continue
      }
      isDrained = false
      drain(key, lock, ticket, evidence, at, &effects)
    }
    if isDrained { change(ticket: id) { $0 = nil } }
  }

  private mutating func drain(
    _ key: LockKey, _ lock: NamedLock, _ ticket: LockTicket, _ evidence: String, _ at: Times,
    _ effects: inout [LockEffect]
  ) {
    var until: Moment?
    if case .delay(let seconds) = ticket.onDeath { until = at.now + seconds }
    change(key) { lock in
      lock.drain = .init(ticket: ticket.id, onDeath: ticket.onDeath, evidence: evidence, until: until)
      lock.lease = nil
      lock.holds = []
    }
    if let until { deadlines.add(until, .lock(key)) }
    effects.append(.drain(key, ticket: ticket.id, ticket.onDeath))
  }

  mutating func endDrain(_ key: LockKey, _ evidence: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], let drain = lock.drain else { return }
    let ending = [drain.evidence, evidence].filter { !$0.isEmpty }.joined(separator: "; ")
    tell(lock, ending, at, &effects)
    let ticket = tickets[drain.ticket]
    free(key)
    if let ticket {
      effects.append(.lost(key, ticket: ticket, evidence: ending))
      forgetDrained(ticket.id)
    }
    serve(key, at, &effects)
  }

  /// Nothing of a dead ticket is left in any lock.
  private mutating func forgetDrained(_ id: String) {
    guard let ticket = tickets[id] else { return }
    let isLeft = ticket.keys.contains { locks[$0]?.drain?.ticket == id || locks[$0]?.holds.contains(id) == true }
    if !isLeft { change(ticket: id) { $0 = nil } }
  }

  mutating func breakLock(_ key: LockKey, _ reason: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], !lock.isFree else { return effects.append(.stale(key)) }
    takeAway(key, lock, "broken: \(reason)", at, &effects)
  }

  /// The holder is not known to be dead, and has it no more all the same.
  private mutating func takeAway(
    _ key: LockKey, _ lock: NamedLock, _ ending: String, _ at: Times, _ effects: inout [LockEffect]
  ) {
    tell(lock, ending, at, &effects)
    let holds = lock.holds + [lock.drain?.ticket].compactMap(\.self)
    free(key)
    for hold in holds {
      guard let ticket = tickets[hold] else { continue }
      effects.append(.lost(key, ticket: ticket, evidence: ending))
      forget(hold, key)
    }
    // Whoever had it may not show the old token again, even where nobody took it since.
    change(key) { $0.highest += 1 }
    serve(key, at, &effects)
  }

  private mutating func free(_ key: LockKey) {
    change(key) { lock in
      lock.lease = nil
      lock.owner = nil
      lock.holds = []
      lock.drain = nil
      lock.note = nil
    }
  }

  private func tell(_ lock: NamedLock, _ ending: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let owner = lock.owner else { return }
    effects.append(
      .told(
        LockStory(
          key: lock.key, token: lock.highest, owner: owner, note: lock.note, since: lock.since, until: at.wall,
          ending: ending)))
  }

  // MARK: time

  /// A lease that ran out: its holder said nothing for too long.
  mutating func runOut(_ key: LockKey, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], let lease = lock.lease, let expires = lease.expires, expires <= at.now else { return }
    let silent = at.now - expires + (lock.holds.last.flatMap { tickets[$0]?.leaseSeconds } ?? LockTicket.usualLease)
    let evidence = "no sign of life for \(Int(silent)) s"
    guard let ticket = lock.holds.last.flatMap({ tickets[$0] }) else {
      return takeAway(key, lock, evidence, at, &effects)
    }
    switch ticket.onDeath {
    // It may still live: nothing of it is ended.
    case .release: takeAway(key, lock, evidence, at, &effects)
    case .delay, .probe, .hold:
      effects.append(.lost(key, ticket: ticket, evidence: evidence))
      drain(key, lock, ticket, evidence, at, &effects)
    }
  }

  mutating func tick(_ at: Times, _ effects: inout [LockEffect]) {
    while let due = deadlines.removeDue(at.now) {
      switch due {
      case .lock(let key):
        runOut(key, at, &effects)
        if let drain = locks[key]?.drain, let until = drain.until, until <= at.now {
          change(key) { $0.drain?.until = nil }
          effects.append(.drain(key, ticket: drain.ticket, .release))
        }
      case .ticket(let id):
        guard let ticket = tickets[id], ticket.isWaiting, let deadline = ticket.deadline, deadline <= at.now
        else { continue }
        let key = ticket.keys[ticket.taken]
        let holder = locks[key]?.owner
        leave(id, ending: "given back: not all of a set could be had in time", at, &effects)
        effects.append(.refused(ticket: id, .timedOut(key, by: holder)))
      }
    }
  }

  /// Nobody could be heard while there was no daemon.
  mutating func restart(_ at: Times, _ effects: inout [LockEffect]) {
    for (key, lock) in locks.sorted(by: { $0.key < $1.key }) {
      if let lease = lock.lease {
        let seconds = lock.holds.last.flatMap { tickets[$0]?.leaseSeconds } ?? LockTicket.usualLease
        change(key) { $0.lease?.expires = at.now + seconds }
        note(locks[key]?.lease ?? lease, key)
      } else if let drain = lock.drain {
        if case .delay(let seconds) = drain.onDeath {
          change(key) { $0.drain?.until = at.now + seconds }
          deadlines.add(at.now + seconds, .lock(key))
        } else {
          effects.append(.drain(key, ticket: drain.ticket, drain.onDeath))
        }
      } else {
        serve(key, at, &effects)
      }
    }
  }

  mutating func rebuildDeadlines() {
    deadlines = Deadlines()
    for (key, lock) in locks {
      if let expires = lock.lease?.expires { deadlines.add(expires, .lock(key)) }
      if let until = lock.drain?.until { deadlines.add(until, .lock(key)) }
    }
    for (id, ticket) in tickets where ticket.isWaiting {
      if let deadline = ticket.deadline { deadlines.add(deadline, .ticket(id)) }
    }
  }
}
