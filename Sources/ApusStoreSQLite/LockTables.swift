import ApusCore

/// Named locks on SQLite: grants and queues in the stream's file (no holder survives a power cut), the mark no token
/// ever was above in the main one (a token must).
///
/// A mark is moved, on disk for good, before a token below it is given; it is moved in steps, so that this costs
/// nothing. It begins at the time of day in microseconds: a store restored from an older copy goes on above every token
/// that was given since. For that no token may be ahead of the time: a step is less than what a daemon takes to begin.
final class LockTables {
  private static let step: Int64 = 1 << 14

  private let main: Database
  private let stream: Database
  private(set) var book: LockBook
  /// Tickets that have a row of their own: those that wait, and those for several locks. All others stand in the row of
  /// their lock, so that what is asked for and given at once is one row.
  private var apart: Set<String> = []
  private var marks: [LockKey: Int64] = [:]

  init(main: Database, stream: Database) throws {
    self.main = main
    self.stream = stream
    var locks: [NamedLock] = []
    var tickets: [LockTicket] = []
    var apart: Set<String> = []
    try stream.run("SELECT body FROM locks") { row in
      let kept: KeptLock = try SQLiteStore.decode(row.text(0))
      locks.append(kept.lock)
      tickets += kept.held
    }
    try stream.run("SELECT id, body FROM tickets") { row in
      tickets.append(try SQLiteStore.decode(row.text(1)))
      apart.insert(row.text(0))
    }
    self.apart = apart
    book = LockBook(locks: locks, tickets: tickets)
  }

  /// Lets the rule decide and keeps what it decided, in one step. Throws, and then nothing happened.
  func decide(_ events: [LockEvent], now: Moment, wall: Moment) throws -> [LockEffect] {
    book.begin()
    var opened: [LockKey] = []
    do {
      for event in events { if case .asked(let ticket) = event { try open(ticket.keys, wall, &opened) } }
      let effects = events.flatMap { book.handle($0, now: now, wall: wall) }
      try keep(effects)
      return effects
    } catch {
      book.rollBack()
      // What the book was told of them is forgotten with the rest.
      for key in opened { marks[key] = nil }
      throw error
    }
  }

  private func open(_ keys: [LockKey], _ wall: Moment, _ opened: inout [LockKey]) throws {
    for key in keys where marks[key] == nil {
      opened.append(key)
      var mark: Int64 = 0
      try main.run("SELECT mark FROM tokens WHERE scope = ? AND name = ?", [.text(key.scope), .text(key.name)]) { row in
        mark = row.integer(0)
      }
      let least = max(mark, Int64(wall * 1_000_000), book.locks[key]?.highest ?? 0)
      try reserve(key, least + Self.step)
      book.open(key, highest: least)
    }
  }

  private func reserve(_ key: LockKey, _ mark: Int64) throws {
    try main.run(
      """
      INSERT INTO tokens (scope, name, mark) VALUES (?, ?, ?)
      ON CONFLICT(scope, name) DO UPDATE SET mark = excluded.mark
      """, [.text(key.scope), .text(key.name), .integer(mark)])
    marks[key] = mark
  }

  private func keep(_ effects: [LockEffect]) throws {
    let tickets = book.ticketChanges.keys
    var locks = Set(book.lockChanges.keys)
    for id in tickets { locks.formUnion(book.tickets[id]?.keys ?? []) }
    locks = locks.filter { book.locks[$0] != nil }
    if locks.isEmpty, tickets.isEmpty { return }
    for key in locks {
      guard let highest = book.locks[key]?.highest, highest >= marks[key] ?? 0 else { continue }
      try reserve(key, highest + Self.step)
    }
    var apart = self.apart
    try stream.transaction {
      for id in tickets { try keep(ticket: id, &apart) }
      for key in locks {
        guard let lock = book.locks[key] else { continue }
        let held = (lock.holds + [lock.drain?.ticket].compactMap(\.self)).filter { !apart.contains($0) }
        let kept = KeptLock(lock: lock, held: held.compactMap { book.tickets[$0] })
        try stream.run(
          """
          INSERT INTO locks (scope, name, body) VALUES (?, ?, ?)
          ON CONFLICT(scope, name) DO UPDATE SET body = excluded.body
          """, [.text(key.scope), .text(key.name), .text(try JSONText.string(kept))])
      }
      for case .told(let story) in effects { try keep(story) }
    }
    self.apart = apart
  }

  private struct KeptLock: Codable {
    var lock: NamedLock
    var held: [LockTicket]
  }

  private func keep(ticket id: String, _ apart: inout Set<String>) throws {
    if let ticket = book.tickets[id], ticket.isWaiting || ticket.keys.count > 1 {
      try stream.run(
        "INSERT INTO tickets (id, body) VALUES (?, ?) ON CONFLICT(id) DO UPDATE SET body = excluded.body",
        [.text(id), .text(try JSONText.string(ticket))])
      apart.insert(id)
    } else if apart.remove(id) != nil {
      try stream.run("DELETE FROM tickets WHERE id = ?", [.text(id)])
    }
  }

  /// Older ones are forgotten, a thousand at a time.
  static let mostStories: Int64 = 20_000

  private func keep(_ story: LockStory) throws {
    try stream.run(
      "INSERT INTO stories (scope, name, until, body) VALUES (?, ?, ?, ?)",
      [.text(story.key.scope), .text(story.key.name), .real(story.until), .text(try JSONText.string(story))])
    guard stream.lastRow % 1024 == 0 else { return }
    try stream.run("DELETE FROM stories WHERE row <= ?", [.integer(stream.lastRow - Self.mostStories)])
  }

  /// What became of earlier holdings, the latest first.
  func stories(scope: String?, name: String?, limit: Int) throws -> [LockStory] {
    var stories: [LockStory] = []
    try stream.run(
      """
      SELECT body FROM stories WHERE (?1 IS NULL OR scope = ?1) AND (?2 IS NULL OR name = ?2)
      ORDER BY row DESC LIMIT ?3
      """, [.init(scope), .init(name), .integer(Int64(limit))]
    ) { row in stories.append(try SQLiteStore.decode(row.text(0))) }
    return stories
  }
}
