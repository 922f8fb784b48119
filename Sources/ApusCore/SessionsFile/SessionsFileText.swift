extension SessionsFile {
  /// Why a text is no such file. Nothing of it is to be believed then; its lines count from 1.
  package struct Fault: Error, Equatable, Sendable {
    package var line: Int
    package var problem: Problem

    package init(line: Int, problem: Problem) { (self.line, self.problem) = (line, problem) }
  }

  package enum Problem: Equatable, Sendable {
    case tooLarge, notText, conflictMarker
    case sectionMissing(String), sectionTwice(String)
    case fieldMissing(String), fieldTwice(String), statusUnknown(String), holderMissing, idUnreadable(String)
    case timeUnreadable(String)
    case tableMissing, ruleMissing, columnMissing(String), columnTwice(String), rowTooShort, rowTwice(String)
  }

  /// Larger texts are refused unread.
  package static let mostBytes = 1 << 20

  /// Reads what we and people write: tables padded or not, CRLF, blanks and blank lines, any case of letters, times
  /// with fractions or another zone. What stands in code blocks and comments is somebody's text. A lock that is free
  /// says nothing more; a row whose id is a dash is none.
  package static func parse(_ bytes: [UInt8]) throws(Fault) -> SessionsFile {
    try SessionsFileReader.read(bytes)
  }

  package static func parse(_ text: String) throws(Fault) -> SessionsFile { try parse(Array(text.utf8)) }

  /// The file, in the form of the template; it parses as this very value, if `parse` or `build` made that.
  package func render() -> String {
    let blocks = (preamble.isEmpty ? [] : [preamble]) + sections.map(\.lines)
    return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
  }
}

extension SessionsFile.Fault: CustomStringConvertible {
  package var description: String {
    let words =
      switch problem {
      case .tooLarge: "the file is larger than 1 MiB"
      case .notText: "this is not text"
      case .conflictMarker: "a merge conflict is not resolved"
      case .sectionMissing(let title): "there is no section \"\(title)\""
      case .sectionTwice(let title): "the section \"\(title)\" stands here once more"
      case .fieldMissing(let label): "the lock has no line \"\(label)\""
      case .fieldTwice(let label): "the lock has the line \"\(label)\" twice"
      case .statusUnknown(let text): "the status is NONE or IN_PROGRESS, not \"\(text)\""
      case .holderMissing: "the lock is IN_PROGRESS, and nobody has claimed it"
      case .idUnreadable(let text): "\"\(text)\" is no session's id"
      case .timeUnreadable(let text): "\"\(text)\" is no time like 2026-02-20T10:00:00Z"
      case .tableMissing: "the section has no table of sessions"
      case .ruleMissing: "the table's head has no line of dashes below it"
      case .columnMissing(let name): "the table has no column \"\(name)\""
      case .columnTwice(let name): "the table has two columns \"\(name)\""
      case .rowTooShort: "the row has fewer cells than the table has columns"
      case .rowTwice(let id): "the session \(id) has two rows"
      }
    return "line \(line): \(words)"
  }
}

extension SessionsFile.Section {
  var lines: [String] {
    switch self {
    case .text(let lines): lines
    case .lock(let lock): ["## " + SessionsFile.Lock.title(of: lock.name), ""] + lock.items.map(lock.line)
    case .sessions(let table): ["## " + SessionsFile.Table.title, ""] + table.items.flatMap(table.lines)
    }
  }
}

extension SessionsFile.Lock {
  fileprivate func line(_ item: Item) -> String {
    switch item {
    case .text(let text): text
    case .field(let field): "- **\(label(of: field)):** \(value(of: field))"
    }
  }

  private func value(of field: Field) -> String {
    switch field {
    case .status: hold == nil ? "NONE" : "IN_PROGRESS"
    case .claimedBy: hold?.claimedBy ?? "-"
    case .note: hold?.note ?? "-"
    case .since: hold?.since.map(SessionsFile.Words.time) ?? "-"
    case .lastUpdated: hold?.lastUpdated.map(SessionsFile.Words.time) ?? "-"
    }
  }
}

extension SessionsFile.Table {
  static let title = "Active Sessions"

  fileprivate func lines(_ item: Item) -> [String] {
    switch item {
    case .text(let text): [text]
    case .head: [line(columns.map(\.name)), line(columns.map(\.rule))]
    case .row(let row): [line(cells(of: row))]
    }
  }

  private func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

  private func cells(of row: SessionsFile.Row) -> [String] {
    var others = row.others[...]
    let cells = columns.map { column in
      switch column {
      case .known(.id): row.id
      case .known(.started): row.started.map(SessionsFile.Words.time) ?? "-"
      case .known(.lastActive): row.lastActive.map(SessionsFile.Words.time) ?? "-"
      case .known(.editing):
        row.editing.isEmpty ? "-" : row.editing.map(SessionsFile.Words.path).joined(separator: ", ")
      case .foreign: others.popFirst() ?? ""
      }
    }
    return cells + others
  }
}

extension SessionsFile.Column {
  var name: String {
    switch self {
    case .known(let cell): cell.name
    case .foreign(let name, _): name
    }
  }

  /// As many dashes as the name has letters; the alignment of a foreign column is kept.
  fileprivate var rule: String {
    switch self {
    case .known(let cell): String(repeating: "-", count: cell.name.utf8.count)
    case .foreign(_, let rule): rule
    }
  }
}

extension SessionsFile.Row.Cell {
  var name: String {
    switch self {
    case .id: "Session ID"
    case .started: "Started"
    case .lastActive: "Last Active"
    case .editing: "Currently Editing"
    }
  }
}
