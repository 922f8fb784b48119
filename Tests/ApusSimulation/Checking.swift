import ApusCore

// What is looked at after every event: only what changed, so that it costs little.

extension World {
  mutating func check(_ event: LockEvent, _ effects: [LockEffect]) {
    let book = rule.book
    let until = checker.silentUntil
    checker.listen(event, book, now)
    for (key, before) in book.lockChanges {
      guard let after = book.locks[key] else { return violate("\(key.name) is gone, and its tokens with it") }
      let before = before ?? NamedLock(key: key)
      checkShape(after)
      checkLosses(before, after, event, effects, until[Checker.index(key)])
      checkGrant(before, after, event)
      checker.line(Checker.index(key), before: before.queue, after: after.queue)
    }
  }

  /// One holder or none; where there is none, nobody waits.
  private mutating func checkShape(_ lock: NamedLock) {
    if let lease = lock.lease {
      guard lock.drain == nil, !lock.holds.isEmpty, lock.owner?.id == lease.holder, lease.token <= lock.highest else {
        return violate("\(lock.key.name) has a lease that fits nothing: \(lock)")
      }
    } else if lock.drain == nil {
      guard lock.queue.isEmpty else { return violate("\(lock.key.name) is free and \(lock.queue) wait for it") }
      guard lock.holds.isEmpty, lock.owner == nil else { return violate("\(lock.key.name) is free and held") }
    }
  }

  /// Nobody loses what it has but by its own word, its death, a person, or too long a silence.
  private mutating func checkLosses(
    _ before: NamedLock, _ after: NamedLock, _ event: LockEvent, _ effects: [LockEffect], _ until: Moment
  ) {
    if before.drain != nil, after.drain == nil {
      switch event {
      case .drained(before.key, _, _), .broken(before.key, _): break
      default: violate("what was left of a holder of \(before.key.name) was forgotten by \(event)")
      }
    }
    guard let lease = before.lease else { return }
    for id in before.holds where !after.holds.contains(id) {
      if now >= until { continue }
      switch event {
      case .left(id), .died(id, _), .broken(before.key, _), .released(before.key, lease.token): continue
      default: break
      }
      let isRefused = effects.contains {
        guard case .refused(id, _) = $0 else { return false }
        return true
      }
      if !isRefused { violate("\(id) lost \(before.key.name) by \(event), \(until - now) s before its time") }
    }
  }

  /// Tokens grow for ever, and nobody overtakes.
  private mutating func checkGrant(_ before: NamedLock, _ after: NamedLock, _ event: LockEvent) {
    guard let lease = after.lease else { return }
    let index = Checker.index(after.key)
    let isNew = lease.token != before.lease?.token
    if isNew {
      if lease.token <= checker.newest[index] {
        violate("\(after.key.name) was given with token \(lease.token) after \(checker.newest[index])")
      }
      checker.newest[index] = max(checker.newest[index], lease.token)
      checker.silentUntil[index] = now + checker.longest(after.holds)
    }
    for id in after.holds where !before.holds.contains(id) {
      checker.silentUntil[index] = max(checker.silentUntil[index], now + checker.leases[Checker.number(id)])
      if before.queue.contains(id), let deadline = wishes[Checker.number(id)].ticket.deadline, deadline <= now {
        violate("\(id) was given \(after.key.name) after its time")
      }
    }
    // Who has it already may have it again; all others wait for their turn.
    if isNew, let first = after.holds.first {
      let client = checker.client(first)
      let isKnown = before.queue.contains { checker.client($0) == client }
      for other in after.queue where before.queue.contains(other) && checker.client(other) != client {
        // By its rank one may come, stand before others and be given it, all in one event.
        if checker.asked[Checker.number(first)].rank > checker.places[index][checker.client(other)].rank { continue }
        if !isKnown || checker.isBefore(index, checker.client(other), client) {
          violate("\(first) overtook \(other) for \(after.key.name)")
        }
      }
    }
    guard let expires = lease.expires else { return violate("a lease without an end") }
    if expires < checker.silentUntil[index] - 1e-6 { violate("the lease of \(after.key.name) is too short") }
    if expires > checker.silentUntil[index] + 1e-6 {
      switch event {
      case .lived, .renewed: violate("a lease of \(after.key.name) was made longer by who has not got it")
      default: checker.silentUntil[index] = expires
      }
    }
  }

  /// Right after time went on, nothing is overdue.
  mutating func checkOverdue() {
    for (id, ticket) in rule.book.tickets where ticket.isWaiting {
      if let deadline = ticket.deadline, deadline <= now { violate("\(id) waits past its deadline") }
    }
    for (key, lock) in rule.book.locks {
      if let expires = lock.lease?.expires, expires <= now { violate("the lease of \(key.name) has run out") }
    }
  }

  // MARK: now and then, all of it

  mutating func look(always: Bool) {
    if always || events.isMultiple(of: 8) { lookForCircles() }
    if always || events.isMultiple(of: 64) { lookAtAll() }
  }

  /// By closure of who waits for whom, which knows nothing of how the rule searches.
  private mutating func lookForCircles() {
    var reach = [UInt32](repeating: 0, count: clients.count)
    for (id, ticket) in rule.book.tickets where ticket.isWaiting {
      guard let key = ticket.wanted, let lock = rule.book.locks[key] else { continue }
      var blockers: UInt32 = 0
      if lock.lease != nil, let hold = lock.holds.first { blockers |= 1 << UInt32(checker.client(hold)) }
      for other in lock.queue {
        if other == id { break }
        blockers |= 1 << UInt32(checker.client(other))
      }
      let asked = checker.asked[Checker.number(id)]
      if asked.isReentrant { blockers &= ~(1 << UInt32(asked.client)) }
      reach[asked.client] |= blockers
    }
    for middle in reach.indices {
      for from in reach.indices where reach[from] & 1 << UInt32(middle) != 0 { reach[from] |= reach[middle] }
    }
    for client in reach.indices where reach[client] & 1 << UInt32(client) != 0 {
      return violate("s\(client) waits for itself, in a circle")
    }
  }

  private mutating func lookAtAll() {
    let book = rule.book
    var waits: [String: [String]] = [:]
    var least = Moment.infinity
    for (id, ticket) in book.tickets {
      if ticket.isWaiting {
        waits[ticket.owner.id, default: []].append(id)
        if let deadline = ticket.deadline { least = min(least, deadline) }
      }
      guard ticket.isWaiting != ticket.isComplete, ticket.tokens.count == ticket.taken else {
        return violate("\(id) neither has all nor waits")
      }
      let isDead = ticket.keys.contains { book.locks[$0]?.drain?.ticket == id }
      for (key, token) in zip(ticket.keys, ticket.tokens) where !isDead {
        guard let lock = book.locks[key], lock.holds.contains(id), lock.lease?.token == token else {
          return violate("\(id) has \(key.name), which does not know of it")
        }
      }
    }
    for (key, lock) in book.locks {
      least = min(least, lock.lease?.expires ?? .infinity, lock.drain?.until ?? .infinity)
      for id in lock.holds where book.tickets[id]?.keys.contains(key) != true {
        return violate("\(key.name) is held by \(id), which does not know of it")
      }
      if let drain = lock.drain, book.tickets[drain.ticket] == nil { return violate("\(drain.ticket) is forgotten") }
      let ranks = lock.queue.map { id in book.tickets[id].map { $0.raisedRank ?? $0.rank } ?? 0 }
      guard ranks == ranks.sorted(by: >), Set(lock.queue).count == lock.queue.count else {
        return violate("the queue of \(key.name) is in no order")
      }
      for id in lock.queue where book.tickets[id]?.isWaiting != true || book.tickets[id]?.wanted != key {
        return violate("\(id) stands in the queue of \(key.name) and does not wait for it")
      }
    }
    let waiting = book.tickets.values.count { $0.isWaiting }
    let queued = book.locks.values.reduce(0) { $0 + $1.queue.count }
    guard waiting == queued else { return violate("\(waiting) wait, \(queued) stand in queues") }
    guard waits.mapValues({ $0.sorted() }) == book.waits else { return violate("who waits is not known") }
    if book.nextDeadline ?? .infinity > least { violate("nobody will look when something runs out") }
  }
}
