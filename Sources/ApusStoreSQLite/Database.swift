import ApusCore
import CSQLite

/// One connection to one file, used by one thread. Statements are prepared once and kept.
final class Database {
  private var handle: OpaquePointer?
  private var statements: [String: OpaquePointer] = [:]
  private var depth = 0
  let path: String

  /// `durable`: a commit is on disk when it returns (`synchronous=FULL`); otherwise the last milliseconds may be lost
  /// to a power cut, never to a crash, and nobody else can open the file meanwhile: the locks of thousands of commits
  /// a second need not be taken anew for each.
  init(path: String, durable: Bool) throws {
    self.path = path
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    guard sqlite3_open_v2(path, &handle, flags, nil) == SQLITE_OK else {
      let failure = failure("open")
      sqlite3_close(handle)
      handle = nil
      throw failure
    }
    sqlite3_busy_timeout(handle, 5000)
    if !durable { try execute("PRAGMA locking_mode=EXCLUSIVE") }
    try execute("PRAGMA journal_mode=WAL")
    try execute("PRAGMA synchronous=\(durable ? "FULL" : "NORMAL")")
    try execute("PRAGMA foreign_keys=ON")
    // A megabyte, not four: what waits to be checkpointed takes room that a small disk may not have. Each checkpoint
    // waits for the disk, so what is written thousands of times a second has a little more.
    try execute("PRAGMA wal_autocheckpoint=\(durable ? 256 : 1024)")
  }

  /// Finalizes, checkpoints and closes; the object is of no more use.
  func close() {
    for statement in statements.values { sqlite3_finalize(statement) }
    statements = [:]
    sqlite3_close(handle)
    handle = nil
  }

  func execute(_ sql: String) throws {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure(sql) }
  }

  enum Value {
    case integer(Int64)
    case text(String)
    case real(Double)
    case null

    init(_ text: String?) { self = text.map(Value.text) ?? .null }
    init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
  }

  /// Runs one statement; `read` is called for each row.
  func run(_ sql: String, _ values: [Value] = [], read: (Row) throws -> Void = { _ in }) throws {
    let statement = try prepare(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() {
      let at = Int32(index + 1)
      switch value {
      case .integer(let number): sqlite3_bind_int64(statement, at, number)
      case .real(let number): sqlite3_bind_double(statement, at, number)
      case .null: sqlite3_bind_null(statement, at)
      case .text(let text):
        var text = text
        _ = text.withUTF8 { bytes in
          bytes.withMemoryRebound(to: CChar.self) {
            apus_sqlite3_bind_text(statement, at, $0.baseAddress ?? UnsafePointer(bitPattern: 1), Int32($0.count))
          }
        }
      }
    }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: try read(Row(statement: statement))
      case SQLITE_DONE: return
      default: throw failure(sql)
      }
    }
  }

  var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

  struct Row {
    let statement: OpaquePointer?

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }
    func real(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
    func text(_ column: Int32) -> String {
      guard let bytes = sqlite3_column_text(statement, column) else { return "" }
      return String(
        decoding: UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))), as: UTF8.self)
    }
  }

  /// All or nothing; may be nested (the outermost commits).
  func transaction<T>(_ body: () throws -> T) throws -> T {
    if depth > 0 { return try body() }
    try execute("BEGIN IMMEDIATE")
    depth = 1
    defer { depth = 0 }
    do {
      let result = try body()
      try execute("COMMIT")
      return result
    } catch {
      // A failed commit (a full disk) may have rolled back by itself already.
      sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
      throw error
    }
  }

  private func prepare(_ sql: String) throws -> OpaquePointer? {
    if let known = statements[sql] { return known }
    var statement: OpaquePointer?
    guard sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK else {
      throw failure(sql)
    }
    statements[sql] = statement
    return statement
  }

  private func failure(_ what: String) -> Failure {
    let code = sqlite3_extended_errcode(handle)
    let text = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "cannot be opened"
    switch code & 0xff {
    case SQLITE_FULL:
      return Failure(
        .diskFull, "the disk that holds \(path) is full; nothing was changed",
        hint: "make room (`apus doctor` shows how much there is), then do it again")
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      return Failure(
        .storeFailed, "\(path) is damaged: \(text)",
        hint: "nothing was touched; move the file away to begin anew, or restore a backup")
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY:
      return Failure(.storeFailed, "\(path): \(text)", hint: "check its owner and permissions; `apus doctor` says more")
    default:
      return Failure(.storeFailed, "\(path): \(text) (\(code), \(what.prefix(60)))", hint: "`apus doctor` says more")
    }
  }
}
