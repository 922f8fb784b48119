/// What happens to locks.
package enum LockEvent: Equatable, Sendable {
  case asked(LockTicket)
  /// It no longer waits, and gives back what it has.
  case left(ticket: String)
  case released(LockKey, token: Int64)
  /// A sign of life of whoever has that ticket.
  case lived(ticket: String, proof: String)
  /// The same, shown by a token; from now on it may be silent for so many seconds.
  case renewed(LockKey, token: Int64, seconds: Double)
  /// Whoever has that ticket is proven to have ended.
  case died(ticket: String, evidence: String)
  /// What a dead holder left behind is gone. With a ticket: of that one's drain only, not of a later one's.
  case drained(LockKey, ticket: String? = nil, evidence: String)
  case broken(LockKey, reason: String)
  case noted(LockKey, note: String?)
  /// A new daemon: nobody was heard meanwhile, so everybody has the whole time again.
  case restarted
  /// Time went on.
  case ticked
}

/// What follows from it.
package enum LockEffect: Equatable, Sendable {
  /// The ticket has all it asked for.
  case granted(ticket: String)
  /// It waits for `key`, with so many before it.
  case queued(ticket: String, key: LockKey, ahead: Int)
  case refused(ticket: String, LockRefusal)
  /// A token or ticket that is not (or no longer) the holder's.
  case stale(LockKey)
  case renewed(LockKey, token: Int64)
  case freed(LockKey)
  /// A dead holder's remains are to be seen to; `drained` says when that is done.
  case drain(LockKey, ticket: String, LockOnDeath)
  /// A holder lost its right and may not know.
  case lost(LockKey, ticket: LockTicket, evidence: String)
  /// To be remembered.
  case told(LockStory)
}

package enum LockRefusal: Codable, Equatable, Sendable {
  /// Somebody has it, and the asker does not wait.
  case held(LockKey, by: LockOwner)
  /// Waiting would never end: each of these waits for the next, and the last for the first.
  case deadlock([LockWait])
  case timedOut(LockKey, by: LockOwner?)
  /// It had that lock, and has it no more: it was silent for too long, or a person broke it.
  case lost(LockKey, evidence: String)
}

/// Somebody who waits for a lock, in a circle of those who do.
package struct LockWait: Codable, Equatable, Sendable {
  package var owner: LockOwner
  package var key: LockKey
}
