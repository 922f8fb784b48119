// Whether waiting would never end. Each new wait is looked at once, when it begins: an arrow of the graph appears only
// with a wait, so a graph that had no circle before has one now only through the new one.

extension LockBook {
  /// Each waits for the next, and the last for the first; nil: waiting will end. `queue` is that of `key` with the ticket
  /// in it.
  func circle(from ticket: LockTicket, _ key: LockKey, _ queue: [String]) -> [LockWait]? {
    var search = CircleSearch(book: self, target: ticket.owner.id, key: key, queue: queue)
    if search.reaches(from: ticket, key) { return search.path }
    // Those it overtakes wait for its owner from now on, which may wait for them elsewhere.
    guard queue.last != ticket.id else { return nil }
    for id in waits[ticket.owner.id] ?? [] {
      guard let other = tickets[id], let wanted = other.wanted else { continue }
      if search.reaches(from: other, wanted) { return search.path }
    }
    return nil
  }
}

private struct CircleSearch {
  let book: LockBook
  let target: String
  let key: LockKey
  let queue: [String]
  var path: [LockWait] = []
  /// A handful: looking through them is faster than a set.
  private var seen: [String] = []

  init(book: LockBook, target: String, key: LockKey, queue: [String]) {
    self.book = book
    self.target = target
    self.key = key
    self.queue = queue
  }

  mutating func reaches(from waiting: LockTicket, _ wanted: LockKey) -> Bool {
    path.append(LockWait(owner: waiting.owner, key: wanted))
    let lock = book.locks[wanted]
    // What a dead holder left behind waits for nobody.
    if lock?.lease != nil, let owner = lock?.owner, leads(to: owner, for: waiting) { return true }
    for other in wanted == key ? queue : lock?.queue ?? [] {
      if other == waiting.id { break }
      if let owner = book.tickets[other]?.owner, leads(to: owner, for: waiting) { return true }
    }
    path.removeLast()
    return false
  }

  private mutating func leads(to owner: LockOwner, for waiting: LockTicket) -> Bool {
    // Behind itself one waits for nobody: it will have both at once.
    if owner.id == waiting.owner.id { return !waiting.isReentrant && owner.id == target }
    if owner.id == target { return true }
    guard !seen.contains(owner.id) else { return false }
    seen.append(owner.id)
    for id in book.waits[owner.id] ?? [] {
      guard let next = book.tickets[id], let wanted = next.wanted else { continue }
      if reaches(from: next, wanted) { return true }
    }
    return false
  }
}
