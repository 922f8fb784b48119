import ApusCore
import ApusFrames
import ApusGit
import ApusLink
import ApusLoop
import CSystem
import Glibc

// What follows from locks: holders that died are cleared up after, living ones are asked for a sign of life, and who
// waited or lost is told.

extension Coordinator {
  private static let beatMilliseconds = 30_000
  private static let keeperMilliseconds = 10_000
  private static let politeMilliseconds: Int64 = 2_000
  private static let probeMilliseconds = 2_000
  private nonisolated static let probeSeconds: Double = 60

  /// Takes up the locks as the last daemon left them.
  func beginLocks() throws {
    locks.granted = { [unowned self] ticket in tellGranted(ticket) }
    locks.lost = { [unowned self] key, ticket, evidence in tellLost(key, ticket, evidence) }
    locks.drain = { [unowned self] key, ticket, onDeath in drain(key, ticket, onDeath) }
    locks.changed = { [unowned self] keys in lockChanged(keys) }
    // Whoever was told to go on with other things and hear later still is to hear.
    for ticket in locks.book.tickets.values where ticket.isWaiting && !ticket.isAttended { waitedFor.insert(ticket.id) }
    let last = try store.loadValue("locks.boot")
    try locks.begin(
      isAlive: { id in sessions[id]?.state.isLive == true }, isOtherBoot: last != nil && last != boot)
    if let boot, last != boot { try store.saveValue("locks.boot", boot) }
    try guards.load(locks.book)
    for ticket in locks.book.tickets.values where ticket.isWaiting && ticket.owner.isSession && !ticket.isAttended {
      // What a deployment is watched with is told by that.
      if !ticket.id.hasPrefix(DeployDesk.ticketPrefix) { waitedFor.insert(ticket.id) }
    }
    beat()
  }

  /// A session's run is over: whatever it held is the next one's.
  func releaseLocks(of session: String, _ evidence: String) {
    let events = locks.book.tickets.values.filter { $0.anchor == .session(session) }
      .map { LockEvent.died(ticket: $0.id, evidence: evidence) }
    if !events.isEmpty { locks.performQuietly(events) }
  }

  private func lockChanged(_ keys: Set<LockKey>) {
    for key in keys {
      let lock = locks.book.locks[key]
      sessionsFiles.changed(key, token: lock?.owner == nil ? nil : lock?.highest)
      for id in (lock?.holds ?? []) + (lock?.queue ?? []) {
        if let owner = locks.book.tickets[id]?.owner, owner.isSession { changes.announce(owner.id) }
      }
    }
    changes.announce(.locks)
    beat()
    deployLocksChanged(keys)
    sessionsFiles.write(scopes: Set(keys.map(\.scope)))
  }

  // MARK: death

  private func drain(_ key: LockKey, _ ticket: LockTicket, _ onDeath: LockOnDeath) {
    switch onDeath {
    case .release:
      LoopActor.begin { [self] in
        let ended = await endTree(of: ticket)
        let words = ended > 0 ? "\(ended) processes of its command were ended" : ""
        locks.performQuietly([.drained(key, ticket: ticket.id, evidence: words)])
      }
    case .probe(let command): probe(key, ticket, command)
    case .delay, .hold: break
    }
  }

  /// What a command left running carries its ticket.
  private func endTree(of ticket: LockTicket) async -> Int {
    guard case .process = ticket.anchor else { return 0 }
    let mark = LockVariable.mark(of: ticket.id)
    let entry = mark.name + "=" + mark.value
    let began = apus_monotonic_milliseconds()
    var ended: Set<ProcessMark> = []
    while true {
      let left = await Offload.run { Processes.carrying(entry) }
      if left.isEmpty { return ended.count }
      let isPolite = apus_monotonic_milliseconds() - began < Self.politeMilliseconds
      for mark in left {
        if ended.insert(mark).inserted || !isPolite { Processes.signal(mark, isPolite ? SIGTERM : SIGKILL) }
      }
      await pause(milliseconds: 20)
    }
  }

  /// Asks the command until it says that nothing goes on any more.
  private func probe(_ key: LockKey, _ ticket: LockTicket, _ command: String) {
    guard locks.book.locks[key]?.drain?.ticket == ticket.id else { return }
    let session = ticket.owner.isSession ? sessions[ticket.owner.id] : nil
    let directory = session?.directory ?? (key.scope.isEmpty ? "/" : key.scope)
    let environment = session?.spec.environment ?? self.environment
    LoopActor.begin { [self] in
      let isIdle = await Offload.run { Shell.succeeds(command, environment, directory, seconds: Self.probeSeconds) }
      guard locks.book.locks[key]?.drain?.ticket == ticket.id else { return }
      if isIdle {
        _ = await endTree(of: ticket)
        return locks.performQuietly([.drained(key, ticket: ticket.id, evidence: "the probe succeeded")])
      }
      Timers.shared.after(Self.probeMilliseconds) { [weak self] in self?.probe(key, ticket, command) }
    }
  }

  // MARK: signs of life

  /// While a session holds a lock, its keeper is asked for a sign of life; without holders nothing is.
  private func beat() {
    guard !isBeating, holders().isEmpty == false else { return }
    isBeating = true
    Timers.shared.after(Self.beatMilliseconds) { [weak self] in
      guard let self else { return }
      isBeating = false
      let holders = holders()
      LoopActor.begin { [self] in
        for (session, tickets) in holders {
          guard let proof = await proof(of: session) else { continue }
          locks.performQuietly(tickets.map { .lived(ticket: $0, proof: proof) })
        }
      }
      beat()
    }
  }

  private func holders() -> [String: [String]] {
    var holders: [String: [String]] = [:]
    for ticket in locks.book.tickets.values where ticket.taken > 0 {
      if case .session(let id) = ticket.anchor { holders[id, default: []].append(ticket.id) }
    }
    return holders
  }

  /// What shows that a session's run lives and is not merely there; nil: nothing.
  private func proof(of id: String) async -> String? {
    if let mark = sessions[id]?.watched { return Processes.isAtWork(mark) ? "process" : nil }
    guard let run = live[id], !run.isOver, run.run.agent.map(Processes.isAtWork) ?? true,
      let link = KeeperLink.connect(socket: run.run.socket)
    else { return nil }
    defer { link.close() }
    let answered = await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
      let answer = Answer(continuation)
      link.onReply = { reply in if case .welcome = reply { answer.give(true) } }
      link.onGone = { answer.give(false) }
      Timers.shared.after(Self.keeperMilliseconds) { answer.give(false) }
      link.send(.hello(version: KeeperProtocol.version))
    }
    return answered ? "keeper" : nil
  }

  // MARK: telling

  /// Whoever was told to wait has it now. Where a guard let it wait, its command has to come soon.
  private func tellGranted(_ ticket: LockTicket) {
    guard ticket.owner.isSession, waitedFor.remove(ticket.id) != nil else { return }
    let names = ticket.keys.map(\.name).joined(separator: ", ")
    let session = ticket.owner.id
    if guards.isWaiting(ticket.id) {
      reserve(ticket)
      return leave(
        Notice(
          session: session, kind: .lock, from: nil,
          text: "\(names) is yours for the next \(Self.reservedText): run your command again now"
            + (ticket.note.map { " (\($0))" } ?? "") + ".", at: now, wakes: true))
    }
    leave(
      Notice(
        session: session, kind: .lock, from: nil,
        text: "You have the lock \(names) now. Do what you wanted it for, then give it back "
          + "(`apus lock release \(ticket.keys.map(\.name).joined(separator: " "))`).", at: now, wakes: true))
  }

  private func tellLost(_ key: LockKey, _ ticket: LockTicket, _ evidence: String) {
    // To `apus lock run` it is the word to look at once whether it still has the right; others pass it over.
    if case .process(let mark) = ticket.anchor { Processes.signal(mark, SIGCHLD) }
    guard ticket.owner.isSession, sessions[ticket.owner.id]?.state.isLive == true else { return }
    leave(
      Notice(
        session: ticket.owner.id, kind: .lock, from: nil,
        text:
          "You no longer have the lock \(key.name) (\(evidence)). Stop what you do under it; acquire it again first.",
        at: now, wakes: false))
  }
}

/// A person's command, through a shell.
enum Shell {
  static func succeeds(_ command: String, _ environment: [String: String], _ directory: String, seconds: Double) -> Bool
  {
    guard
      let child = Child(
        ["/bin/sh", "-c", command], environment: environment.filter { $0.key != "APUS_ROLE" }, directory: directory)
    else { return false }
    return child.finish(input: [], largest: 1 << 20, seconds: seconds)?.status == 0
  }
}
