/// What has to be remembered of one file between two looks at it, so that a look tells who changed what, also after the
/// daemon was killed in between.
package struct SessionsFileMemory: Equatable, Sendable {
  package struct Version: Codable, Equatable, Sendable {
    package var at: Moment
    package var text: String

    package init(at: Moment, text: String) { (self.at, self.text) = (at, text) }
  }

  /// What we wrote, the oldest first; the last is what stands in the file unless somebody else wrote since.
  package private(set) var versions: [Version]
  /// Sessions that only the file knows.
  package private(set) var rows: [SessionsFile.Row]
  /// Locks that such sessions hold, as the file says it.
  package var holds: [String: SessionsFile.Hold]

  /// A writer that read a version is done with it after so long.
  package static let rememberedFor = SessionsFileMerge.inactiveAfter
  static let mostVersions = 128
  /// How old `Last updated` becomes at most while the holder shows that it lives: less than what is promised, a minute.
  static let refreshedAfter = 25.0

  package init(versions: [Version] = [], rows: [SessionsFile.Row] = [], holds: [String: SessionsFile.Hold] = [:]) {
    (self.versions, self.rows, self.holds) = (versions, rows, holds)
  }

  package var base: SessionsFile? { versions.last.flatMap { try? SessionsFile.parse($0.text) } }
  package var earlier: [SessionsFile] { versions.dropLast().compactMap { try? SessionsFile.parse($0.text) } }

  /// This stands in the file now. Of the versions before, the newest stay, and of older ones ever fewer; the very oldest
  /// stays until its time is over, for what it lacks, some writer's copy may lack.
  package mutating func wrote(_ text: String, now: Moment) {
    let last = versions.last
    guard last?.text != text else { return }
    versions.removeAll { now - $0.at > Self.rememberedFor && $0 != last }
    // In the order in which they were written, whatever the clock does.
    versions.append(Version(at: max(now, (last?.at ?? 0) + 0.001), text: text))
    guard versions.count > Self.mostVersions else { return }
    let newest = versions.count - Self.mostVersions / 2
    versions = versions.enumerated().filter { $0.offset >= newest || $0.offset.isMultiple(of: 2) }.map(\.element)
  }

  /// The daemon ended between keeping what it was about to write and writing it: the file is as it was before.
  package mutating func neverWrote() { if versions.count > 1 { versions.removeLast() } }

  /// Takes in what an edit says of a session; of locks the book decides.
  package mutating func take(_ change: ForeignChange) {
    switch change {
    case .registered(let id, let started, let active):
      rows.removeAll { $0.id == id }
      rows.append(SessionsFile.Row(id, started: started, lastActive: active))
    case .touched(let id, let active): of(id) { $0.lastActive = active }
    case .editing(let id, let paths): of(id) { $0.editing = paths }
    case .left(let id): rows.removeAll { $0.id == id }
    case .lockRenewed(let lock, let by, let updated, let note):
      guard let hold = holds[lock], hold.holder == by else { return }
      holds[lock] = SessionsFile.Hold(hold.claimedBy, note: note, since: hold.since, lastUpdated: updated)
    case .lockReleased(let lock): holds[lock] = nil
    case .lockTaken, .putBack, .refused, .rowPutBack: break
    }
  }

  private mutating func of(_ id: String, _ body: (inout SessionsFile.Row) -> Void) {
    if let at = rows.firstIndex(where: { $0.id == id }) { body(&rows[at]) }
  }

  /// Sets aside who was not active for so long, and who is now a session of ours; their ids.
  package mutating func setAside(now: Moment, ours: Set<String>) -> [String] {
    let gone = rows.filter { ours.contains($0.id) || Self.end(of: $0) <= now }.map(\.id)
    rows.removeAll { gone.contains($0.id) }
    return gone
  }

  /// When the next is to be set aside.
  package var nextEnd: Moment? { rows.map(Self.end).min() }

  private static func end(of row: SessionsFile.Row) -> Moment {
    (row.lastActive ?? row.started ?? 0) + SessionsFileMerge.inactiveAfter
  }

  /// What `Last updated` is to say of a lock of ours: `shown` stands in the file, `proven` is when its holder last
  /// showed that it lives. Not every sign of life is worth writing the file.
  package static func lastUpdated(shown: Moment?, proven: Moment) -> Moment {
    guard let shown, proven - shown < refreshedAfter, proven >= shown else { return proven }
    return shown
  }

  // MARK: keeping

  /// All but the versions, as a file of its own: the one form in which rows and holds are written down anyway.
  package var kept: String {
    let locks = holds.map { SessionsFile.HeldLock($0.key, $0.value) }
    return SessionsFile.build(previous: nil, locks: locks, rows: rows).render()
  }

  /// What was kept; of what cannot be read, nothing.
  package init(kept: String?, versions: [Version]) {
    let file = kept.flatMap { try? SessionsFile.parse($0) }
    let holds = (file?.locks ?? []).compactMap { lock in lock.hold.map { (lock.name, $0) } }
    self.init(
      versions: versions.sorted { $0.at < $1.at }, rows: file?.rows ?? [],
      holds: Dictionary(holds, uniquingKeysWith: { $1 }))
  }
}

extension SessionsFile {
  /// The id of whoever holds a lock, as the file can say it: a session's is its own.
  package static func writable(_ owner: LockOwner) -> String {
    if let id = fileID(owner) { return id }
    if Words.word(owner.id) == owner.id { return owner.id }
    let word = owner.id.utf8.prefix(48).map { byte in
      (48...57).contains(byte) || (97...122).contains(byte | 32) ? Character(UnicodeScalar(byte)) : "-"
    }
    return "x" + String(word)
  }

  /// Who holds locks by the file alone.
  package static func owner(_ id: String) -> LockOwner {
    LockOwner(id: "file:" + id, name: id + " (sessions.md)", isSession: false)
  }

  /// The id in the file of one who holds by it alone; nil of others.
  package static func fileID(_ owner: LockOwner) -> String? {
    owner.id.hasPrefix("file:") ? String(owner.id.dropFirst(5)) : nil
  }

  /// Whether a text that cannot be read means to be such a file at all: it has one of its headings.
  package static func isMeant(_ bytes: [UInt8]) -> Bool {
    let lines = bytes.prefix(mostBytes).split(separator: 10).map { Words.string(Words.trimmed($0)).lowercased() }
    let titles = [Table.title, Lock.title(of: "deploy"), Lock.title(of: "docker")].map { "## " + $0.lowercased() }
    return lines.contains { titles.contains($0) || $0 == "# claude session coordination" }
  }
}
