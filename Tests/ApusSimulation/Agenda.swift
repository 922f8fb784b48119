import ApusCore

/// What happens to whom. Wishes are numbered in the order they were made.
enum Happening {
  /// A client thinks of something it wants.
  case think(client: Int)
  /// A client goes on with one of its wishes.
  case step(wish: Int)
  case toDaemon(Word, wish: Int)
  case toClient(Answer, wish: Int)
  /// The machine tells the daemon that whoever wanted that has ended.
  case death(wish: Int)
  /// What that wish left behind was seen to, by a daemon that has this number.
  case drained(key: Int, wish: Int, daemon: Int)
  /// A person breaks what nobody else can end.
  case breaking(key: Int)
  case tick(number: Int)
  case start
  case accident
}

enum Word {
  case ask
  case leave
  case beat
  /// One of its keys, by the token it has for it.
  case release(Int, Int64)
  case renew(Int, Int64, Double)
}

enum Answer {
  /// With the tokens kept under that number.
  case granted(Int)
  case refused
  case lost(key: Int)
}

/// A token of each lock there is; 0: none.
typealias Tokens = SIMD8<Int64>

/// What is to happen, the first first; of what happens at the same moment, what was planned first.
struct Agenda {
  private struct Entry {
    var at: Moment
    var number: UInt64
    var what: Happening

    func isBefore(_ other: Entry) -> Bool { at == other.at ? number < other.number : at < other.at }
  }

  private var entries: [Entry] = []
  private var planned: UInt64 = 0

  mutating func add(_ at: Moment, _ what: Happening) {
    planned += 1
    let entry = Entry(at: at, number: planned, what: what)
    entries.append(entry)
    var index = entries.count - 1
    while index > 0, case let parent = (index - 1) / 2, entry.isBefore(entries[parent]) {
      entries[index] = entries[parent]
      index = parent
    }
    entries[index] = entry
  }

  mutating func next() -> (at: Moment, what: Happening)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return (first.at, first.what) }
    var index = 0
    while case var child = 2 * index + 1, child < entries.count {
      if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
      guard entries[child].isBefore(last) else { break }
      entries[index] = entries[child]
      index = child
    }
    entries[index] = last
    return (first.at, first.what)
  }
}
