import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// A session's commands and the locks they need: taken before the command begins, given back when it is over, without
// the model knowing anything of it.

extension Coordinator {
  private static let usualWaitSeconds: Double = 20
  private static let longestWaitSeconds: Double = 100
  private static let queueSeconds: Double = 1800
  private static let reservedMilliseconds = 120_000
  static let reservedText = "2 minutes"
  private static let usualVerifySeconds: Double = 600
  private nonisolated static let oneVerifySeconds: Double = 60
  private static let verifyPauses = [500, 1000, 2000, 5000]

  /// What a session's commands are held against now.
  func guardSheet(of session: Session) -> GuardSheet {
    var sheet = GuardSheet()
    guard let checkout = mainCheckout(of: session) else { return sheet }
    let settings = guards.settings(checkout: checkout, log: log)
    sheet.guards = settings.guards.guards
    sheet.forcePush = settings.guards.forcePush
    // Where neither the session nor the repository names a base, the branch one is on is what one works on.
    sheet.base = session.place?.branch == nil ? settings.base : session.place?.base ?? settings.base
    sheet.commitOnBase = settings.guards.commitOnBase && sheet.base != nil
    sheet.isStrict = settings.claims.policy == .strict
    return sheet
  }

  /// The checkout whose `.apus/config.json` counts.
  func mainCheckout(of session: Session) -> String? {
    if let place = session.place { return place.checkout }
    guard let common = Repository.common(of: session.directory) else { return nil }
    return common.hasSuffix("/.git")
      ? String(common.dropLast("/.git".count)) : Repository.checkout(of: session.directory)
  }

  func repositorySettings(of session: Session) -> RepositorySettings {
    mainCheckout(of: session).map { guards.settings(checkout: $0, log: log) } ?? RepositorySettings()
  }

  /// Leaves the sheet where hooks find it while there is no daemon.
  func keepSheet(of session: Session) {
    let sheet = guardSheet(of: session)
    let conversation = session.conversationID
    guard guards.written[conversation] != sheet, let bytes = try? JSONText.encode(sheet) else { return }
    _ = Files.makeDirectory(places.guardSheets)
    let path = places.guardSheet(conversation: conversation)
    let draft = path + ".new"
    unlink(draft)
    guard Files.make(draft, bytes: bytes) == 0, Glibc.rename(draft, path) == 0 else {
      return log.warning("session \(session.id): its guards cannot be written to \(path)")
    }
    guards.written[conversation] = sheet
  }

  func removeSheet(of session: Session) {
    guards.written[session.conversationID] = nil
    Files.remove(places.guardSheet(conversation: session.conversationID))
  }

  /// Before a command begins: nil where it may; else why not.
  func refusal(
    of command: String, tool: String, inBackground: Bool, in directory: String, _ session: Session, _ caller: Caller
  ) async -> String? {
    let sheet = guardSheet(of: session)
    switch sheet.decide(command, in: directory, branch: { Repository.branch(of: $0) }) {
    case .free: return nil
    case .refused(let reason):
      log.info("session \(session.id): refused: \(reason)")
      return reason
    case .guarded(let wanted, let brief):
      return await take(wanted, brief, tool: tool, inBackground: inBackground, session, caller)
    }
  }

  private func take(
    _ wanted: [Guard], _ brief: String, tool: String, inBackground: Bool, _ session: Session, _ caller: Caller
  ) async -> String? {
    let scope = repository(of: session, session.directory) ?? LockKey.everywhere
    let keys = wanted.map { LockKey(scope: scope, name: $0.lock) }.sorted()
    let known = guards.waiting(of: session.id, for: keys).flatMap { locks.book.tickets[$0] }
    var ticket =
      known
      ?? LockTicket(
        id: LockTicket.ofGuards + RandomID.conversation(),
        owner: LockOwner(id: session.id, name: session.name, isSession: true),
        keys: keys, anchor: .session(session.id), since: now)
    if known == nil {
      ticket.note = SessionName.printable(brief)
      ticket.deadline = LockDesk.clock() + Self.queueSeconds
      ticket.onDeath = wanted.compactMap { $0.onDeath.flatMap { LockOnDeath($0) } }.first ?? .release
    }
    let patience = min(wanted.compactMap(\.waitSeconds).max() ?? Self.usualWaitSeconds, Self.longestWaitSeconds)
    let outcome: LockDesk.Outcome
    do {
      outcome = try await locks.ask(ticket, patience: patience, caller: caller) {
        LoopActor.begin {
          await caller.item(HookAnswer.patience(milliseconds: UInt32((patience + 5) * 1000)))
        }
      }
    } catch {
      return "the lock \(wanted[0].lock) cannot be taken (\(error)); try it again in a moment"
    }
    switch outcome {
    case .granted:
      waitedFor.remove(ticket.id)
      do {
        try guards.begin(
          .init(
            session: session.id, ticket: ticket.id, tool: tool, guards: wanted, isInBackground: inBackground))
      } catch {
        locks.performQuietly([.left(ticket: ticket.id)])
        return "the lock \(wanted[0].lock) cannot be kept (\(error)); try it again in a moment"
      }
      return nil
    case .refused(let why):
      guards.forget(ticket.id)
      return failure(why, of: ticket.owner).summary + ". Work on something that needs no \(wanted[0].lock) meanwhile."
    case .waits:
      guard let left = locks.book.tickets[ticket.id] else { return "the wait for \(wanted[0].lock) was given up" }
      waitedFor.insert(ticket.id)
      guards.wait(left)
      return waits(left)
    }
  }

  /// In a session's words.
  private func waits(_ ticket: LockTicket) -> String {
    let reply = lockReply(ticket.id, asked: ticket)
    let name = reply.waitsFor ?? ticket.keys[0].name
    let lock = ticket.taken < ticket.keys.count ? locks.book.locks[ticket.keys[ticket.taken]] : nil
    let place = reply.place.map(LockWords.place) ?? "next"
    let held = reply.holder.map { LockWords.held(name, lock, by: $0) } ?? "\(name) is just being given to another"
    return "\(held); you are \(place) and will be told. Work on something that needs no \(name)."
  }

  /// What a guard gave to a session that was told to come again is the next one's if it does not.
  func reserve(_ ticket: LockTicket) {
    Timers.shared.after(Self.reservedMilliseconds) { [weak self] in
      guard let self, guards.isWaiting(ticket.id) else { return }
      guards.forget(ticket.id)
      locks.performQuietly([.left(ticket: ticket.id)])
    }
  }

  /// A command is over: what it needed is given back, once it is well where that is asked for.
  func endGuard(of session: String, tool: String) {
    for one in guards.end(of: session, where: { $0.tool == tool && !$0.isInBackground }) { giveBack(one, session) }
  }

  /// A turn is over: no command of it runs any more but in the background.
  func endGuards(of session: String, background: Bool) {
    for one in guards.end(of: session, where: { background || !$0.isInBackground }) { giveBack(one, session) }
  }

  private func giveBack(_ one: GuardDesk.Held, _ session: String) {
    guard let check = one.guards.compactMap({ guarded in guarded.verify.map { (guarded, $0) } }).first,
      let found = sessions[session]
    else { return locks.performQuietly([.left(ticket: one.ticket)]) }
    let seconds = check.0.verifySeconds ?? Self.usualVerifySeconds
    let (directory, environment) = (found.directory, found.spec.environment)
    LoopActor.begin { [self] in
      let until = LockDesk.clock() + seconds
      var pauses = Self.verifyPauses[...]
      while locks.book.tickets[one.ticket] != nil {
        if await Offload.run({
          Shell.succeeds(check.1, environment, directory, seconds: Self.oneVerifySeconds)
        }) {
          return locks.performQuietly([.left(ticket: one.ticket)])
        }
        if LockDesk.clock() >= until { break }
        await pause(milliseconds: pauses.count > 1 ? pauses.removeFirst() : Self.verifyPauses.last ?? 5000)
      }
      guard locks.book.tickets[one.ticket] != nil else { return }
      leave(
        Notice(
          session: session, kind: .lock, from: nil,
          text: "\(check.0.lock) was released, but its check never succeeded in \(Int(seconds)) s: \(check.1)", at: now,
          wakes: false))
      locks.performQuietly([.left(ticket: one.ticket)])
    }
  }
}
