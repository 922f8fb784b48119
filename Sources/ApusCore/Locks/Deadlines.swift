/// What runs out when, the first first. Entries are hints: whoever takes one looks whether it still holds.
struct Deadlines: Equatable, Sendable {
  enum What: Comparable, Sendable {
    case lock(LockKey)
    case ticket(String)
  }

  /// Of what runs out at the same moment, too, one is always first: the same events lead to the same end.
  private struct Entry: Comparable {
    var at: Moment
    var what: What

    static func < (left: Entry, right: Entry) -> Bool {
      left.at == right.at ? left.what < right.what : left.at < right.at
    }
  }

  /// A binary heap: no entry is later than those below it.
  private var entries: [Entry] = []

  var count: Int { entries.count }
  var next: Moment? { entries.first?.at }

  mutating func add(_ at: Moment, _ what: What) {
    entries.append(Entry(at: at, what: what))
    var index = entries.count - 1
    while index > 0, case let parent = (index - 1) / 2, entries[index] < entries[parent] {
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// The first that is due, once.
  mutating func removeDue(_ now: Moment) -> What? {
    guard let first = entries.first, first.at <= now else { return nil }
    let last = entries.removeLast()
    guard !entries.isEmpty else { return first.what }
    entries[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
        if entries[child] < entries[least] { least = child }
      }
      guard least != index else { return first.what }
      entries.swapAt(index, least)
      index = least
    }
  }
}
