import ApusCore
import ApusLoop
import ApusWire
import CSystem

// The verbs of named locks.

extension Coordinator {
  static let usualWait: Double = 1800
  private static let mostLocks = 10_000
  private static let longestNote = 500

  /// Takes locks, waiting for them where asked to.
  package func lock(_ request: LockRequest, _ caller: Caller) async throws -> LockReply {
    let ticket = try ticket(for: request)
    let isLater = request.isLater
    var told: [UInt8] = []
    let outcome = try await locks.ask(ticket, patience: isLater ? 0 : nil, caller: caller) {
      told = (try? JSONText.encode(lockReply(ticket.id, asked: ticket))) ?? []
      if !isLater { LoopActor.begin { [told] in await caller.item(told) } }
    }
    switch outcome {
    case .granted: return lockReply(ticket.id, asked: ticket)
    case .waits:
      waitedFor.insert(ticket.id)
      return lockReply(ticket.id, asked: ticket)
    case .refused(let why): throw failure(why, of: ticket.owner)
    }
  }

  /// What a session has and waits for.
  func tellLocks(_ object: inout SessionObject) {
    let book = locks.book
    if book.tickets.isEmpty { return }
    var held: Set<String> = []
    for ticket in book.tickets.values where ticket.owner.id == object.id {
      held.formUnion(ticket.keys.prefix(ticket.taken).map(\.name))
      guard ticket.isWaiting else { continue }
      let key = ticket.keys[ticket.taken]
      let holder = book.locks[key]?.owner.map { ", held by \($0.id) \($0.name)" } ?? ""
      object.waitsFor = "lock \(key.name) (\(book.place(of: ticket).map(LockWords.place) ?? "waiting")\(holder))"
    }
    object.locks = held.sorted()
  }

  private func ticket(for request: LockRequest) throws -> LockTicket {
    guard !request.names.isEmpty, request.names.count <= 32 else {
      throw Failure(
        .usage, "between 1 and 32 locks can be asked for at once", hint: "name them: `apus lock acquire docker`")
    }
    for name in request.names { try LockKey.check(name) }
    guard (8...64).contains(request.ticket.utf8.count), request.ticket.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw Failure(.usage, "a ticket is 8 to 64 printable characters", hint: "is `apus` of the daemon's version?")
    }
    let asking = try identify(request.asker, ticket: request.ticket)
    let keys = request.names.map { LockKey(scope: asking.scope, name: $0) }
    guard locks.book.locks.count + keys.count <= Self.mostLocks else {
      throw Failure(.limitReached, "there are \(Self.mostLocks) locks already", hint: "use names again")
    }
    if request.isLater, asking.session == nil {
      throw Failure(
        .usage, "only a session can be told later that it has a lock",
        hint: "wait for it: `apus lock acquire --wait 5m`")
    }
    var ticket = LockTicket(id: request.ticket, owner: asking.owner, keys: keys, anchor: asking.anchor, since: now)
    if case .session(let id) = ticket.anchor, sessions[id]?.state.isLive != true {
      throw Failure(
        .sessionNotRunning, "\(asking.owner.name) (\(asking.owner.id)) is not running: it can hold nothing",
        hint: "`apus resume \(asking.owner.name)` continues it")
    }
    ticket.note = request.note.map { SessionName.excerpt($0, of: Self.longestNote) }
    if let text = request.onDeath {
      guard let onDeath = LockOnDeath(text) else {
        throw Failure(
          .usage,
          "\"\(SessionName.excerpt(text))\" is nothing that can be done at a holder's death",
          hint: "release, delay:15s, probe:CMD or hold")
      }
      ticket.onDeath = onDeath
    }
    if let seconds = request.leaseSeconds {
      guard seconds >= 1, seconds <= 86_400 * 7 else {
        throw Failure(.usage, "a lease is between 1 s and 7 d long", hint: "--ttl 300s")
      }
      ticket.leaseSeconds = seconds
    }
    if let seconds = request.waitSeconds { ticket.deadline = LockDesk.clock() + max(0, min(seconds, 86_400 * 30)) }
    ticket.isReentrant = request.isReentrant
    ticket.isAttended = !request.isLater
    if let known = locks.book.tickets[ticket.id], known.owner != ticket.owner || known.keys != ticket.keys {
      throw Failure(.usage, "that ticket is another's", hint: "ask with one of your own")
    }
    return ticket
  }

  func lockReply(_ id: String, asked: LockTicket) -> LockReply {
    let book = locks.book
    let ticket = book.tickets[id] ?? asked
    var reply = LockReply(
      ticket: id, granted: ticket.isComplete, names: ticket.keys.map(\.name),
      tokens: Dictionary(zip(ticket.keys.map(\.name), ticket.tokens), uniquingKeysWith: { $1 }), owner: ticket.owner)
    guard !ticket.isComplete else { return reply }
    let key = ticket.keys[ticket.taken]
    let lock = book.locks[key]
    reply.place = book.place(of: ticket)
    reply.waitsFor = key.name
    reply.holder = lock?.owner
    reply.holderSince = lock.flatMap { $0.owner == nil ? nil : MomentText.iso($0.since) }
    reply.holderNote = lock?.note
    return reply
  }

  /// In a person's words.
  func failure(_ refusal: LockRefusal, of owner: LockOwner) -> Failure {
    switch refusal {
    case .held(let key, let holder):
      return Failure(
        .lockHeld, LockWords.held(key.name, locks.book.locks[key], by: holder),
        hint: "wait for it: `apus lock acquire \(key.name) --wait 10m`; `apus lock show \(key.name)` says more")
    case .timedOut(let key, let holder):
      let who = holder.map { ", which \($0.name) (\($0.id)) has" } ?? ""
      return Failure(
        .timedOut, "\(key.name)\(who), did not become free in time",
        hint: "`apus lock show \(key.name)` says who holds it and why; wait longer with --wait")
    case .lost(let key, let evidence):
      return Failure(
        .lockStale, "\(key.name) was had and lost meanwhile: \(evidence)",
        hint: "ask for all of them again; `apus lock history \(key.name)` says what happened")
    case .deadlock(let circle):
      let words = circle.enumerated().map { index, wait in
        let next = circle[(index + 1) % circle.count].owner
        return "\(wait.owner.name) would wait for \(wait.key.name), which \(next.name) has or gets before"
      }
      return Failure(
        .lockDeadlock, "that would never end: " + words.joined(separator: "; "),
        hint: "give back what you hold first (`apus lock release`), or take all at once: `apus lock acquire A B`")
    }
  }

  /// Gives back, renews, verifies or breaks.
  package func heldLock(_ request: HeldLockRequest) throws -> LockObject {
    try LockKey.check(request.name)
    let asking = try identify(request.asker)
    let key = LockKey(scope: asking.scope, name: request.name)
    switch request.act {
    case .leave: try locks.perform([.left(ticket: request.ticket ?? "")])
    case .release: try release(key, request, asking)
    case .renew:
      let token = try requireToken(key, request, asking)
      let seconds = request.seconds ?? LockTicket.usualLease
      let effects = try locks.perform([.renewed(key, token: token, seconds: max(1, min(seconds, 86_400 * 7)))])
      if effects.contains(.stale(key)) { throw stale(key) }
    case .verify:
      guard let token = request.token, locks.book.isCurrent(key, token: token) else { throw stale(key) }
    case .shatter:
      guard locks.book.locks[key]?.isFree == false else { throw free(key) }
      let who = asking.session.map { "\($0.name) (\($0.id))" } ?? "a person"
      let reason = SessionName.printable(String((request.reason ?? "").prefix(Self.longestNote)))
      try locks.perform([.broken(key, reason: "\(who): \(reason)")])
    }
    return lockObject(key)
  }

  private func release(_ key: LockKey, _ request: HeldLockRequest, _ asking: Asking) throws {
    if let id = request.ticket {
      guard let ticket = locks.book.tickets[id], locks.book.locks[key]?.holds.contains(id) == true else {
        throw stale(key)
      }
      _ = ticket
      try locks.perform([.left(ticket: id)])
      return
    }
    let token = try requireToken(key, request, asking)
    if try locks.perform([.released(key, token: token)]).contains(.stale(key)) { throw stale(key) }
  }

  /// The token that was shown, or that of the session which asks.
  private func requireToken(_ key: LockKey, _ request: HeldLockRequest, _ asking: Asking) throws -> Int64 {
    if let token = request.token { return token }
    guard let lock = locks.book.locks[key], let lease = lock.lease else { throw free(key) }
    if asking.session != nil, lock.owner == asking.owner { return lease.token }
    throw Failure(
      .lockHeld, LockWords.held(key.name, lock, by: lock.owner ?? asking.owner),
      hint: "only its holder gives it back: show the token, or `apus lock break \(key.name) --reason WHY`")
  }

  private func stale(_ key: LockKey) -> Failure {
    let lock = locks.book.locks[key]
    let now = lock?.owner.map { "\($0.name) (\($0.id)) has it now" } ?? "nobody has it now"
    return Failure(
      .lockStale, "that is not (or no longer) the right to \(key.name): \(now)",
      hint: "stop what you do under it, and acquire it again; `apus lock history \(key.name)` says what happened")
  }

  private func free(_ key: LockKey) -> Failure {
    Failure(.lockStale, "nobody holds \(key.name)", hint: "`apus lock list` shows what is held")
  }

  private func lockObject(_ key: LockKey) -> LockObject {
    let book = locks.book
    return LockObject(book.locks[key] ?? NamedLock(key: key), tickets: book.tickets, now: now)
  }

  /// Those that are held or waited for; by name also one that is free.
  package func locks(_ request: LocksRequest) throws -> [LockObject] {
    let asking = try identify(request.asker)
    let book = locks.book
    if let name = request.name {
      try LockKey.check(name)
      return [lockObject(LockKey(scope: asking.scope, name: name))]
    }
    let shown = book.locks.values.filter { lock in
      !lock.isQuiet && (request.all || lock.key.scope == asking.scope || lock.key.scope == LockKey.everywhere)
    }
    return shown.sorted { $0.key < $1.key }.map { LockObject($0, tickets: book.tickets, now: now) }
  }

  package func lockStories(_ request: LocksRequest) throws -> [LockStoryObject] {
    if let name = request.name { try LockKey.check(name) }
    let asking = try identify(request.asker)
    let stories = try store.loadStories(
      scope: request.all ? nil : asking.scope, name: request.name, limit: max(1, min(request.limit ?? 50, 10_000)))
    return stories.map(LockStoryObject.init)
  }
}
