// Who gets a lock, and who has to wait.

extension LockBook {
  mutating func ask(_ ticket: LockTicket, _ at: Times, _ effects: inout [LockEffect]) {
    if let known = tickets[ticket.id] { return answer(known, &effects) }
    var ticket = ticket
    ticket.taken = 0
    ticket.tokens = []
    ticket.isWaiting = false
    change(ticket: ticket.id) { $0 = ticket }
    proceed(ticket.id, at, &effects)
  }

  /// Whoever asks again with a ticket is told how it stands.
  private func answer(_ ticket: LockTicket, _ effects: inout [LockEffect]) {
    if ticket.isComplete {
      effects.append(.granted(ticket: ticket.id))
    } else if let place = place(of: ticket) {
      effects.append(.queued(ticket: ticket.id, key: ticket.keys[ticket.taken], ahead: place - 1))
    }
  }

  /// Takes what the ticket still lacks, key by key, until one has to be waited for.
  mutating func proceed(_ id: String, _ at: Times, _ effects: inout [LockEffect]) {
    while let ticket = tickets[id], !ticket.isComplete {
      let key = ticket.keys[ticket.taken]
      runOut(key, at, &effects)
      if take(key, ticket, at) { continue }
      return wait(ticket, for: key, at, &effects)
    }
    if tickets[id] != nil { effects.append(.granted(ticket: id)) }
  }

  /// False where somebody else has it, or comes before.
  private mutating func take(_ key: LockKey, _ ticket: LockTicket, _ at: Times) -> Bool {
    let lock = locks[key] ?? NamedLock(key: key)
    guard lock.drain == nil else { return false }
    let isAgain = lock.lease != nil && lock.owner == ticket.owner
    if isAgain {
      guard ticket.isReentrant else { return false }
    } else {
      guard lock.lease == nil, lock.queue.isEmpty || lock.queue.first == ticket.id else { return false }
    }
    let decision = Lease.decide(
      .take(holder: ticket.owner.id, seconds: ticket.leaseSeconds, deadHolder: nil), name: key.name,
      current: lock.lease, highest: lock.highest, now: at.now)
    guard case .granted(let lease) = decision else { return false }
    change(key) { lock in
      lock.lease = lease
      lock.highest = lease.token
      lock.owner = ticket.owner
      lock.holds.append(ticket.id)
      if lock.queue.first == ticket.id { lock.queue.removeFirst() }
      if !isAgain {
        lock.since = at.wall
        lock.note = ticket.note
      } else if let note = ticket.note {
        lock.note = note
      }
      lock.proof = "asked"
      lock.provenAt = at.wall
    }
    change(ticket: ticket.id) { kept in
      kept?.taken += 1
      kept?.tokens.append(lease.token)
      kept?.isWaiting = false
    }
    if ticket.isWaiting { stopWaiting(ticket) }
    note(lease, key)
    return true
  }

  private mutating func wait(
    _ ticket: LockTicket, for key: LockKey, _ at: Times, _ effects: inout [LockEffect]
  ) {
    let refusal: LockRefusal?
    if ticket.deadline.map({ $0 <= at.now }) ?? true {
      let holder = locks[key]?.owner ?? locks[key]?.queue.first.flatMap { tickets[$0]?.owner }
      refusal = .held(key, by: holder ?? ticket.owner)
    } else if let circle = circle(from: ticket, key) {
      refusal = .deadlock(circle)
    } else {
      refusal = nil
    }
    if let refusal {
      leave(ticket.id, ending: "given back: not all of a set could be had", at, &effects)
      return effects.append(.refused(ticket: ticket.id, refusal))
    }
    let queue = locks[key]?.queue ?? []
    let ahead = queue.firstIndex { tickets[$0].map { $0.rank < ticket.rank } ?? false } ?? queue.count
    change(key) { $0.queue.insert(ticket.id, at: ahead) }
    change(ticket: ticket.id) { $0?.isWaiting = true }
    waits[ticket.owner.id, default: []].append(ticket.id)
    if let deadline = ticket.deadline { deadlines.add(deadline, .ticket(ticket.id)) }
    effects.append(.queued(ticket: ticket.id, key: key, ahead: ahead))
  }

  /// The lock is free: whoever is next has it.
  mutating func serve(_ key: LockKey, _ at: Times, _ effects: inout [LockEffect]) {
    while let lock = locks[key], lock.isFree, let first = lock.queue.first {
      guard tickets[first] != nil else {
        change(key) { _ = $0.queue.removeFirst() }
        continue
      }
      // It has this one now, and may have to wait for its next.
      proceed(first, at, &effects)
      if locks[key]?.queue.first == first { return }
    }
    if locks[key]?.isQuiet == true { effects.append(.freed(key)) }
  }

  mutating func note(_ lease: Lease, _ key: LockKey) {
    if let expires = lease.expires { deadlines.add(expires, .lock(key)) }
    if deadlines.count > 64 + 4 * (tickets.count + locks.count) { rebuildDeadlines() }
  }

  /// Each waits for the next, and the last for the first; nil: waiting will end.
  private func circle(from ticket: LockTicket, _ key: LockKey) -> [LockWait]? {
    var seen: Set<String> = []
    var path = [LockWait(owner: ticket.owner, key: key)]
    return reaches(ticket.owner.id, through: blockers(of: key, ticket), &seen, &path) ? path : nil
  }

  /// Who has a lock, and who would have it before that ticket.
  private func blockers(of key: LockKey, _ ticket: LockTicket) -> [LockOwner] {
    guard let lock = locks[key] else { return [] }
    var owners = lock.owner.map { [$0] } ?? []
    if let drained = lock.drain?.ticket, let owner = tickets[drained]?.owner { owners.append(owner) }
    for other in lock.queue {
      if other == ticket.id { break }
      guard let before = tickets[other], before.rank >= ticket.rank else { break }
      owners.append(before.owner)
    }
    return owners
  }

  private func reaches(
    _ target: String, through owners: [LockOwner], _ seen: inout Set<String>, _ path: inout [LockWait]
  ) -> Bool {
    for owner in owners {
      if owner.id == target { return true }
      guard seen.insert(owner.id).inserted else { continue }
      for id in waits[owner.id] ?? [] {
        guard let waiting = tickets[id], waiting.isWaiting else { continue }
        let key = waiting.keys[waiting.taken]
        path.append(LockWait(owner: owner, key: key))
        if reaches(target, through: blockers(of: key, waiting), &seen, &path) { return true }
        path.removeLast()
      }
    }
    return false
  }
}
