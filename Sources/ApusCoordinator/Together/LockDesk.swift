import ApusCore
import ApusLink
import ApusLoop
import CSystem
import Glibc

/// Named locks as they are performed: what the rule decided is told to who waits, holders' processes are watched, and
/// what runs out is looked at when it does. In between nothing happens.
@LoopActor
final class LockDesk {
  /// What comes of asking.
  enum Outcome: Sendable {
    case granted
    case waits
    case refused(LockRefusal)
  }

  private let store: any Store
  private let log: Log
  /// A ticket that nobody waits at was granted, or a holder lost its right.
  var granted: @LoopActor (LockTicket) -> Void = { _ in }
  var lost: @LoopActor (LockKey, LockTicket, String) -> Void = { _, _, _ in }
  /// A dead holder's remains are to be seen to.
  var drain: @LoopActor (LockKey, LockTicket, LockOnDeath) -> Void = { _, _, _ in }
  /// These locks look different now.
  var changed: @LoopActor (Set<LockKey>) -> Void = { _ in }

  private var waiting: [String: Answer<Outcome>] = [:]
  /// Processes that have or had a lock, until they end.
  private var ends: [ProcessMark: Descriptor] = [:]
  private var timer: UInt64?
  private var timerAt: Moment = 0

  private static let unattendedMilliseconds = 60_000

  init(store: any Store, log: Log) {
    self.store = store
    self.log = log
  }

  var book: LockBook { store.locks }

  /// A clock that stands still while the machine sleeps, in seconds.
  nonisolated static func clock() -> Moment { Double(apus_monotonic_milliseconds()) / 1000 }

  /// What a new daemon does first. `isAlive` knows of sessions; processes are looked at here.
  func begin(isAlive: (String) -> Bool, isOtherBoot: Bool) throws {
    var events: [LockEvent] = [.restarted]
    for ticket in book.tickets.values {
      switch ticket.anchor {
      case .process(let mark):
        if isOtherBoot || !Processes.isAlive(mark) {
          events.append(.died(ticket: ticket.id, evidence: "process \(mark.pid) was gone when the daemon began"))
        }
      case .session(let id):
        if isOtherBoot || !isAlive(id) {
          events.append(.died(ticket: ticket.id, evidence: "the session's run was over when the daemon began"))
        }
      case .word: break
      }
    }
    try perform(events)
    for ticket in book.tickets.values { watch(ticket) }
    let attended = book.tickets.values.filter { $0.isAttended }.map(\.id)
    guard !attended.isEmpty else { return }
    Timers.shared.after(Self.unattendedMilliseconds) { [weak self] in
      for id in attended where self?.book.tickets[id]?.isAttended == true && self?.waiting[id] == nil {
        if case .process? = self?.book.tickets[id]?.anchor { continue }
        self?.performQuietly([.left(ticket: id)])
      }
    }
  }

  /// Asks, and waits until it is granted or refused, or `patience` (in seconds) is over: then it stands in the queue
  /// still. `queued` hears of waiting. When the caller goes, so does its wish, unless a process stands for it.
  func ask(
    _ ticket: LockTicket, patience: Double?, caller: Caller, queued: @LoopActor () -> Void
  ) async throws -> Outcome {
    let effects = try perform([.asked(ticket)])
    for effect in effects {
      switch effect {
      case .granted(ticket.id): return .granted
      case .refused(ticket.id, let why): return .refused(why)
      default: continue
      }
    }
    watch(ticket)
    queued()
    if patience == 0 { return .waits }
    var timer: UInt64?
    var key: UInt64 = 0
    let outcome = await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
      let answer = Answer(continuation)
      waiting[ticket.id]?.give(.waits)
      waiting[ticket.id] = answer
      caller.whenGone(ObjectIdentifier(answer).key) { [weak self] in
        guard let self else { return }
        waiting[ticket.id] = nil
        if case .process = ticket.anchor {} else { performQuietly([.left(ticket: ticket.id)]) }
        answer.give(.waits)
      }
      if let patience {
        timer = Timers.shared.after(Int(patience * 1000)) { [weak self] in
          self?.waiting[ticket.id] = nil
          answer.give(.waits)
        }
      }
      key = ObjectIdentifier(answer).key
    }
    if let timer { Timers.shared.cancel(timer) }
    caller.forget(key)
    return outcome
  }

  /// Lets the rule decide, keeps what it decided, and does it. Throws where it could not be kept: then nothing happened.
  @discardableResult
  func perform(_ events: [LockEvent]) throws -> [LockEffect] {
    let effects = try store.decide(events, now: Self.clock(), wall: apus_wall_seconds())
    let locks = Set(book.lockChanges.keys)
    for effect in effects { act(effect) }
    if !locks.isEmpty { changed(locks) }
    schedule()
    return effects
  }

  /// The same where nobody can be told of a failure: it is tried again.
  func performQuietly(_ events: [LockEvent]) {
    do { try perform(events) } catch {
      log.error("locks: \(error)")
      Timers.shared.after(1000) { [weak self] in self?.performQuietly(events) }
    }
  }

  private func act(_ effect: LockEffect) {
    switch effect {
    case .granted(let id):
      guard let ticket = book.tickets[id] else { return }
      // Thousands of times a second, perhaps; `apus lock history` has it.
      log.debug("locks: \(Self.names(ticket)) to \(ticket.owner.name) (\(ticket.owner.id)), tokens \(ticket.tokens)")
      watch(ticket)
      if let answer = waiting.removeValue(forKey: id) {
        answer.give(.granted)
      } else {
        granted(ticket)
      }
    case .refused(let id, let why): waiting.removeValue(forKey: id)?.give(.refused(why))
    case .drain(let key, let id, let onDeath):
      guard let ticket = book.tickets[id] else { return }
      log.warning("locks: \(key.name): \(ticket.owner.name) died, \(onDeath.text)")
      drain(key, ticket, onDeath)
    case .lost(let key, let ticket, let evidence): lost(key, ticket, evidence)
    case .told(let story):
      let text = "locks: \(story.key.name) of \(story.owner.name), token \(story.token): \(story.ending)"
      if story.ending == "released" { log.debug(text) } else { log.info(text) }
    case .queued, .stale, .renewed, .freed: break
    }
  }

  private static func names(_ ticket: LockTicket) -> String { ticket.keys.map(\.name).joined(separator: " ") }

  /// Is told by the kernel when the ticket's process ends.
  private func watch(_ ticket: LockTicket) {
    guard case .process(let mark) = ticket.anchor, ends[mark] == nil, book.tickets[ticket.id] != nil else { return }
    let number = apus_process_watch(mark.pid, mark.start)
    guard number >= 0 else {
      guard errno == ESRCH else {
        log.error("locks: pid \(mark.pid) cannot be watched: \(String(cString: apus_error_text(errno)))")
        return
      }
      LoopActor.begin { self.died(mark) }
      return
    }
    let end = Descriptor(number)
    ends[mark] = end
    end.onReadable = { [unowned self] in
      ends.removeValue(forKey: mark)?.close()
      died(mark)
    }
    end.watch()
  }

  private func died(_ mark: ProcessMark) {
    let tickets = book.tickets.values.filter { $0.anchor == .process(mark) }.sorted { $0.id < $1.id }
    if tickets.isEmpty { return }
    performQuietly(tickets.map { .died(ticket: $0.id, evidence: "process \(mark.pid) ended") })
  }

  private func schedule() {
    let next = book.nextDeadline
    guard next != (timer == nil ? nil : timerAt) else { return }
    if let timer { Timers.shared.cancel(timer) }
    timer = nil
    guard let next else { return }
    timerAt = next
    let milliseconds = max(0, (next - Self.clock()) * 1000).rounded(.up)
    timer = Timers.shared.after(Int(min(milliseconds, 1e9))) { [weak self] in
      self?.timer = nil
      self?.performQuietly([.ticked])
    }
  }
}

extension ObjectIdentifier {
  /// Tells one object from another, as a number.
  fileprivate var key: UInt64 { UInt64(UInt(bitPattern: self)) | 1 << 63 }
}
