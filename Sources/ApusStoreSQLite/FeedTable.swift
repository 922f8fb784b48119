import ApusCore

/// The order in which events of all sessions were kept. Numbers are promised in blocks in the main file, which a power
/// cut leaves whole: what it takes from the stream's file is numbered anew, never as something else was.
final class FeedTable {
  private static let block: Int64 = 1 << 12
  private static let key = "feed.mark"

  private let main: Database
  private let stream: Database
  private var next: Int64 = 1
  private var mark: Int64 = 0

  init(main: Database, stream: Database) throws {
    self.main = main
    self.stream = stream
    try main.run("SELECT value FROM facts WHERE key = ?", [.text(Self.key)]) { mark = Int64($0.text(0)) ?? 0 }
    try stream.run("SELECT COALESCE(MAX(number), 0) FROM feed") { next = $0.integer(0) + 1 }
    next = max(next, mark + 1)
    mark = 0
  }

  /// The newest number that was given.
  var last: Int64 { next - 1 }

  /// The first of so many numbers, which nobody had. They are used up by `added`.
  func reserve(_ count: Int) throws -> Int64 {
    if next + Int64(count) > mark {
      let mark = next + Int64(count) + Self.block
      try main.run(
        "INSERT INTO facts (key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
        [.text(Self.key), .text(String(mark))])
      self.mark = mark
    }
    return next
  }

  func added(_ count: Int) { next += Int64(count) }

  func add(_ event: Event, number: Int64) throws {
    try stream.run(
      "INSERT INTO feed (number, session, n) VALUES (?, ?, ?)",
      [.integer(number), .text(event.session), .integer(Int64(event.n))])
  }

  func load(after number: Int64, limit: Int) throws -> [NumberedEvent] {
    var events: [NumberedEvent] = []
    try stream.run(
      """
      SELECT f.number, f.session, e.n, e.at, e.run, e.kind, e.detail FROM feed f
      JOIN events e ON e.session = f.session AND e.n = f.n WHERE f.number > ? ORDER BY f.number LIMIT ?
      """, [.integer(number), .integer(Int64(limit))]
    ) { row in
      // A kind of a later version is not ours to show.
      guard let kind = Event.Kind(rawValue: row.text(5)) else { return }
      let event = Event(
        n: Int(row.integer(2)), at: row.real(3), session: row.text(1), run: Int(row.integer(4)), kind: kind,
        detail: try SQLiteStore.decode(row.text(6)))
      events.append(NumberedEvent(number: row.integer(0), event: event))
    }
    return events
  }
}
