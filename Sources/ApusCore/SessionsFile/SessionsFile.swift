/// `.claude/sessions.md` as a value: locks and active sessions, and around them every line that somebody else wrote.
///
/// Sessions that know nothing of us edit this file by hand. What we know is written in one form only, that of a fresh
/// file; what we do not know (paragraphs, sections, bullets, columns) stays in its place, byte for byte. Two things are
/// no content and do become ours: line ends, and blank lines beside what we know.
package struct SessionsFile: Equatable, Sendable {
  /// What stands above the first section.
  package var preamble: [String]
  package var sections: [Section]

  package enum Section: Equatable, Sendable {
    case lock(Lock)
    case sessions(Table)
    /// With its heading: a section of somebody else.
    case text([String])
  }

  /// A lock's section. `hold` is nil where its status is NONE, whatever else the section then says.
  package struct Lock: Equatable, Sendable {
    package enum Item: Equatable, Sendable { case field(Field), text(String) }
    package enum Field: CaseIterable, Sendable { case status, claimedBy, note, since, lastUpdated }

    package var name: String
    package var hold: Hold?
    package var items: [Item]

    package init(_ name: String, _ hold: Hold? = nil, items: [Item] = Field.allCases.map { .field($0) }) {
      (self.name, self.hold, self.items) = (name, hold, items)
    }
  }

  /// What IN_PROGRESS says. Moments are whole seconds; one that was left out is nil.
  package struct Hold: Equatable, Sendable {
    /// Begins with the holder's id; a person may have written more behind it.
    package var claimedBy: String
    package var note: String?
    package var since: Moment?
    package var lastUpdated: Moment?

    package init(_ claimedBy: String, note: String? = nil, since: Moment? = nil, lastUpdated: Moment? = nil) {
      (self.claimedBy, self.note, self.since, self.lastUpdated) = (claimedBy, note, since, lastUpdated)
    }

    package var holder: String { Words.word(claimedBy) ?? claimedBy }
  }

  /// The section of active sessions: `head` is the table's first two lines.
  package struct Table: Equatable, Sendable {
    package enum Item: Equatable, Sendable { case head, row(Row), text(String) }

    package var columns: [Column]
    package var items: [Item]

    package init(columns: [Column] = Row.Cell.allCases.map { .known($0) }, items: [Item] = [.head]) {
      (self.columns, self.items) = (columns, items)
    }
  }

  package enum Column: Equatable, Sendable {
    case known(Row.Cell)
    case foreign(name: String, rule: String)
  }

  package struct Row: Equatable, Sendable {
    package enum Cell: CaseIterable, Sendable { case id, started, lastActive, editing }

    package var id: String
    package var started: Moment?
    package var lastActive: Moment?
    /// Paths as they are; in the file, what would end a path, a cell or a line is percent-encoded (`Words.path`).
    package var editing: [String]
    /// The cells of foreign columns, from the left, then what stands behind the last column.
    package var others: [String]

    package init(
      _ id: String, started: Moment? = nil, lastActive: Moment? = nil, editing: [String] = [], others: [String] = []
    ) {
      (self.id, self.started, self.lastActive) = (id, started, lastActive)
      (self.editing, self.others) = (editing, others)
    }
  }

  package init(preamble: [String], sections: [Section]) { (self.preamble, self.sections) = (preamble, sections) }

  /// A fresh file: the sessions' own template, byte for byte.
  package static let template = SessionsFile(
    preamble: [
      "# Claude Session Coordination", "",
      "> This file is used by concurrent Claude Code sessions to avoid conflicts.",
      "> It is gitignored and lives only on the dev server.",
      "> DO NOT commit this file. See docs/claude/concurrent-sessions.md for the full protocol.",
    ],
    sections: [.lock(Lock("deploy")), .lock(Lock("docker")), .sessions(Table())])

  package var locks: [Lock] {
    sections.compactMap { section -> Lock? in
      switch section {
      case .lock(let lock): lock
      case .sessions, .text: nil
      }
    }
  }

  package var rows: [Row] {
    sections.flatMap { section -> [Row] in
      switch section {
      case .sessions(let table): table.rows
      case .lock, .text: []
      }
    }
  }

  /// Nil for a lock that is free, and for one that has no section.
  package func hold(of lock: String) -> Hold? { locks.first { $0.name == lock }?.hold }
  package func row(_ id: String) -> Row? { rows.first { $0.id == id } }
}

extension SessionsFile.Table {
  package var rows: [SessionsFile.Row] {
    items.compactMap { item -> SessionsFile.Row? in
      switch item {
      case .row(let row): row
      case .head, .text: nil
      }
    }
  }
}

extension SessionsFile.Lock {
  /// The section's heading: two locks have names of their own in the file.
  package static func title(of name: String) -> String {
    switch name {
    case "deploy": "Vercel Deployment Lock"
    case "docker": "Docker Rebuild Lock"
    default: name + " Lock"
    }
  }

  /// The lock whose section has this heading; nil for a heading that ends in another word.
  package static func name(of title: String) -> String? {
    let words = title.lowercased()
    if let known = ["deploy", "docker"].first(where: { Self.title(of: $0).lowercased() == words }) { return known }
    guard words.hasSuffix(" lock"), title.utf8.count > 5 else { return nil }
    return String(title.dropLast(5))
  }

  /// Whether a section can carry this name, so that reading it gives the name again.
  package static func isWritable(_ name: String) -> Bool {
    let title = title(of: name)
    return WorkLog.oneLine(title) == title && !name.hasPrefix("#") && self.name(of: title) == name
  }

  package func label(of field: Field) -> String {
    switch field {
    case .status: "Status"
    case .claimedBy: "Claimed by"
    case .note: name == "deploy" ? "Error" : name == "docker" ? "Services" : "Note"
    case .since: "Since"
    case .lastUpdated: "Last updated"
    }
  }
}
