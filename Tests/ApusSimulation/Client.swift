import ApusCore

/// One session: it wants locks, uses them, and gives them back.
struct Client {
  /// What it has not done with.
  var wishes: [Int] = []
  /// A stopped process hears nothing, says nothing, and does not know it.
  var stoppedUntil: Moment = 0
  var isThinking = true
}

struct Wish {
  enum State {
    case asking
    case holding
    case ended
  }

  let client: Int
  let ticket: LockTicket
  let keys: [Int]
  var state = State.asking
  var tokens = Tokens()
  var until: Moment = 0
  /// Whether the daemon learns of its end by itself.
  var isWatched: Bool
  /// Whether what wants it still runs.
  var isAlive: Bool { state != .ended }
}

extension World {
  mutating func think(_ client: Int) {
    guard !areFaultsOver else { return }
    agenda.add(now + dice.between(0, 2 * knobs.idle), .think(client: client))
    guard clients[client].stoppedUntil <= now else { return }
    let most = dice.chance(knobs.second) ? 2 : 1
    guard clients[client].wishes.count < most else { return }
    wish(client)
  }

  private mutating func wish(_ client: Int) {
    var wanted = [dice.below(keys.count)]
    if dice.chance(knobs.sets) { wanted.append(dice.below(keys.count)) }
    if dice.chance(knobs.sets / 2) { wanted.append(dice.below(keys.count)) }
    wanted = Array(Set(wanted)).sorted()
    let number = wishes.count
    let isWatched = dice.chance(500)
    var ticket = LockTicket(
      id: "t\(number)", owner: owners[client], keys: wanted.map { keys[$0] },
      anchor: isWatched ? .session(owners[client].id) : .word, since: wall)
    if dice.chance(850) { ticket.deadline = now + dice.between(0.01, 90) }
    if dice.chance(knobs.ranks) { ticket.rank = dice.below(3) }
    ticket.isReentrant = !dice.chance(knobs.exclusive)
    ticket.leaseSeconds = [9, 15, 30][dice.below(3)]
    switch dice.below(20) {
    case 0: ticket.onDeath = .hold
    case 1, 2: ticket.onDeath = .probe("true")
    case 3, 4: ticket.onDeath = .delay(dice.between(0, 15))
    default: break
    }
    wishes.append(Wish(client: client, ticket: ticket, keys: wanted, isWatched: isWatched))
    clients[client].wishes.append(number)
    checker.asked.append(.init(client: client, rank: ticket.rank, isReentrant: ticket.isReentrant))
    checker.leases.append(ticket.leaseSeconds)
    note { _ in "s\(client) wants t\(number): \(wanted), \(ticket.deadline.map { "until \($0)" } ?? "at once")" }
    send(.toDaemon(.ask, wish: number))
    agenda.add(now + dice.between(1, 4), .step(wish: number))
  }

  /// Its own timer: asks again, shows that it lives, uses what it has, or is done.
  mutating func goOn(_ number: Int) {
    let client = wishes[number].client
    guard wishes[number].isAlive else { return }
    // It goes on where it was: with the token it had, before it hears anything.
    if clients[client].stoppedUntil > now { return agenda.add(clients[client].stoppedUntil, .step(wish: number)) }
    switch wishes[number].state {
    case .ended: break
    case .asking:
      if (wishes[number].ticket.deadline ?? now) + 30 < now, dice.chance(200) {
        end(number)
      } else {
        send(.toDaemon(.ask, wish: number))
        agenda.add(now + dice.between(2, 6), .step(wish: number))
      }
    case .holding:
      act(number)
      if now >= wishes[number].until { return finish(number) }
      if dice.chance(50), let key = wishes[number].keys.first {
        send(.toDaemon(.renew(key, wishes[number].tokens[key], dice.between(5, 40)), wish: number))
      } else {
        send(.toDaemon(.beat, wish: number))
      }
      agenda.add(now + min(wishes[number].ticket.leaseSeconds / 3, wishes[number].until - now), .step(wish: number))
    }
  }

  /// Does to each resource what it has the lock for.
  private mutating func act(_ number: Int) {
    for key in wishes[number].keys {
      let token = wishes[number].tokens[key]
      guard token > 0 else { continue }
      if token < resources[key].newest {
        counts.fenced += 1
        continue
      }
      if token == resources[key].newest, resources[key].owner != wishes[number].client {
        violate("two have token \(token) of k\(key): s\(resources[key].owner) and s\(wishes[number].client)")
      }
      resources[key].newest = token
      resources[key].owner = wishes[number].client
    }
  }

  private mutating func finish(_ number: Int) {
    if dice.chance(300) {
      for key in wishes[number].keys.reversed() where wishes[number].tokens[key] > 0 {
        send(.toDaemon(.release(key, wishes[number].tokens[key]), wish: number))
      }
    }
    end(number)
  }

  /// Says so, more than once, and is gone.
  private mutating func end(_ number: Int) {
    note { "s\($0.wishes[number].client) is done with t\(number)" }
    send(.toDaemon(.leave, wish: number))
    if dice.chance(300) { agenda.add(now + dice.between(0, 4), .toDaemon(.leave, wish: number)) }
    bury(number)
  }

  private mutating func bury(_ number: Int) {
    wishes[number].state = .ended
    clients[wishes[number].client].wishes.removeAll { $0 == number }
    if wishes[number].isWatched { agenda.add(now + dice.between(0, 3), .death(wish: number)) }
  }

  mutating func crash(_ client: Int) {
    clients[client].stoppedUntil = 0
    for number in clients[client].wishes {
      bury(number)
      if dice.chance(100) { agenda.add(now + dice.between(0, 10), .death(wish: number)) }
    }
  }

  mutating func hear(_ answer: Answer, _ number: Int) {
    let client = wishes[number].client
    if clients[client].stoppedUntil > now {
      return agenda.add(clients[client].stoppedUntil + 0.001, .toClient(answer, wish: number))
    }
    switch answer {
    case .granted(let index):
      // What came too late is given back.
      guard wishes[number].isAlive else { return send(.toDaemon(.leave, wish: number)) }
      let isNew = wishes[number].state == .asking
      wishes[number].tokens = told[index]
      wishes[number].state = .holding
      guard isNew else { return }
      wishes[number].until = now + dice.between(0, knobs.hold)
      act(number)
      agenda.add(
        now + min(wishes[number].ticket.leaseSeconds / 3, wishes[number].until - now), .step(wish: number))
    case .refused:
      guard wishes[number].isAlive else { return }
      bury(number)
    case .lost(let key):
      guard wishes[number].state == .holding else { return }
      wishes[number].tokens[key] = 0
      if wishes[number].keys.allSatisfy({ wishes[number].tokens[$0] == 0 }) { end(number) }
    }
  }
}
