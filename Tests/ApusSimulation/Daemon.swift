import ApusCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What surrounds the rule: it saves, answers, and is started again.
struct Daemon {
  var isUp = true
  var number = 0
  /// Up to which token of each lock is written down for certain, before one of them is seen.
  var reserved: [Int64] = Array(repeating: 0, count: 8)
  var older: (locks: [LockKey: NamedLock], tickets: [String: LockTicket]) = ([:], [:])
  var isRestored = false
  var tick = 0
  var tickAt: Moment?
  static let block: Int64 = 64
}

extension World {
  mutating func receive(_ word: Word, _ number: Int) {
    guard daemon.isUp else { return }
    let id = wishes[number].ticket.id
    switch word {
    case .ask: perform(.asked(wishes[number].ticket), by: number)
    case .leave: perform(.left(ticket: id), by: number)
    case .beat:
      if rule.book.tickets[id] == nil {
        for key in wishes[number].keys { send(.toClient(.lost(key: key), wish: number)) }
      }
      perform(.lived(ticket: id, proof: "heartbeat"), by: number)
    case .release(let key, let token): perform(.released(keys[key], token: token), by: number)
    case .renew(let key, let token, let seconds):
      perform(.renewed(keys[key], token: token, seconds: seconds), by: number)
    }
  }

  mutating func report(_ number: Int) {
    guard daemon.isUp else { return }
    counts.deaths += 1
    if !perform(.died(ticket: wishes[number].ticket.id, evidence: "ended")) {
      agenda.add(now + 0.3, .death(wish: number))
    }
  }

  mutating func finishDrain(_ key: Int, _ wish: Int, _ number: Int) {
    guard daemon.isUp, daemon.number == number else { return }
    if !perform(.drained(keys[key], ticket: wishes[wish].ticket.id, evidence: "nothing is left")) {
      agenda.add(now + 0.3, .drained(key: key, wish: wish, daemon: number))
    }
  }

  mutating func tick(_ number: Int) {
    guard daemon.isUp, daemon.tick == number else { return }
    daemon.tickAt = nil
    if perform(.ticked) { checkOverdue() } else { planTick(late: 0.3) }
  }

  /// Tells the rule, saves, and answers. False: it could not be saved, so it did not happen.
  @discardableResult mutating func perform(_ event: LockEvent, by asker: Int? = nil) -> Bool {
    guard daemon.isUp else { return false }
    events += 1
    note { _ in "\(event)" }
    let isUnsaved = !areFaultsOver && dice.chance(knobs.unsaved)
    let before = isUnsaved && events.isMultiple(of: 4) ? rule.book : nil
    rule.book.begin()
    let effects = rule.handle(event, now: now, wall: wall)
    if isUnsaved {
      counts.rollBacks += 1
      rule.rollBack()
      if let before, before != rule.book || before.waits != rule.book.waits {
        violate("what was not saved is not undone")
      }
      planTick(late: 0)
      return false
    }
    check(event, effects)
    reserve()
    for effect in effects { follow(effect, asker, event) }
    look(always: false)
    if events.isMultiple(of: 512) { daemon.older = (rule.book.locks, rule.book.tickets) }
    planTick(late: 0)
    return true
  }

  private mutating func reserve() {
    for key in rule.book.lockChanges.keys {
      let index = Checker.index(key)
      guard let highest = rule.book.locks[key]?.highest, highest > daemon.reserved[index] else { continue }
      daemon.reserved[index] = highest + Daemon.block
    }
  }

  private mutating func follow(_ effect: LockEffect, _ asker: Int?, _ event: LockEvent) {
    note { _ in "  → \(effect)" }
    switch effect {
    case .granted(let id):
      mix(1)
      counts.grants += 1
      guard let ticket = rule.book.tickets[id] else { return violate("\(id) is granted and unknown") }
      var tokens = Tokens()
      for (key, token) in zip(ticket.keys, ticket.tokens) { tokens[Checker.index(key)] = token }
      mix(UInt64(bitPattern: tokens.wrappedSum()))
      told.append(tokens)
      send(.toClient(.granted(told.count - 1), wish: Checker.number(id)))
    case .refused(let id, let why):
      mix(2)
      switch why {
      case .deadlock: counts.deadlocks += 1
      case .timedOut: counts.timeOuts += 1
      case .held, .lost: break
      }
      send(.toClient(.refused, wish: Checker.number(id)))
    case .stale(let key):
      mix(3)
      guard let asker else { return }
      switch event {
      case .lived, .renewed: send(.toClient(.lost(key: Checker.index(key)), wish: asker))
      default: break
      }
    case .lost(let key, let ticket, _):
      mix(4)
      send(.toClient(.lost(key: Checker.index(key)), wish: Checker.number(ticket.id)))
    case .drain(let key, let id, let how):
      mix(5)
      seeTo(Checker.index(key), Checker.number(id), how)
    case .queued(_, _, let ahead): mix(6 + UInt64(ahead) << 8)
    case .renewed(_, let token): mix(7 + UInt64(bitPattern: token) << 8)
    case .freed: mix(8)
    case .told(let story):
      mix(9 + UInt64(bitPattern: story.token) << 8)
      if story.ending.hasPrefix("no sign") { counts.silences += 1 }
    }
  }

  private mutating func seeTo(_ key: Int, _ wish: Int, _ how: LockOnDeath) {
    switch how {
    case .release: agenda.add(now + dice.between(0.001, 0.5), .drained(key: key, wish: wish, daemon: daemon.number))
    case .probe: agenda.add(now + dice.between(0.1, 20), .drained(key: key, wish: wish, daemon: daemon.number))
    // Who says too early that all is gone is not believed.
    case .delay: agenda.add(now + dice.between(0, 20), .drained(key: key, wish: wish, daemon: daemon.number))
    case .hold: agenda.add(now + dice.between(5, 100), .breaking(key: key))
    }
  }

  private mutating func planTick(late: Double) {
    guard let next = rule.book.nextDeadline else { return }
    let at = max(now, next) + late
    if let planned = daemon.tickAt, planned <= at { return }
    daemon.tick += 1
    daemon.tickAt = at
    agenda.add(at + (dice.chance(100) ? dice.between(0, 0.2) : 0), .tick(number: daemon.tick))
  }

  // MARK: another daemon

  mutating func stop(restoring: Bool) {
    guard daemon.isUp else { return }
    daemon.isUp = false
    daemon.isRestored = restoring
    agenda.add(now + dice.between(0.1, 15), .start)
  }

  mutating func start() {
    guard !daemon.isUp else { return }
    var locks = Array(daemon.isRestored ? daemon.older.locks.values : rule.book.locks.values)
    var tickets = Array(daemon.isRestored ? daemon.older.tickets.values : rule.book.tickets.values)
    if dice.chance(20) {
      do {
        locks = try JSONDecoder().decode([NamedLock].self, from: JSONEncoder().encode(locks))
        tickets = try JSONDecoder().decode([LockTicket].self, from: JSONEncoder().encode(tickets))
      } catch {
        violate("cannot be written down: \(error)")
      }
    }
    if rule.flaw == .forgetsTokens {
      for index in locks.indices where locks[index].lease == nil { locks[index].highest = 0 }
    }
    rule.book = LockBook(locks: locks, tickets: tickets)
    for (index, key) in keys.enumerated() where rule.flaw != .forgetsTokens {
      let base = daemon.isRestored ? max(daemon.reserved[index], Int64(wall * 1e6)) : daemon.reserved[index]
      rule.book.open(key, highest: base)
      daemon.reserved[index] = max(daemon.reserved[index], base)
    }
    if daemon.isRestored { counts.restores += 1 } else { counts.restarts += 1 }
    daemon.isUp = true
    daemon.number += 1
    daemon.tick += 1
    daemon.tickAt = nil
    checker.begin(with: rule.book, isRestored: daemon.isRestored)
    let unsaved = areFaultsOver
    areFaultsOver = true
    perform(.restarted)
    areFaultsOver = unsaved
    // Who ended meanwhile, or is known again after its end, is noticed.
    for id in rule.book.tickets.keys.sorted() where !wishes[Checker.number(id)].isAlive {
      agenda.add(now + dice.between(0, 2), .death(wish: Checker.number(id)))
    }
    planTick(late: 0)
  }
}
