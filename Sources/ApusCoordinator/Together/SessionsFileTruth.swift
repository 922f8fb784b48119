import ApusCore
import ApusLink
import ApusWire

// What the file is to say: who is at work, what they edit, and who has which lock.

extension Coordinator {
  private static let mostPaths = 50

  /// Sessions of ours that work there.
  func ourSessions(_ file: KeptSessionsFile) -> [Session] {
    sessionsFiles.members.filter { $0.value == file.scope }.keys.sorted().compactMap { id in
      sessions[id].flatMap { $0.state.isLive ? $0 : nil }
    }
  }

  func ours(_ file: KeptSessionsFile) -> SessionsFileMerge.Ours {
    let held = holders(file).filter { SessionsFile.fileID($0.owner) == nil }
    let base = file.memory.base
    let now = Dictionary(holders(file).map { ($0.lock.key.name, SessionsFile.writable($0.owner)) }) { $1 }
    let freed = (base?.locks ?? []).filter { $0.hold != nil && now[$0.name] != $0.hold?.holder }.map(\.name)
    return SessionsFileMerge.Ours(
      sessions: Set(ourSessions(file).map(\.id)),
      locks: Dictionary(held.map { ($0.lock.key.name, SessionsFile.writable($0.owner)) }, uniquingKeysWith: { $1 }),
      freed: file.freed.union(freed))
  }

  private func holders(_ file: KeptSessionsFile) -> [(lock: NamedLock, owner: LockOwner)] {
    locks.book.locks.values.filter { $0.key.scope == file.scope }.sorted { $0.key < $1.key }
      .compactMap { lock in lock.owner.map { (lock, $0) } }
  }

  func truth(_ file: KeptSessionsFile, previous: SessionsFile?) -> SessionsFile {
    let base = file.memory.base
    let locks = holders(file).map { lock, owner in
      let id = SessionsFile.writable(owner)
      if SessionsFile.fileID(owner) != nil, let hold = file.memory.holds[lock.key.name], hold.holder == id {
        return SessionsFile.HeldLock(lock.key.name, hold)
      }
      let shown = base?.hold(of: lock.key.name)
      let isSame = shown?.holder == id && shown?.since == lock.since.rounded(.down)
      let updated = SessionsFileMemory.lastUpdated(
        shown: isSame ? shown?.lastUpdated : nil, proven: max(lock.provenAt, lock.since))
      return SessionsFile.HeldLock(
        lock.key.name, SessionsFile.Hold(id, note: lock.note, since: lock.since, lastUpdated: updated))
    }
    let sessions = ourSessions(file)
    let claimed = Dictionary(grouping: claims.book(file.scope).claims, by: \.session)
    let rows = sessions.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.map { session in
      var paths: [String] = []
      for claim in claimed[session.id] ?? [] where !paths.contains(claim.path) && paths.count < Self.mostPaths {
        paths.append(claim.path)
      }
      return SessionsFile.Row(
        session.id, started: session.createdAt, lastActive: session.lastActive, editing: paths)
    }
    let ours = Set(sessions.map(\.id))
    return SessionsFile.build(
      previous: previous, locks: locks, rows: rows + file.memory.rows.filter { !ours.contains($0.id) })
  }

  /// For `apus doctor`: what somebody wrote that could not be read.
  func examineSessionsFiles() -> [Finding] {
    sessionsFiles.files.values.sorted { $0.scope < $1.scope }.flatMap { file -> [Finding] in
      guard let checkout = file.checkout else { return [] }
      let names = SessionsFilePlace.rejected(checkout)
      guard let last = names.last else { return [] }
      let count = names.count == 1 ? "an edit" : "\(names.count) edits"
      return [
        Finding(
          .note, "\(count) of \(file.path) could not be read and \(names.count == 1 ? "is" : "are") kept beside it",
          mend: "read \(checkout)/.claude/\(last), then remove it")
      ]
    }
  }
}
