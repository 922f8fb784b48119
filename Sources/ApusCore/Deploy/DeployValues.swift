/// Somebody who watches a deployment.
package struct DeployWatcher: Codable, Equatable, Sendable {
  /// A session's short id; of who is none an id of its own.
  package var id: String
  /// Only a session can be given the job of fixing.
  package var isSession: Bool
  /// Whether somebody is connected and waits for an answer; else it is told.
  package var isAttended: Bool
  /// Whether it goes on watching with nobody connected.
  package var stays: Bool
  /// Until when it watches, by the clock that stands still while the machine sleeps.
  package var deadline: Moment?

  /// What it asked for the lock with.
  package internal(set) var ticket: String?
  /// Since when it has the lock; the job only once a look after that still finds the failure.
  package internal(set) var tookAt: Moment?
  package internal(set) var hasJob = false
  /// The failure it knows it is to fix, and the one it gave back.
  var told = 0
  var declined = 0
  /// What it heard last.
  var heard: DeployWord?
  /// Whether it was left a message that nothing is known: once is enough.
  var knowsOfUnknown = false

  package init(id: String, isSession: Bool, isAttended: Bool, stays: Bool, deadline: Moment?) {
    self.id = id
    self.isSession = isSession
    self.isAttended = isAttended
    self.stays = stays
    self.deadline = deadline
  }
}

/// What a watcher hears.
package enum DeployWord: Codable, Equatable, Sendable {
  case ready
  /// It has the lock, and is to fix the failure.
  case job
  /// It failed; that session has the job, or nobody.
  case failed(fixer: String?)
  case building
  case unknown(String)
  /// Its own fix is not to be seen yet: the newest is the failure it knows.
  case awaited
  case timedOut

  /// Whether it is no news after that; for what reason nothing is known may change at every look.
  func isLike(_ other: DeployWord?) -> Bool {
    if case .unknown = self, case .unknown? = other { return true }
    return self == other
  }
}

package enum DeployEvent: Equatable, Sendable {
  /// It watches; or does so again.
  case joined(DeployWatcher)
  /// Nobody is connected for it any more.
  case left(String)
  /// It can watch no more: its run is over.
  case ended(String)
  /// What a look found that began then.
  case read(DeployReading, began: Moment)
  /// The lock's own book says that the ticket has it: at once, or after it waited in the queue.
  case took(ticket: String, waited: Bool)
  /// All that asked have their place in line.
  case settled
  /// The ticket is gone: given back, broken, refused.
  case lost(ticket: String)
  case ticked
}

package enum DeployAction: Equatable, Sendable {
  /// Asks for the lock for that session, with a note; it is granted or waits in the lock's queue.
  case ask(ticket: String, watcher: String, note: String)
  /// No longer wants the lock, or gives it back.
  case leave(ticket: String)
  /// The failure the lock is held for is another now.
  case note(ticket: String, String)
  /// To be answered by `settled` once the locks were asked for.
  case settle
  /// Runs the command once more, now.
  case look
  /// Who is connected has its answer, and is connected no more.
  case answer(String, DeployWord)
  /// Who is connected hears how it stands, and goes on waiting.
  case say(String, DeployWord)
  /// Who is not connected is left a message; some of it wakes.
  case tell(String, DeployWord, wakes: Bool)
}
