// A world in which everything that can go wrong with locks does, in an order that follows from one number: clients that
// crash, stop and wake up believing to hold what they lost, messages that are lost, doubled or late, a daemon that is
// started again or from an older state, a store that cannot save, clocks that stand still or jump. The rule in it is the
// real one. Whatever it does is looked at by somebody who keeps books of its own (`Checker`).

import ApusCore

/// One world under one seed.
package struct World {
  package let seed: UInt64
  /// Of the rule: what it was told.
  package internal(set) var events = 0
  /// Differs when anything at all went otherwise.
  package internal(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325
  /// What went against the promises, and at which event.
  package internal(set) var violation: String?
  /// What happened, where it is asked for.
  package internal(set) var story: [String] = []
  package internal(set) var counts = Counts()

  package struct Counts: Sendable {
    package init() {}

    package var grants = 0
    package var deadlocks = 0
    package var timeOuts = 0
    package var silences = 0
    package var deaths = 0
    package var restarts = 0
    package var restores = 0
    package var rollBacks = 0
    package var fenced = 0

    package mutating func add(_ other: Counts) {
      grants += other.grants
      deadlocks += other.deadlocks
      timeOuts += other.timeOuts
      silences += other.silences
      deaths += other.deaths
      restarts += other.restarts
      restores += other.restores
      rollBacks += other.rollBacks
      fenced += other.fenced
    }
  }

  let knobs: Knobs
  let isTold: Bool
  var dice: Dice
  var agenda = Agenda()
  var now: Moment = 1000
  var wall: Moment = 1_790_000_000
  var areFaultsOver = false

  let keys: [LockKey]
  let owners: [LockOwner]
  var clients: [Client]
  var wishes: [Wish] = []
  /// What was told to whoever was granted something.
  var told: [Tokens] = []

  var rule: RuleUnderTest
  var daemon = Daemon()
  var checker: Checker
  var resources: [Resource]

  package init(seed: UInt64, flaw: Flaw? = nil, isTold: Bool = false) {
    self.seed = seed
    self.isTold = isTold
    knobs = Knobs(seed: seed)
    dice = Dice(seed)
    rule = RuleUnderTest(flaw: flaw)
    keys = (0..<knobs.locks).map { LockKey(scope: $0 % 3 == 2 ? "" : "r\($0 % 3)", name: "k\($0)") }
    owners = (0..<knobs.clients).map { LockOwner(id: "s\($0)", name: "session \($0)", isSession: true) }
    clients = Array(repeating: Client(), count: knobs.clients)
    resources = Array(repeating: Resource(), count: knobs.locks)
    checker = Checker(locks: knobs.locks)
    for client in 0..<knobs.clients { agenda.add(now + dice.between(0, knobs.idle), .think(client: client)) }
    agenda.add(now + dice.between(0, knobs.pause), .accident)
  }

  /// Lets so much happen, then no more accidents and no more wishes; after that all has to come to an end.
  package mutating func run(events limit: Int) {
    while events < limit, violation == nil, step() {}
    areFaultsOver = true
    daemon.isUp ? () : agenda.add(now, .start)
    let patience = events + 20_000
    while violation == nil, !isQuiet {
      guard events < patience, step() else { return violate("nothing more happens, and not all is given back") }
    }
    if violation == nil { look(always: true) }
  }

  /// Everything is free and nobody waits.
  private var isQuiet: Bool {
    daemon.isUp && rule.book.tickets.isEmpty && rule.book.locks.values.allSatisfy(\.isQuiet)
      && clients.allSatisfy { $0.wishes.isEmpty }
  }

  private mutating func step() -> Bool {
    guard let (at, what) = agenda.next() else { return false }
    now = max(now, at)
    mix(now.bitPattern)
    switch what {
    case .think(let client): think(client)
    case .step(let wish): goOn(wish)
    case .toClient(let answer, let wish): hear(answer, wish)
    case .toDaemon(let word, let wish): receive(word, wish)
    case .death(let wish): report(wish)
    case .drained(let key, let wish, let number): finishDrain(key, wish, number)
    case .breaking(let key):
      if !perform(.broken(keys[key], reason: "a person")) { agenda.add(now + 5, .breaking(key: key)) }
    case .tick(let number): tick(number)
    case .start: start()
    case .accident: haveAccident()
    }
    return true
  }

  private mutating func haveAccident() {
    guard !areFaultsOver else { return }
    agenda.add(now + dice.between(0, 2 * knobs.pause), .accident)
    let weights = knobs.weights
    var left = dice.below(max(1, weights.reduce(0) { $0 + $1.1 }))
    for (accident, weight) in weights {
      left -= weight
      if left < 0 { return befall(accident) }
    }
  }

  private mutating func befall(_ accident: Accident) {
    note { _ in "accident: \(accident)" }
    switch accident {
    case .crash: crash(dice.below(clients.count))
    case .stop: clients[dice.below(clients.count)].stoppedUntil = now + dice.between(0.1, 60)
    case .restart: stop(restoring: false)
    case .restore: stop(restoring: true)
    case .breaking: perform(.broken(keys[dice.below(keys.count)], reason: "a person"))
    // Steps of an hour either way, and a sleep of some hours, during which the other clock stands still.
    case .clockStep: wall += [3600, -3600, dice.between(0, 30_000)][dice.below(3)]
    }
  }

  // MARK: messages

  /// Sends it, and it arrives once, twice or never.
  mutating func send(_ what: Happening) {
    if !areFaultsOver, dice.chance(knobs.lost) { return }
    deliver(what)
    if !areFaultsOver, dice.chance(knobs.doubled) { deliver(what) }
  }

  private mutating func deliver(_ what: Happening) {
    let isSlow = !areFaultsOver && dice.chance(knobs.slow)
    agenda.add(now + (isSlow ? dice.between(0, 30) : dice.between(0.0005, 0.01)), what)
  }

  // MARK: what is told

  mutating func mix(_ value: UInt64) { trace = (trace ^ value) &* 0x100_0000_01b3 }

  mutating func note(_ line: (World) -> String) {
    if isTold { story.append("\(events) @\(now): \(line(self))") }
  }

  mutating func violate(_ what: String) {
    guard violation == nil else { return }
    violation = "seed \(seed), event \(events): \(what)"
    note { _ in "VIOLATION \(what)" }
  }
}

/// What a lock protects: it takes no token that is older than the newest it saw.
struct Resource {
  var newest: Int64 = 0
  var owner = -1
}
