import ApusCore

/// A rule that is broken on purpose: whoever checks has to notice.
package enum Flaw: CaseIterable, Sendable {
  /// Whoever shows any token may renew and release.
  case ignoresTokens
  /// A lease ends some seconds before its time.
  case endsLeasesEarly
  /// After a restart tokens begin anew.
  case forgetsTokens
  /// Some who come later come first.
  case letsOvertake
  /// Waits that never end are begun.
  case seesNoCircles
  /// Whoever is next is not told that the lock is free.
  case losesWakeUps
  /// What could not be kept happens all the same.
  case keepsTheUnsaved
}

/// The rule as it is, or with a flaw.
struct RuleUnderTest {
  var book = LockBook()
  let flaw: Flaw?
  private var asked = 0

  init(flaw: Flaw?) { self.flaw = flaw }

  mutating func handle(_ event: LockEvent, now: Moment, wall: Moment) -> [LockEffect] {
    guard let flaw else { return book.handle(event, now: now, wall: wall) }
    var event = event
    var now = now
    switch (flaw, event) {
    case (.ignoresTokens, .released(let key, _)):
      event = .released(key, token: book.locks[key]?.lease?.token ?? 0)
    case (.ignoresTokens, .renewed(let key, _, let seconds)):
      event = .renewed(key, token: book.locks[key]?.lease?.token ?? 0, seconds: seconds)
    case (.endsLeasesEarly, .ticked): now += 2
    case (.letsOvertake, .asked(var ticket)):
      asked += 1
      if asked.isMultiple(of: 10) { ticket.rank += 50 }
      event = .asked(ticket)
    case (.seesNoCircles, .asked(var ticket)):
      // Who is somebody else each time never waits for itself.
      ticket.owner.id += "#" + ticket.id
      event = .asked(ticket)
    case (.losesWakeUps, .left(let id)):
      if let key = book.tickets[id]?.keys.first, book.locks[key]?.holds == [id], book.tickets[id]?.keys.count == 1 {
        leaveQuietly(id, key)
        return []
      }
    default: break
    }
    return book.handle(event, now: now, wall: wall)
  }

  private mutating func leaveQuietly(_ id: String, _ key: LockKey) {
    var locks = book.locks
    var tickets = book.tickets
    tickets[id] = nil
    locks[key]?.lease = nil
    locks[key]?.owner = nil
    locks[key]?.holds = []
    book = LockBook(locks: Array(locks.values), tickets: Array(tickets.values))
  }

  mutating func rollBack() {
    if flaw != .keepsTheUnsaved { book.rollBack() }
  }
}
