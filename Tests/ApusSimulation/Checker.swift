import ApusCore

/// Keeps books of its own: who may be silent until when, who came before whom, which tokens there ever were.
struct Checker {
  /// What the rule was asked for, whatever it made of it.
  struct Asked {
    var client: Int
    var rank: Int
    var isReentrant: Bool
  }

  /// One owner's place in a queue: it stands there once, however often it waits.
  struct Place {
    var rank = 0
    var arrival = 0
  }

  /// By number of the wish.
  var asked: [Asked] = []
  var leases: [Double] = []
  /// By lock: the largest token there ever was.
  var newest: [Int64]
  /// Until when its holder may be silent, by what was heard of it.
  var silentUntil: [Moment]
  /// By lock and client.
  var places: [[Place]]
  private var arrivals = 0

  init(locks: Int) {
    newest = Array(repeating: 0, count: locks)
    silentUntil = Array(repeating: 0, count: locks)
    places = Array(repeating: Array(repeating: Place(), count: 16), count: locks)
  }

  /// `k3` → 3.
  static func index(_ key: LockKey) -> Int { Int(key.name.utf8.last ?? 48) - 48 }

  /// `t17` → 17.
  static func number(_ id: String) -> Int {
    var number = 0
    for byte in id.utf8.dropFirst() { number = number * 10 + Int(byte) - 48 }
    return number
  }

  func client(_ id: String) -> Int { asked[Self.number(id)].client }

  /// The state of which an earlier daemon wrote is what counts from here on.
  mutating func begin(with book: LockBook, isRestored: Bool) {
    for (id, ticket) in book.tickets where isRestored { leases[Self.number(id)] = ticket.leaseSeconds }
    for (key, lock) in book.locks where isRestored {
      for id in lock.queue.reversed() {
        places[Self.index(key)][client(id)] = Place(rank: book.tickets[id].map { $0.raisedRank ?? $0.rank } ?? 0)
      }
      for id in lock.queue {
        arrivals += 1
        places[Self.index(key)][client(id)].arrival = arrivals
      }
    }
  }

  func longest(_ holds: [String]) -> Double { holds.map { leases[Self.number($0)] }.max() ?? 0 }

  /// Signs of life, as far as they count.
  mutating func listen(_ event: LockEvent, _ book: LockBook, _ now: Moment) {
    func before(_ key: LockKey) -> NamedLock? {
      if let changed = book.lockChanges[key] { return changed }
      return book.locks[key]
    }
    switch event {
    case .lived(let id, _):
      guard let ticket = book.tickets[id] else { return }
      for (key, token) in zip(ticket.keys, ticket.tokens) where before(key)?.lease?.token == token {
        let index = Self.index(key)
        if now < silentUntil[index] { silentUntil[index] = max(silentUntil[index], now + leases[Self.number(id)]) }
      }
    case .renewed(let key, let token, let seconds):
      let index = Self.index(key)
      guard let lock = before(key), lock.lease?.token == token, now < silentUntil[index] else { return }
      silentUntil[index] = lock.holds.count > 1 ? max(silentUntil[index], now + seconds) : now + seconds
      if let last = lock.holds.last { leases[Self.number(last)] = seconds }
    case .restarted:
      for (key, lock) in book.locks where before(key)?.lease != nil {
        silentUntil[Self.index(key)] = now + longest(lock.holds)
      }
    case .asked(let ticket):
      // A ticket that is forgotten and asked for again is a new one.
      if case .some(.none) = book.ticketChanges[ticket.id] { leases[Self.number(ticket.id)] = ticket.leaseSeconds }
    case .left, .released, .died, .drained, .broken, .noted, .ticked: return
    }
  }

  /// Who came to a queue and where its owner stands there from now on.
  mutating func line(_ index: Int, before: [String], after: [String]) {
    guard before != after else { return }
    for (n, id) in after.enumerated() where !before.contains(id) {
      arrivals += 1
      let new = asked[Self.number(id)]
      let others = (before + after[..<n]).filter { client($0) == new.client }
      var isFirst = others.isEmpty
      // The others of its owner left in the same moment: it has their place where it came before they went.
      if !isFirst, !others.contains(where: after.contains) { isFirst = !after[n...].contains(where: before.contains) }
      if isFirst || places[index][new.client].rank < new.rank {
        places[index][new.client] = Place(rank: new.rank, arrival: arrivals)
      }
    }
  }

  /// Whether `first` stands before `second` in that lock's queue.
  func isBefore(_ index: Int, _ first: Int, _ second: Int) -> Bool {
    let (one, other) = (places[index][first], places[index][second])
    return one.rank == other.rank ? one.arrival < other.arrival : one.rank > other.rank
  }
}
