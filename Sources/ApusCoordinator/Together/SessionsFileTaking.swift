import ApusCore
import ApusLink
import ApusLoop

// What old-style sessions did in the file becomes so: their rows are kept, their locks are locks like any other, and
// what they edit is claimed. What they may not do is put back, and told.

extension Coordinator {
  func take(_ changes: [ForeignChange], _ file: KeptSessionsFile) {
    for change in changes {
      switch change {
      case .registered(let id, _, _): log.info("\(file.path): \(id) registered")
      case .left(let id): log.info("\(file.path): \(id) left")
      case .touched, .editing: break
      case .lockTaken(let lock, let by, let note, let since, let updated):
        takeHold(lock, SessionsFile.Hold(by, note: note, since: since, lastUpdated: updated), file)
      case .lockRenewed(let lock, let by, let updated, let note): renewHold(lock, by, updated, note, file)
      case .lockReleased(let lock): releaseHold(lock, file)
      case .putBack(let lock, let who): tellPutBack(lock, who, file)
      case .refused(let lock, let by, _): tellPutBack(lock, by, file)
      case .rowPutBack(let id): log.info("\(file.path): the row of \(id) is put back")
      }
      file.memory.take(change)
    }
  }

  // MARK: locks

  private func takeHold(_ lock: String, _ hold: SessionsFile.Hold, _ file: KeptSessionsFile) {
    let key = LockKey(scope: file.scope, name: lock)
    let silent = now - (hold.lastUpdated ?? now)
    guard silent < SessionsFileMerge.staleAfter else {
      return log.info("\(file.path): \(hold.holder) has been silent too long to hold \(SessionName.excerpt(lock))")
    }
    // By the file's own rule whoever of them had it before was silent too long.
    if let owner = locks.book.holder(of: key), SessionsFile.fileID(owner) != nil { releaseHold(lock, file) }
    var ticket = LockTicket(
      id: ticketID(lock, file), owner: SessionsFile.owner(hold.holder), keys: [key], anchor: .word, since: now)
    ticket.note = hold.note.map { SessionName.printable($0) }
    do {
      try locks.perform([.asked(ticket)])
      guard locks.book.holder(of: key) == ticket.owner else { return tellPutBack(lock, hold.holder, file) }
      file.memory.holds[lock] = hold
      renew(lock, silent: silent, file)
    } catch { log.error("\(file.path): \(error)") }
  }

  private func renewHold(_ lock: String, _ by: String, _ updated: Moment, _ note: String?, _ file: KeptSessionsFile) {
    guard locks.book.holder(of: LockKey(scope: file.scope, name: lock)) == SessionsFile.owner(by) else { return }
    locks.performQuietly([.noted(LockKey(scope: file.scope, name: lock), note: note.map { SessionName.printable($0) })])
    renew(lock, silent: now - updated, file)
  }

  /// It may be silent for five minutes since it last said something.
  private func renew(_ lock: String, silent: Double, _ file: KeptSessionsFile) {
    let key = LockKey(scope: file.scope, name: lock)
    guard let token = locks.book.locks[key]?.lease?.token else { return }
    locks.performQuietly([
      .renewed(key, token: token, seconds: max(0.001, SessionsFileMerge.staleAfter - max(0, silent)))
    ])
  }

  func releaseHold(_ lock: String, _ file: KeptSessionsFile) {
    locks.performQuietly([.left(ticket: ticketID(lock, file))])
    file.memory.holds[lock] = nil
  }

  private func ticketID(_ lock: String, _ file: KeptSessionsFile) -> String { "file:\(file.scope)\n\(lock)" }

  /// A new daemon gives every holder the whole time again; of those who hold by the file it is known when they spoke.
  func resumeHolds(_ file: KeptSessionsFile) {
    for (lock, hold) in file.memory.holds {
      let owner = locks.book.holder(of: LockKey(scope: file.scope, name: lock))
      if owner == SessionsFile.owner(hold.holder) {
        renew(lock, silent: now - (hold.lastUpdated ?? hold.since ?? 0), file)
      } else {
        file.memory.holds[lock] = nil
      }
    }
  }

  private func tellPutBack(_ lock: String, _ who: String?, _ file: KeptSessionsFile) {
    let name = SessionName.excerpt(lock)
    let holder = locks.book.holder(of: LockKey(scope: file.scope, name: lock))
    let has = holder.map { SessionsFile.fileID($0) ?? "\($0.name) (\(SessionsFile.writable($0)))" }
    let what = who.map { "\($0) is written down for \(name)" } ?? "\(name) is said to be free"
    let why = has.map { "\($0) has it" } ?? "a session of Apus takes locks by `apus lock acquire`"
    report("in \(file.path) \(what), but \(why); that was put back.", file)
  }

  /// To the log, and to every session that works there.
  func report(_ text: String, _ file: KeptSessionsFile) {
    log.warning("sessions.md: \(text)")
    for session in ourSessions(file) {
      leave(
        Notice(
          session: session.id, kind: .lock, from: nil, text: text.prefix(1).uppercased() + text.dropFirst(), at: now,
          wakes: false))
    }
  }

  // MARK: claims

  private func isClaiming(_ file: KeptSessionsFile) -> Bool {
    !file.memory.rows.isEmpty || claims.book(file.scope).claims.contains { $0.source == .file }
  }

  /// What those sessions edit, as their rows say it.
  func keepClaims(of file: KeptSessionsFile) {
    guard let checkout = file.checkout, isClaiming(file) else { return }
    let known = claims.book(file.scope).claims.filter { $0.source == .file }
    let ids = Set(known.map(\.session)).union(file.memory.rows.map(\.id))
    let rows = Dictionary(file.memory.rows.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    func claimed(_ id: String) -> [Claim] {
      guard let row = rows[id] else { return [] }
      return row.editing.map { path in
        let since = known.first { $0.session == id && $0.path == path }?.since
        return Claim(
          path: path, session: id, checkout: checkout, source: .file, since: since ?? row.lastActive ?? now,
          lastEdit: row.lastActive ?? now)
      }
    }
    do {
      let gone = try claims.change(file.scope) { book in
        for id in ids.sorted() where sessions[id]?.state.isLive != true {
          let (old, new) = (known.filter { $0.session == id }, claimed(id))
          guard Set(old.map(\.path)) != Set(new.map(\.path)) || old.first?.lastEdit != new.first?.lastEdit else {
            continue
          }
          book.release(nil, by: id)
          for claim in new { book.keep(claim) }
        }
      }
      if !gone.isEmpty { claimsChanged(file.scope, gone: gone) }
    } catch { log.error("\(file.path): its claims are not kept: \(error)") }
  }
}
