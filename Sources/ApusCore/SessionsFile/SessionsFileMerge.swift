/// What a foreign edit of the file means: an event per thing that somebody did, for the truth to take in.
package enum ForeignChange: Equatable, Sendable {
  case registered(id: String, started: Moment, lastActive: Moment)
  case touched(id: String, lastActive: Moment)
  case editing(id: String, paths: [String])
  case lockTaken(lock: String, by: String, note: String?, since: Moment, lastUpdated: Moment)
  case lockRenewed(lock: String, by: String, lastUpdated: Moment, note: String?)
  case lockReleased(lock: String)
  case left(id: String)

  /// A lock of a live session of ours stands otherwise in the file; `who` claimed it, nil when it was released.
  case putBack(lock: String, who: String?)
  /// A claim that the protocol does not allow: the holder lives, for all one knows.
  case refused(lock: String, by: String, heldBy: String)
  /// A live session's row of ours is missing in the file or says something else.
  case rowPutBack(id: String)
}

/// Tells what a foreign edit means, by comparing what stands in the file with what we wrote.
///
/// A writer cannot be known, nor what it read: it may have read an older version and put a whole file in the place of
/// ours. So we ask which of our last versions explains the edit: *the newest one from which the edit is the doing of at
/// most one session* is taken for what was read. One session's doing is its own row, and claims, renewals and releases
/// of its own; to set aside rows that are 30 minutes old and to release locks that are stale is anybody's. What we
/// wrote since then stays: of the edit, only what differs from the version that was read is taken.
///
/// Where no version explains it (two edits in one look, or a version we no longer know), nobody's rows or locks are
/// lost by it: what was put in or goes forward in time is taken; a row or a claim that is missing is taken as removed
/// only if anybody may remove it, or if we know of earlier versions and all of them have it (the row unchanged, the lock
/// with that holder), so that there is none from which it could be missing. A row or claim that is in an earlier
/// version, just so, is a copy of that.
///
/// Live sessions of ours are never changed by the file: their rows and locks are put back. Moments are what the file
/// says, and never later than now. Lines of somebody else have no versions: they are as the last writer left them.
package struct SessionsFileMerge: Sendable {
  /// What is true now of sessions of ours. `freed` are locks that came free since we wrote, whoever had them then.
  package struct Ours: Equatable, Sendable {
    package var sessions: Set<String>
    /// Locks that live sessions of ours hold, and which session it is.
    package var locks: [String: String]
    package var freed: Set<String>

    package init(sessions: Set<String> = [], locks: [String: String] = [:], freed: Set<String> = []) {
      (self.sessions, self.locks, self.freed) = (sessions, locks, freed)
    }
  }

  /// A version, to be looked up in.
  private struct Version {
    var rows: [String: SessionsFile.Row]
    var holds: [String: SessionsFile.Hold]

    init(_ file: SessionsFile) {
      rows = Dictionary(file.rows.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
      holds = Dictionary(file.locks.compactMap { lock in lock.hold.map { (lock.name, $0) } }, uniquingKeysWith: { $1 })
    }
  }

  /// A lock without a sign of life for so long may be taken by anybody.
  package static let staleAfter = 300.0
  /// A row without one may be set aside by anybody.
  package static let inactiveAfter = 1800.0

  private let last: SessionsFile
  private let base: Version
  private let earlier: [Version]
  private let ours: Ours
  private let now: Moment

  /// `base` is what we wrote last; `earlier` what we wrote before that, oldest first, as much as a writer may have read.
  package init(base: SessionsFile, earlier: [SessionsFile] = [], ours: Ours, now: Moment) {
    (last, self.base, self.earlier) = (base, Version(base), earlier.map(Version.init))
    (self.ours, self.now) = (ours, now)
  }

  /// In the order in which they are to be taken in: sessions come, locks change, sessions go. Then the file is built
  /// anew, and written when it says anything else than `theirs`.
  package func changes(in theirs: SessionsFile) -> [ForeignChange] {
    let file = Version(theirs)
    let read = ([base] + earlier.reversed()).first { isExplained(file, from: $0) }
    var rows = theirs.rows.filter { !ours.sessions.contains($0.id) }.flatMap { taken($0, read) }
    var left: [ForeignChange] = []
    for row in last.rows {
      let new = file.rows[row.id]
      if ours.sessions.contains(row.id) {
        if new.map({ !row.says($0) }) ?? true { rows.append(.rowPutBack(id: row.id)) }
      } else if new == nil, isRemoved(row, read) {
        left.append(.left(id: row.id))
      }
    }
    let names = theirs.locks.map(\.name)
    let gone = Set(last.locks.map(\.name)).subtracting(names).sorted()
    return rows + (names + gone).flatMap { changed($0, file.holds[$0], read) } + left
  }

  /// Whether the protocol lets anybody set this row aside; live sessions of ours never age.
  package func isInactive(_ row: SessionsFile.Row) -> Bool {
    !ours.sessions.contains(row.id) && (row.lastActive ?? row.started).map { now - $0 >= Self.inactiveAfter } ?? true
  }

  /// Whether it lets anybody take this lock. Those of live sessions of ours are not asked about.
  package func isStale(_ hold: SessionsFile.Hold) -> Bool {
    (hold.lastUpdated ?? hold.since).map { now - $0 >= Self.staleAfter } ?? true
  }

  /// Whether one session, at most, made `file` of `read`.
  private func isExplained(_ file: Version, from read: Version) -> Bool {
    var authors: Set<String> = []
    for (id, new) in file.rows {
      let old = read.rows[id]
      if old?.says(new) ?? false { continue }
      // Back in time goes a copy, not a session.
      if let old, new.lastActive ?? now < old.lastActive ?? 0, isCopy(new) { return false }
      authors.insert(id)
    }
    for (id, old) in read.rows where file.rows[id] == nil && !isInactive(old) { authors.insert(id) }
    for (name, new) in file.holds where read.holds[name] != new { authors.insert(new.holder) }
    for (name, old) in read.holds where file.holds[name] == nil && !isStale(old) { authors.insert(old.holder) }
    return authors.count <= 1 && authors.isDisjoint(with: ours.sessions)
  }

  private func isCopy(_ row: SessionsFile.Row) -> Bool { earlier.contains { $0.rows[row.id]?.says(row) ?? false } }

  // MARK: rows

  private func taken(_ row: SessionsFile.Row, _ read: Version?) -> [ForeignChange] {
    if (read ?? base).rows[row.id]?.says(row) ?? false { return [] }
    if read == nil, isCopy(row) { return [] }
    let editing = ForeignChange.editing(id: row.id, paths: row.editing)
    let active = min(row.lastActive ?? row.started ?? now, now)
    guard let old = base.rows[row.id] else {
      let first = ForeignChange.registered(id: row.id, started: min(row.started ?? active, now), lastActive: active)
      return row.editing.isEmpty ? [first] : [first, editing]
    }
    let last = old.lastActive ?? old.started ?? 0
    // An older row whose writer is not known may be a copy of what we no longer know.
    if active < last, read == nil, earlier.isEmpty { return [] }
    let isTouched = row.lastActive != nil && active > last
    let touched = ForeignChange.touched(id: row.id, lastActive: active)
    return (isTouched ? [touched] : []) + (row.editing == old.editing ? [] : [editing])
  }

  /// `row` is in what we wrote last, and no longer in the file.
  private func isRemoved(_ row: SessionsFile.Row, _ read: Version?) -> Bool {
    if isInactive(row) { return true }
    // What was added or refreshed since the writer read is none of its doing.
    if let read { return read.rows[row.id]?.says(row) ?? false }
    return !earlier.isEmpty && earlier.allSatisfy { $0.rows[row.id]?.says(row) ?? false }
  }

  // MARK: locks

  private func changed(_ name: String, _ new: SessionsFile.Hold?, _ read: Version?) -> [ForeignChange] {
    let old = ours.freed.contains(name) ? nil : base.holds[name]
    let isCopied = new == (read ?? base).holds[name] || read == nil && earlier.contains { $0.holds[name] == new }
    if let mine = ours.locks[name] {
      // Where we have not yet written that it is ours, nobody took it from us.
      if new?.holder == mine || old?.holder != mine && new == base.holds[name] { return [] }
      guard !isCopied, let by = new?.holder else { return [.putBack(lock: name, who: nil)] }
      return old?.holder == mine ? [.putBack(lock: name, who: by)] : [.refused(lock: name, by: by, heldBy: mine)]
    }
    guard let new else {
      guard let old, !ours.sessions.contains(old.holder), isReleased(name, old, read) else { return [] }
      return [.lockReleased(lock: name)]
    }
    if isCopied { return [] }
    // Sessions of ours take locks from us, not by the file.
    if ours.sessions.contains(new.holder) { return [.putBack(lock: name, who: new.holder)] }
    let updated = min(new.lastUpdated ?? new.since ?? now, now)
    if let old, old.holder == new.holder {
      let last = old.lastUpdated ?? old.since ?? 0
      if updated < last || updated == last && new.note == old.note { return [] }
      return [.lockRenewed(lock: name, by: new.holder, lastUpdated: updated, note: new.note)]
    }
    // A session of ours that lives and is not said to hold it has released it since we wrote.
    if let old, !ours.sessions.contains(old.holder), !isStale(old) {
      return [.refused(lock: name, by: new.holder, heldBy: old.holder)]
    }
    let since = min(new.since ?? updated, now)
    return [.lockTaken(lock: name, by: new.holder, note: new.note, since: since, lastUpdated: updated)]
  }

  private func isReleased(_ name: String, _ old: SessionsFile.Hold, _ read: Version?) -> Bool {
    if isStale(old) { return true }
    if let read { return read.holds[name]?.holder == old.holder }
    return !earlier.isEmpty && earlier.allSatisfy { $0.holds[name]?.holder == old.holder }
  }
}

extension SessionsFile.Row {
  /// Whether another row says the same; foreign cells aside.
  fileprivate func says(_ other: Self) -> Bool {
    id == other.id && started == other.started && lastActive == other.lastActive && editing == other.editing
  }
}
