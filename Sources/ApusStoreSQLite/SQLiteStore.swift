import ApusCore
import CSQLite

/// The `Store` on SQLite: two files, one writer, which also checkpoints (two at once can damage a WAL before 3.51.3).
package final class SQLiteStore: Store {
  private let main: Database
  private let stream: Database
  private let lockTables: LockTables
  private let feed: FeedTable
  package var onAppended: (() -> Void)?
  private var nextEvent: [String: Int] = [:]

  /// Opens or makes both files. Throws `Failure` and leaves damaged files as they are.
  package init(path: String, eventPath: String) throws {
    main = try Database(path: path, durable: true)
    try Schema.bring(main, to: Schema.main)
    stream = try Database(path: eventPath, durable: false)
    try Schema.bring(stream, to: Schema.events)
    lockTables = try LockTables(main: main, stream: stream)
    feed = try FeedTable(main: main, stream: stream)
  }

  package func close() {
    main.close()
    stream.close()
  }

  package static var libraryVersion: String { String(cString: sqlite3_libversion()) }

  package func transaction<T>(_ body: () throws -> T) throws -> T { try main.transaction(body) }

  // MARK: sessions and runs

  package func loadSessions() throws -> [Session] {
    var sessions: [Session] = []
    try main.run("SELECT body FROM sessions") { row in sessions.append(try Self.decode(row.text(0))) }
    return sessions
  }

  package func save(_ session: Session) throws {
    try main.run(
      """
      INSERT INTO sessions (id, name, conversation, body) VALUES (?, ?, ?, ?)
      ON CONFLICT(id) DO UPDATE SET name = excluded.name, conversation = excluded.conversation, body = excluded.body
      """,
      [.text(session.id), .text(session.name), .text(session.conversationID), .text(try JSONText.string(session))])
  }

  package func loadLatestRuns() throws -> [Run] {
    var runs: [Run] = []
    try main.run(
      "SELECT body FROM runs r WHERE number = (SELECT MAX(number) FROM runs WHERE session = r.session)"
    ) { row in runs.append(try Self.decode(row.text(0))) }
    return runs
  }

  package func loadRuns(of session: String) throws -> [Run] {
    var runs: [Run] = []
    try main.run("SELECT body FROM runs WHERE session = ? ORDER BY number", [.text(session)]) { row in
      runs.append(try Self.decode(row.text(0)))
    }
    return runs
  }

  package func save(_ run: Run) throws {
    try main.run(
      """
      INSERT INTO runs (session, number, body) VALUES (?, ?, ?)
      ON CONFLICT(session, number) DO UPDATE SET body = excluded.body
      """, [.text(run.session), .integer(Int64(run.number)), .text(try JSONText.string(run))])
  }

  // MARK: leases

  package func decide(_ request: LeaseRequest, name: String, now: Moment) throws -> LeaseDecision {
    try main.transaction {
      var highest: Int64 = 0
      var current: Lease?
      try main.run("SELECT highest, body FROM leases WHERE name = ?", [.text(name)]) { row in
        highest = row.integer(0)
        if !row.isNull(1) { current = try Self.decode(row.text(1)) }
      }
      let decision = Lease.decide(request, name: name, current: current, highest: highest, now: now)
      switch decision {
      case .granted(let lease): try keep(lease, name: name, highest: max(highest, lease.token))
      case .released: try keep(nil, name: name, highest: highest)
      case .refused, .stale: break
      }
      return decision
    }
  }

  package func loadLeases(prefix: String) throws -> [Lease] {
    var leases: [Lease] = []
    try main.run(
      "SELECT body FROM leases WHERE name >= ? AND name < ? AND body IS NOT NULL ORDER BY name",
      [.text(prefix), .text(prefix + "\u{10FFFF}")]
    ) { row in leases.append(try Self.decode(row.text(0))) }
    return leases
  }

  private func keep(_ lease: Lease?, name: String, highest: Int64) throws {
    try main.run(
      """
      INSERT INTO leases (name, highest, body) VALUES (?, ?, ?)
      ON CONFLICT(name) DO UPDATE SET highest = excluded.highest, body = excluded.body
      """, [.text(name), .integer(highest), .init(try lease.map { try JSONText.string($0) })])
  }

  // MARK: locks

  package var locks: LockBook { lockTables.book }

  package func decide(_ events: [LockEvent], now: Moment, wall: Moment) throws -> [LockEffect] {
    try lockTables.decide(events, now: now, wall: wall)
  }

  package func loadStories(scope: String?, name: String?, limit: Int) throws -> [LockStory] {
    try lockTables.stories(scope: scope, name: name, limit: limit)
  }

  // MARK: claims

  package func loadClaims() throws -> [String: [Claim]] {
    var claims: [String: [Claim]] = [:]
    try main.run("SELECT scope, body FROM claims ORDER BY scope, session, path") { row in
      claims[row.text(0), default: []].append(try Self.decode(row.text(1)))
    }
    return claims
  }

  package func save(_ claims: [Claim], gone: [Claim], scope: String) throws {
    try main.transaction {
      for claim in gone {
        try main.run(
          "DELETE FROM claims WHERE scope = ? AND session = ? AND path = ?",
          [.text(scope), .text(claim.session), .text(claim.path)])
      }
      for claim in claims {
        try main.run(
          """
          INSERT INTO claims (scope, session, path, body) VALUES (?, ?, ?, ?)
          ON CONFLICT(scope, session, path) DO UPDATE SET body = excluded.body
          """, [.text(scope), .text(claim.session), .text(claim.path), .text(try JSONText.string(claim))])
      }
    }
  }

  // MARK: notices

  package func add(_ notice: Notice) throws -> Notice {
    var notice = notice
    try main.transaction {
      try main.run(
        "INSERT INTO notices (session, open, body) VALUES (?, 1, '')", [.text(notice.session)])
      notice.row = main.lastRow
      try save(notice)
    }
    return notice
  }

  package func save(_ notice: Notice) throws {
    try main.run(
      "UPDATE notices SET open = ?, body = ? WHERE row = ?",
      [.integer(notice.readAt == nil ? 1 : 0), .text(try JSONText.string(notice)), .integer(notice.row)])
  }

  package func loadNotices(of session: String, read: Bool, limit: Int) throws -> [Notice] {
    var notices: [Notice] = []
    try main.run(
      "SELECT body FROM notices WHERE session = ? AND open >= ? ORDER BY row DESC LIMIT ?",
      [.text(session), .integer(read ? 0 : 1), .integer(Int64(limit))]
    ) { row in notices.append(try Self.decode(row.text(0))) }
    return notices.reversed()
  }

  // MARK: inputs

  package func add(_ input: Input) throws -> Input {
    var input = input
    try main.transaction {
      try main.run(
        "INSERT INTO inputs (session, finished, body) VALUES (?, ?, '')",
        [.text(input.session), .integer(input.finished ? 1 : 0)])
      input.row = main.lastRow
      try save(input)
    }
    return input
  }

  package func save(_ input: Input) throws {
    try main.run(
      "UPDATE inputs SET finished = ?, body = ? WHERE row = ?",
      [.integer(input.finished ? 1 : 0), .text(try JSONText.string(input)), .integer(input.row)])
  }

  package func loadInputs(of session: String, finished: Bool) throws -> [Input] {
    var inputs: [Input] = []
    try main.run(
      "SELECT body FROM inputs WHERE session = ? AND finished <= ? ORDER BY row",
      [.text(session), .integer(finished ? 1 : 0)]
    ) { row in inputs.append(try Self.decode(row.text(0))) }
    return inputs
  }

  // MARK: events

  package func append(_ events: [Event], cursor: RunCursor?, session: String, run: Int) throws -> [Event] {
    let first = events.isEmpty ? 0 : try feed.reserve(events.count)
    let (numbered, next) = try stream.transaction {
      var next = try nextEvent[session] ?? loadNextEvent(session)
      var numbered: [Event] = []
      for var event in events {
        event.n = next
        next += 1
        try stream.run(
          "INSERT INTO events (session, n, at, run, kind, detail) VALUES (?, ?, ?, ?, ?, ?)",
          [
            .text(session), .integer(Int64(event.n)), .real(event.at), .integer(Int64(event.run)),
            .text(event.kind.rawValue), .text(try JSONText.string(event.detail)),
          ])
        try feed.add(event, number: first + Int64(numbered.count))
        numbered.append(event)
      }
      if let cursor {
        try stream.run(
          """
          INSERT INTO cursors (session, run, body) VALUES (?, ?, ?)
          ON CONFLICT(session, run) DO UPDATE SET body = excluded.body
          """, [.text(session), .integer(Int64(run)), .text(try JSONText.string(cursor))])
      }
      return (numbered, next)
    }
    nextEvent[session] = next
    if !numbered.isEmpty {
      feed.added(numbered.count)
      onAppended?()
    }
    return numbered
  }

  private func loadNextEvent(_ session: String) throws -> Int {
    var next = 0
    try stream.run("SELECT COALESCE(MAX(n) + 1, 0) FROM events WHERE session = ?", [.text(session)]) { row in
      next = Int(row.integer(0))
    }
    return next
  }

  package func loadEvents(of session: String, from n: Int, limit: Int) throws -> [Event] {
    var events: [Event] = []
    try stream.run(
      "SELECT n, at, run, kind, detail FROM events WHERE session = ? AND n >= ? ORDER BY n LIMIT ?",
      [.text(session), .integer(Int64(n)), .integer(Int64(limit))]
    ) { row in
      // A kind of a later version is not ours to show.
      guard let kind = Event.Kind(rawValue: row.text(3)) else { return }
      events.append(
        Event(
          n: Int(row.integer(0)), at: row.real(1), session: session, run: Int(row.integer(2)), kind: kind,
          detail: try Self.decode(row.text(4))))
    }
    return events
  }

  package func loadFeed(after number: Int64, limit: Int) throws -> [NumberedEvent] {
    try feed.load(after: number, limit: limit)
  }

  package var lastInFeed: Int64 { feed.last }

  package func loadCursor(session: String, run: Int) throws -> RunCursor? {
    var cursor: RunCursor?
    try stream.run(
      "SELECT body FROM cursors WHERE session = ? AND run = ?", [.text(session), .integer(Int64(run))]
    ) { row in cursor = try Self.decode(row.text(0)) }
    return cursor
  }

  // MARK: facts

  package func loadValue(_ key: String) throws -> String? {
    var value: String?
    try main.run("SELECT value FROM facts WHERE key = ?", [.text(key)]) { value = $0.text(0) }
    return value
  }

  package func saveValue(_ key: String, _ value: String) throws {
    try main.run(
      "INSERT INTO facts (key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
      [.text(key), .text(value)])
  }

  package func removeValue(_ key: String) throws {
    try main.run("DELETE FROM facts WHERE key = ?", [.text(key)])
  }

  package func loadValues(prefix: String) throws -> [String: String] {
    var values: [String: String] = [:]
    try main.run(
      "SELECT key, value FROM facts WHERE key >= ? AND key < ?", [.text(prefix), .text(prefix + "\u{10FFFF}")]
    ) { row in values[row.text(0)] = row.text(1) }
    return values
  }

  static func decode<T: Decodable>(_ text: String) throws -> T {
    do { return try JSONText.decode(T.self, from: Array(text.utf8)) } catch {
      throw Failure(
        .storeFailed, "a record in the store cannot be read: \(error)",
        hint: "it was left as it is; `apus doctor` says more")
    }
  }
}
