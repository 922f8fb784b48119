// How a lock is given back, or taken away: each with what proves that it may be.

extension LockBook {
  /// By the token: the last time it was taken is given back first. Nobody was ever shown the token of a set that is not
  /// complete.
  mutating func release(_ key: LockKey, _ token: Int64, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], let hold = lock.holds.last(where: { tickets[$0]?.isComplete ?? true }),
      case .released = Lease.decide(
        .release(token: token), name: key.name, current: lock.lease, highest: lock.highest, now: at.now)
    else { return effects.append(.stale(key)) }
    forget(hold, key)
    letGo(key, hold, ending: "released", at, &effects)
  }

  /// A ticket gives back all it has, the last first, and waits no more. What counts as its remains stays.
  mutating func leave(_ id: String, ending: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    withdraw(ticket)
    let kept = ticket.keys.indices.prefix(ticket.taken).filter { locks[ticket.keys[$0]]?.drain?.ticket == id }
    change(ticket: id) { changed in
      guard !kept.isEmpty else { return changed = nil }
      changed?.keys = kept.map { ticket.keys[$0] }
      changed?.tokens = kept.map { ticket.tokens[$0] }
      changed?.taken = kept.count
    }
    for key in ticket.keys.prefix(ticket.taken).reversed() { letGo(key, id, ending: ending, at, &effects) }
  }

  /// It no longer stands in a queue.
  private mutating func withdraw(_ ticket: LockTicket) {
    guard ticket.isWaiting, let key = ticket.wanted else { return }
    change(key) { $0.queue.removeAll { $0 == ticket.id } }
    change(ticket: ticket.id) { $0?.isWaiting = false }
    stopWaiting(ticket)
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

  /// A ticket that has lost or given back one of its locks keeps the others.
  private mutating func forget(_ id: String, _ key: LockKey) {
    guard let ticket = tickets[id], let index = ticket.keys.firstIndex(of: key) else { return }
    change(ticket: id) { kept in
      kept?.keys.remove(at: index)
      if index < ticket.taken {
        kept?.taken -= 1
        kept?.tokens.remove(at: index)
      }
    }
    sweep(id)
  }

  /// Forgets a ticket that waits for nothing and of which nothing is left in any lock.
  private mutating func sweep(_ id: String) {
    guard let ticket = tickets[id], !ticket.isWaiting else { return }
    let isLeft = ticket.keys.prefix(ticket.taken).contains { key in
      guard let lock = locks[key] else { return false }
      return lock.drain?.ticket == id || lock.holds.contains(id)
    }
    if !isLeft { change(ticket: id) { $0 = nil } }
  }

  // MARK: signs of life

  mutating func live(_ id: String, _ proof: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    for (key, token) in zip(ticket.keys, ticket.tokens) {
      renew(key, token, ticket.leaseSeconds, isWord: false, at, &effects, proof)
    }
  }

  /// A heartbeat leaves a lease as long as it was or makes it longer; its holder's own word may make
  /// it shorter, where it has the lock only once.
  mutating func renew(
    _ key: LockKey, _ token: Int64, _ seconds: Double, isWord: Bool = true, _ at: Times, _ effects: inout [LockEffect],
    _ proof: String = "its own word"
  ) {
    let lock = locks[key] ?? NamedLock(key: key)
    let seconds = LockTicket.lease(seconds)
    let decision = Lease.decide(
      .renew(token: token, seconds: seconds), name: key.name, current: lock.lease, highest: lock.highest, now: at.now)
    guard case .granted(var lease) = decision else { return effects.append(.stale(key)) }
    if !isWord || lock.holds.count > 1 { lease.expires = lock.lease?.later(than: lease.expires) }
    change(key) { lock in
      lock.lease = lease
      lock.proof = proof
      lock.provenAt = at.wall
    }
    if isWord, let hold = lock.holds.last, let ticket = tickets[hold], ticket.leaseSeconds != seconds {
      change(ticket: hold) { $0?.leaseSeconds = seconds }
    }
    note(lease, key)
    effects.append(.renewed(key, token: token))
  }

  // MARK: death

  mutating func die(_ id: String, _ evidence: String, _ at: Times, _ effects: inout [LockEffect]) {
    guard let ticket = tickets[id] else { return }
    // Nothing was ever begun under a set that is not complete.
    guard ticket.isComplete else { return leave(id, ending: evidence, at, &effects) }
    for key in ticket.keys.reversed() {
      guard let lock = locks[key], lock.holds.contains(id) else { continue }
      guard lock.holds.count == 1 else {
        change(key) { $0.holds.removeAll { $0 == id } }
        continue
      }
      drain(key, lock, ticket, evidence, at, &effects)
    }
    sweep(id)
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
    if let until { remind(until, .lock(key)) }
    effects.append(.drain(key, ticket: ticket.id, ticket.onDeath))
  }

  /// Not before its delay is over, and never where a person has to break it.
  mutating func endDrain(
    _ key: LockKey, _ id: String?, _ evidence: String, _ at: Times, _ effects: inout [LockEffect]
  ) {
    guard let lock = locks[key], let drain = lock.drain, drain.until == nil, drain.onDeath != .hold,
      id == nil || id == drain.ticket
    else { return }
    let ending = [drain.evidence, evidence].filter { !$0.isEmpty }.joined(separator: "; ")
    tell(lock, ending, at, &effects)
    free(key)
    lose(drain.ticket, key, ending, at, &effects)
    serve(key, at, &effects)
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
    free(key)
    // Whoever had it may not show the old token again, even where nobody took it since.
    change(key) { $0.highest += 1 }
    for id in lock.holds + [lock.drain?.ticket].compactMap(\.self) { lose(id, key, ending, at, &effects) }
    serve(key, at, &effects)
  }

  /// All of a set or nothing: whoever loses a part while it waits for the rest waits no more.
  private mutating func lose(
    _ id: String, _ key: LockKey, _ evidence: String, _ at: Times, _ effects: inout [LockEffect]
  ) {
    guard let ticket = tickets[id] else { return }
    effects.append(.lost(key, ticket: ticket, evidence: evidence))
    forget(id, key)
    guard !ticket.isComplete else { return }
    leave(id, ending: "given back: a part of the set was lost", at, &effects)
    effects.append(.refused(ticket: id, .lost(key, evidence: evidence)))
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
    let drained = lock.drain.flatMap { tickets[$0.ticket] }
    let remembered = drained.flatMap { zip($0.keys, $0.tokens).first { $0.0 == lock.key }?.1 }
    effects.append(
      .told(
        LockStory(
          key: lock.key, token: lock.lease?.token ?? remembered ?? lock.highest, owner: owner, note: lock.note,
          since: lock.since, until: at.wall,
          ending: ending)))
  }

  // MARK: time

  /// A lease that ran out: its holder said nothing for too long.
  mutating func runOut(_ key: LockKey, _ at: Times, _ effects: inout [LockEffect]) {
    guard let lock = locks[key], let lease = lock.lease, let expires = lease.expires, expires <= at.now else { return }
    let silent = at.now - expires + seconds(lock)
    let evidence = "no sign of life for \(Int(silent)) s"
    // It may still live: nothing of it is ended, unless it asked for more care than that.
    let careful = lock.holds.last { id in tickets[id].map { $0.isComplete && $0.onDeath != .release } ?? false }
    guard let careful, let ticket = tickets[careful] else { return takeAway(key, lock, evidence, at, &effects) }
    effects.append(.lost(key, ticket: ticket, evidence: evidence))
    drain(key, lock, ticket, evidence, at, &effects)
    for id in lock.holds where id != careful { lose(id, key, evidence, at, &effects) }
  }

  /// How long its holder may be silent.
  private func seconds(_ lock: NamedLock) -> Double {
    lock.holds.compactMap { tickets[$0]?.leaseSeconds }.max() ?? LockTicket.usualLease
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
        guard let ticket = tickets[id], ticket.isWaiting, let key = ticket.wanted, let deadline = ticket.deadline,
          deadline <= at.now
        else { continue }
        timeOut(ticket, for: key, at, &effects)
      }
    }
  }

  /// Nobody could be heard while there was no daemon.
  mutating func restart(_ at: Times, _ effects: inout [LockEffect]) {
    for (key, lock) in locks.sorted(by: { $0.key < $1.key }) {
      if let lease = lock.lease {
        let seconds = seconds(lock)
        change(key) { $0.lease?.expires = at.now + seconds }
        note(locks[key]?.lease ?? lease, key)
      } else if let drain = lock.drain {
        if case .delay(let seconds) = drain.onDeath {
          if drain.until == nil {
            effects.append(.drain(key, ticket: drain.ticket, .release))
          } else {
            change(key) { $0.drain?.until = at.now + seconds }
            remind(at.now + seconds, .lock(key))
          }
        } else {
          effects.append(.drain(key, ticket: drain.ticket, drain.onDeath))
        }
      } else if !lock.queue.isEmpty {
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
