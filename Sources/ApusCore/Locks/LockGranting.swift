// Who gets a lock, and who has to wait.

extension LockBook {
  mutating func ask(_ ticket: LockTicket, _ at: Times, _ effects: inout [LockEffect]) {
    if let known = tickets[ticket.id] { return answer(known, &effects) }
    var ticket = ticket.sane(at.now)
    // Whoever asks for nothing has it.
    guard !ticket.keys.isEmpty else { return effects.append(.granted(ticket: ticket.id)) }
    ticket.taken = 0
    ticket.tokens = []
    ticket.isWaiting = false
    ticket.raisedRank = nil
    change(ticket: ticket.id) { $0 = ticket }
    proceed(ticket.id, at, &effects)
  }

  /// Whoever asks again with a ticket is told how it stands.
  private func answer(_ ticket: LockTicket, _ effects: inout [LockEffect]) {
    if let place = place(of: ticket), let key = ticket.wanted {
      effects.append(.queued(ticket: ticket.id, key: key, ahead: place - 1))
    } else if let gone = ticket.keys.first(where: { locks[$0]?.holds.contains(ticket.id) != true }) {
      // It counts as dead, and only what it left behind is still seen to.
      effects.append(.refused(ticket: ticket.id, .lost(gone, evidence: locks[gone]?.drain?.evidence ?? "")))
    } else {
      effects.append(.granted(ticket: ticket.id))
    }
  }

  /// Takes what the ticket still lacks, key by key, until one has to be waited for.
  mutating func proceed(_ id: String, _ at: Times, _ effects: inout [LockEffect]) {
    while let key = tickets[id]?.wanted {
      runOut(key, at, &effects)
      // What that set going may have cost the ticket what it had.
      guard let ticket = tickets[id], ticket.wanted == key else { continue }
      if take(key, ticket, at) { continue }
      return wait(ticket, for: key, at, &effects)
    }
    if tickets[id] != nil { effects.append(.granted(ticket: id)) }
  }

  /// False where somebody else has it, or comes before.
  private mutating func take(_ key: LockKey, _ ticket: LockTicket, _ at: Times) -> Bool {
    let lock = locks[key] ?? NamedLock(key: key)
    guard lock.drain == nil else { return false }
    // By id: whoever is renamed is still the same.
    let isAgain = lock.lease != nil && lock.owner?.id == ticket.owner.id
    if isAgain {
      guard ticket.isReentrant else { return false }
    } else {
      guard lock.lease == nil, lock.queue.isEmpty || lock.queue.first == ticket.id else { return false }
    }
    let decision = Lease.decide(
      .take(holder: ticket.owner.id, seconds: ticket.leaseSeconds, deadHolder: nil), name: key.name,
      current: lock.lease, highest: lock.highest, now: at.now)
    guard case .granted(var lease) = decision else { return false }
    lease.expires = lock.lease?.later(than: lease.expires) ?? lease.expires
    change(key) { lock in
      lock.lease = lease
      lock.highest = max(lock.highest, lease.token)
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
      kept?.raisedRank = nil
    }
    if ticket.isWaiting { stopWaiting(ticket) }
    note(lease, key)
    return true
  }

  private mutating func wait(
    _ ticket: LockTicket, for key: LockKey, _ at: Times, _ effects: inout [LockEffect]
  ) {
    let queue = queue(of: key, with: ticket)
    let refusal: LockRefusal?
    if ticket.deadline.map({ $0 <= at.now }) ?? true {
      let holder = locks[key]?.owner ?? locks[key]?.queue.first.flatMap { tickets[$0]?.owner }
      refusal = .held(key, by: holder ?? ticket.owner)
    } else if let circle = circle(from: ticket, key, queue) {
      refusal = .deadlock(circle)
    } else {
      refusal = nil
    }
    if let refusal {
      leave(ticket.id, ending: "given back: not all of a set could be had", at, &effects)
      return effects.append(.refused(ticket: ticket.id, refusal))
    }
    let own = queue.filter { $0 == ticket.id || tickets[$0]?.owner.id == ticket.owner.id }
    if own.count > 1, let rank = own.compactMap({ tickets[$0]?.standing }).max() {
      for id in own where tickets[id]?.standing != rank { change(ticket: id) { $0?.raisedRank = rank } }
    }
    change(key) { $0.queue = queue }
    change(ticket: ticket.id) { $0?.isWaiting = true }
    startWaiting(ticket)
    if let deadline = ticket.deadline { remind(deadline, .ticket(ticket.id)) }
    effects.append(.queued(ticket: ticket.id, key: key, ahead: queue.firstIndex(of: ticket.id) ?? 0))
  }

  /// Behind all of its rank; but what one owner waits for several times it will have at once, so those stand together.
  private func queue(of key: LockKey, with ticket: LockTicket) -> [String] {
    var queue = locks[key]?.queue ?? []
    let own = queue.filter { tickets[$0]?.owner.id == ticket.owner.id }
    if let last = own.last, let rank = tickets[last]?.standing {
      if ticket.rank <= rank, let index = queue.firstIndex(of: last) {
        queue.insert(ticket.id, at: index + 1)
        return queue
      }
      queue.removeAll { own.contains($0) }
    }
    let index = queue.firstIndex { tickets[$0].map { $0.standing < ticket.rank } ?? false } ?? queue.count
    queue.insert(contentsOf: own + [ticket.id], at: index)
    return queue
  }

  /// Who is next has it, and has it as often as it waits for it.
  mutating func serve(_ key: LockKey, _ at: Times, _ effects: inout [LockEffect]) {
    while let lock = locks[key], let first = lock.queue.first {
      guard let ticket = tickets[first] else {
        change(key) { _ = $0.queue.removeFirst() }
        continue
      }
      let isAgain = lock.lease != nil && lock.owner?.id == ticket.owner.id && ticket.isReentrant
      guard lock.isFree || isAgain else { return }
      if let deadline = ticket.deadline, deadline <= at.now {
        timeOut(ticket, for: key, at, &effects)
        continue
      }
      // It has this one now, and may have to wait for its next.
      proceed(first, at, &effects)
      if locks[key]?.queue.first == first { return }
    }
    if locks[key]?.isQuiet == true, !effects.contains(.freed(key)) { effects.append(.freed(key)) }
  }

  mutating func timeOut(_ ticket: LockTicket, for key: LockKey, _ at: Times, _ effects: inout [LockEffect]) {
    let holder = locks[key]?.owner
    leave(ticket.id, ending: "given back: not all of a set could be had in time", at, &effects)
    effects.append(.refused(ticket: ticket.id, .timedOut(key, by: holder)))
  }

  mutating func note(_ lease: Lease, _ key: LockKey) {
    if let expires = lease.expires { remind(expires, .lock(key)) }
  }

  mutating func remind(_ at: Moment, _ what: Deadlines.What) {
    deadlines.add(at, what)
    if deadlines.count > 64 + 4 * (tickets.count + locks.count) { rebuildDeadlines() }
  }
}
