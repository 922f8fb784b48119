extension SessionsFile {
  /// A lock as it truly is, to be written down.
  package struct HeldLock: Equatable, Sendable {
    package var name: String
    package var hold: Hold

    package init(_ name: String, _ hold: Hold) { (self.name, self.hold) = (name, hold) }
  }

  /// What we write: these locks and rows and no others, in all else `previous` (nil: the template).
  ///
  /// Rows stay in their order and new ones come last; cells of foreign columns stay with their row. A new lock's
  /// section comes behind the last lock's; that of a free one goes when nobody wrote anything else in it. A note becomes
  /// one line. What could not be read again is left out: an id that is no word, a lock named like another's title.
  package static func build(previous: SessionsFile?, locks: [HeldLock], rows: [Row]) -> SessionsFile {
    var file = previous ?? .template
    let held = Dictionary(locks.compactMap(\.written).map { ($0.name, $0.hold) }, uniquingKeysWith: { $1 })
    file.sections = file.sections.compactMap { $0.keeping(held) }
    let missing = held.keys.filter { name in !file.locks.contains { $0.name == name } }.sorted()
    let last = file.sections.lastIndex { if case .lock = $0 { true } else { false } }
    let further = missing.map { Section.lock(Lock($0, held[$0])) }
    file.sections.insert(contentsOf: further, at: last.map { $0 + 1 } ?? file.sections.endIndex)
    file.sections = file.sections.map { section in
      switch section {
      case .sessions(let table): .sessions(table.holding(rows))
      case .lock, .text: section
      }
    }
    return file
  }
}

extension SessionsFile.HeldLock {
  fileprivate var written: Self? {
    guard SessionsFile.Lock.isWritable(name), let id = SessionsFile.Words.word(hold.claimedBy) else { return nil }
    let note = hold.note.map(WorkLog.oneLine).flatMap { SessionsFile.Words.isNone(Array($0.utf8)[...]) ? nil : $0 }
    let times = [hold.since, hold.lastUpdated].map { $0.map(SessionsFile.Words.clamped) }
    return Self(name, SessionsFile.Hold(id, note: note, since: times[0], lastUpdated: times[1]))
  }
}

extension SessionsFile.Section {
  fileprivate func keeping(_ held: [String: SessionsFile.Hold]) -> Self? {
    guard case .lock(var lock) = self else { return self }
    var hold = held[lock.name]
    // What a person wrote behind a holder's id stands as long as that one holds it.
    if let old = lock.hold, let id = hold?.holder, old.holder == id { hold?.claimedBy = old.claimedBy }
    lock.hold = hold
    let isOurs = lock.name != "deploy" && lock.name != "docker" && !lock.items.contains(where: \.isText)
    return hold == nil && isOurs ? nil : .lock(lock)
  }
}

extension SessionsFile.Lock.Item {
  fileprivate var isText: Bool {
    switch self {
    case .field: false
    case .text: true
    }
  }
}

extension SessionsFile.Table {
  fileprivate func holding(_ rows: [SessionsFile.Row]) -> Self {
    var new: [String: SessionsFile.Row] = [:]
    var order: [String] = []
    for var row in rows where SessionsFile.Words.word(row.id) == row.id {
      if new[row.id] == nil { order.append(row.id) }
      row.started = row.started.map(SessionsFile.Words.clamped)
      row.lastActive = row.lastActive.map(SessionsFile.Words.clamped)
      row.editing = row.editing.filter { !$0.isEmpty }
      row.others = []
      new[row.id] = row
    }
    var table = self
    table.items = items.compactMap { item in
      guard case .row(let old) = item else { return item }
      guard var row = new.removeValue(forKey: old.id) else { return nil }
      row.others = old.others
      return .row(row)
    }
    let last = table.items.lastIndex { if case .text = $0 { false } else { true } }
    table.items.insert(
      contentsOf: order.compactMap { new[$0].map { .row($0) } }, at: last.map { $0 + 1 } ?? table.items.endIndex)
    return table
  }
}
