import ApusCore

/// Small random worlds of who holds what and who waits for what. Before each new wait a search of its own, which tries
/// every path there is, says whether it would close a circle; then the rule is asked.
package struct WaitGraphs: Sendable {
  package private(set) var looked = 0
  package private(set) var circles = 0
  package private(set) var missed: [String] = []
  package private(set) var falselySeen: [String] = []
  package private(set) var wrongCircles: [String] = []

  private var dice: Dice

  package init(seed: UInt64) { dice = Dice(seed) }

  private struct Waiter: Equatable {
    var owner: Int
    var rank: Int
    var isReentrant: Bool
  }

  /// The same state as the rule's, kept apart from it.
  private struct Plan {
    var holders: [Int?]
    var queues: [[Waiter]]

    /// Takes what is to be had; true where it has to wait then.
    mutating func ask(_ new: Waiter, _ keys: [Int]) -> Bool {
      for key in keys {
        let isFree = holders[key] == nil && queues[key].isEmpty
        guard isFree || holders[key] == new.owner && new.isReentrant else {
          line(new, key)
          return true
        }
        holders[key] = new.owner
      }
      return false
    }

    private mutating func line(_ new: Waiter, _ key: Int) {
      let own = queues[key].filter { $0.owner == new.owner }
      let rank = max(new.rank, own.map(\.rank).max() ?? new.rank)
      var group = own + [new]
      for index in group.indices { group[index].rank = rank }
      if let first = own.first, first.rank == rank {
        let end = (queues[key].lastIndex { $0.owner == new.owner } ?? 0) + 1
        queues[key].insert(group[group.count - 1], at: end)
      } else {
        queues[key].removeAll { $0.owner == new.owner }
        let index = queues[key].firstIndex { $0.rank < rank } ?? queues[key].count
        queues[key].insert(contentsOf: group, at: index)
      }
    }

    func waitsFor(_ from: Int) -> [Int] {
      var all: [Int] = []
      for (key, queue) in queues.enumerated() {
        for (place, waiter) in queue.enumerated() where waiter.owner == from {
          let before = (holders[key].map { [$0] } ?? []) + queue[..<place].map(\.owner)
          all += waiter.isReentrant ? before.filter { $0 != from } : before
        }
      }
      return all
    }

    /// Every path, without a thought.
    func comesBack(_ from: Int) -> Bool {
      func walk(_ path: [Int]) -> Bool {
        waitsFor(path[path.count - 1]).contains { next in next == from || !path.contains(next) && walk(path + [next]) }
      }
      return walk([from])
    }
  }

  package mutating func run(_ count: Int) {
    while looked < count { runOne() }
  }

  private mutating func runOne() {
    let owners = 2 + dice.below(4)
    let locks = 2 + dice.below(3)
    let keys = (0..<locks).map { LockKey(scope: $0 == 2 ? "other" : "r", name: "k\($0)") }
    var plan = Plan(holders: Array(repeating: nil, count: locks), queues: Array(repeating: [], count: locks))
    var book = LockBook()
    for number in 0..<(4 + dice.below(8)) {
      let new = Waiter(
        owner: dice.below(owners), rank: dice.chance(200) ? dice.below(3) : 0, isReentrant: !dice.chance(50))
      var wanted = [dice.below(locks)]
      if dice.chance(250) { wanted = Array(Set([wanted[0], dice.below(locks), dice.below(locks)])).sorted() }
      var ticket = LockTicket(
        id: "t\(number)", owner: LockOwner(id: "s\(new.owner)", name: "", isSession: true),
        keys: wanted.map { keys[$0] }, anchor: .word, since: 0)
      ticket.rank = new.rank
      ticket.isReentrant = new.isReentrant
      ticket.deadline = 100
      let before = plan
      let mustWait = plan.ask(new, wanted)
      let isCircle = mustWait && plan.comesBack(new.owner)
      book.begin()
      let effects = book.handle(.asked(ticket), now: 1, wall: 1)
      var seen: [LockWait]?
      for case .refused(_, .deadlock(let circle)) in effects { seen = circle }
      if mustWait { looked += 1 }
      if isCircle {
        circles += 1
        if let seen {
          verify(seen, plan, new.owner, "\(before) + \(ticket)")
        } else {
          missed.append("\(before) + \(ticket)")
        }
        plan = before
      } else if seen != nil {
        falselySeen.append("\(before) + \(ticket)")
      }
    }
  }

  /// Each named owner waits for that lock, which the next has or comes before it; the last for the first.
  private mutating func verify(_ circle: [LockWait], _ plan: Plan, _ first: Int, _ what: @autoclosure () -> String) {
    let owners = circle.map { Int($0.owner.id.utf8.last ?? 0) - 48 }
    let isWhole = owners.first == first && Set(owners).count == owners.count
    let holds = owners.indices.allSatisfy { n in
      let key = Int(circle[n].key.name.utf8.last ?? 0) - 48
      let next = owners[(n + 1) % owners.count]
      return plan.queues[key].enumerated().contains { place, waiter in
        waiter.owner == owners[n]
          && (plan.holders[key] == next || plan.queues[key][..<place].contains { $0.owner == next })
      }
    }
    if !isWhole || !holds { wrongCircles.append("\(what()): \(circle)") }
  }
}
