/// The tables, as numbered steps that are only ever appended to. `PRAGMA user_version` says how many were taken; a
/// file from a later version is used as it is (its extra tables and columns are left alone).
enum Schema {
  /// Promises: sessions, runs, leases, inputs; how far tokens go, claims, what sessions are to be told.
  static let main = [
    """
    CREATE TABLE sessions (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, conversation TEXT NOT NULL,
      body TEXT NOT NULL) STRICT;
    CREATE TABLE runs (session TEXT NOT NULL REFERENCES sessions(id), number INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (session, number)) STRICT;
    CREATE TABLE leases (name TEXT PRIMARY KEY, highest INTEGER NOT NULL, body TEXT) STRICT;
    CREATE TABLE inputs (row INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL REFERENCES sessions(id),
      finished INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX inputs_open ON inputs(session, finished);
    CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE tokens (scope TEXT NOT NULL, name TEXT NOT NULL, mark INTEGER NOT NULL,
      PRIMARY KEY (scope, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE claims (scope TEXT NOT NULL, session TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (scope, session, path)) STRICT, WITHOUT ROWID;
    CREATE TABLE notices (row INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL, open INTEGER NOT NULL,
      body TEXT NOT NULL) STRICT;
    CREATE INDEX notices_open ON notices(session, open);
    """,
  ]

  /// What can be read again from the recordings: events and how far they were read; and what no power cut leaves a holder
  /// of: grants and queues of locks.
  static let events = [
    """
    CREATE TABLE events (session TEXT NOT NULL, n INTEGER NOT NULL, at REAL NOT NULL, run INTEGER NOT NULL,
      kind TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (session, n)) STRICT, WITHOUT ROWID;
    CREATE TABLE cursors (session TEXT NOT NULL, run INTEGER NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (session, run)) STRICT;
    """,
    """
    CREATE TABLE locks (scope TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
      PRIMARY KEY (scope, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE tickets (id TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE stories (row INTEGER PRIMARY KEY, scope TEXT NOT NULL, name TEXT NOT NULL,
      until REAL NOT NULL, body TEXT NOT NULL) STRICT;
    """,
    """
    CREATE TABLE feed (number INTEGER PRIMARY KEY, session TEXT NOT NULL, n INTEGER NOT NULL) STRICT;
    """,
  ]

  static func bring(_ database: Database, to steps: [String]) throws {
    var taken = 0
    try database.run("PRAGMA user_version") { taken = Int($0.integer(0)) }
    for step in steps.dropFirst(taken) {
      try database.transaction {
        try database.execute(step)
        taken += 1
        try database.execute("PRAGMA user_version=\(taken)")
      }
    }
  }
}
