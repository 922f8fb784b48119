import ApusCore

// Locks, claims and messages: what sessions, commands and people ask of one another.

/// Who asks, as far as its process knows: the daemon finds the session, where it is one.
package struct Asker: Codable, Sendable {
  /// `APUS_RUN`: the directory of the run it belongs to.
  package var run: String?
  /// The conversation of a Claude Code that is not ours.
  package var conversation: String?
  /// A session named by a person.
  package var session: String?
  package var directory: String
  /// The process that asks; nil where its life says nothing.
  package var process: ProcessMark?
  /// An owner it inherited from `apus lock run` around it.
  package var owner: LockOwner?
  package var isEverywhere = false
  /// A program that is no session, by the name it was let in under.
  package var program: LockOwner?

  package init(directory: String) { self.directory = directory }
}

package struct LockRequest: Codable, Sendable {
  package var asker: Asker
  package var names: [String]
  /// Known again after a broken connection.
  package var ticket: String
  package var note: String?
  /// How long it waits, in seconds; nil: not at all.
  package var waitSeconds: Double?
  package var leaseSeconds: Double?
  package var onDeath: String?
  package var isReentrant = true
  /// Whether it is the process that holds: with it ends the right.
  package var isOfProcess = false
  /// Whether the answer comes at once, with the place in the queue, and the session is told later.
  package var isLater = false

  package init(asker: Asker, names: [String], ticket: String) {
    self.asker = asker
    self.names = names
    self.ticket = ticket
  }
}

package struct LockReply: Codable, Sendable, Equatable {
  package var ticket: String
  package var granted: Bool
  package var names: [String]
  /// By name; the newest right to it.
  package var tokens: [String: Int64]
  package var owner: LockOwner
  /// Of one that waits: its place in the queue (1 is the next), and for what.
  package var place: Int?
  package var waitsFor: String?
  package var holder: LockOwner?
  package var holderSince: String?
  package var holderNote: String?

  package init(ticket: String, granted: Bool, names: [String], tokens: [String: Int64], owner: LockOwner) {
    self.ticket = ticket
    self.granted = granted
    self.names = names
    self.tokens = tokens
    self.owner = owner
  }
}

/// A verb about one lock that is held (or was).
package struct HeldLockRequest: Codable, Sendable {
  package enum Act: String, Codable, Sendable { case release, renew, verify, shatter = "break", leave }

  package var asker: Asker
  package var act: Act
  package var name: String
  package var token: Int64?
  package var ticket: String?
  package var seconds: Double?
  package var reason: String?

  package init(asker: Asker, act: Act, name: String) {
    self.asker = asker
    self.act = act
    self.name = name
  }
}

package struct LocksRequest: Codable, Sendable {
  package var asker: Asker
  /// Nil: all.
  package var name: String?
  /// Of every repository.
  package var all = false
  package var limit: Int?

  package init(asker: Asker, name: String? = nil) {
    self.asker = asker
    self.name = name
  }
}

package struct LockObject: Codable, Sendable, Equatable {
  package struct Waiting: Codable, Sendable, Equatable {
    package var ticket: String
    package var owner: LockOwner
    package var note: String?
    package var since: String
    package var age: Double

    package init(ticket: LockTicket, now: Moment) {
      self.ticket = ticket.id
      owner = ticket.owner
      note = ticket.note
      since = MomentText.iso(ticket.since)
      age = max(0, now - ticket.since)
    }
  }

  package var name: String
  /// The repository it belongs to; empty: everywhere.
  package var scope: String
  /// `free`, `held`, `draining` (its holder died, and what that left is seen to).
  package var state: String
  package var holder: LockOwner?
  package var token: Int64?
  package var note: String?
  package var since: String?
  package var age: Double?
  /// What last showed that the holder lives.
  package var proof: String?
  package var proofAge: Double?
  package var holds: Int
  package var onDeath: String?
  /// Why it is being taken from a holder that died.
  package var evidence: String?
  package var queue: [Waiting]

  package init(_ lock: NamedLock, tickets: [String: LockTicket], now: Moment) {
    name = lock.key.name
    scope = lock.key.scope
    state = lock.drain != nil ? "draining" : lock.lease != nil ? "held" : "free"
    holder = lock.owner
    token = lock.lease?.token
    note = lock.note
    holds = lock.holds.count
    if lock.owner != nil {
      since = MomentText.iso(lock.since)
      age = max(0, now - lock.since)
      proof = lock.proof
      proofAge = max(0, now - lock.provenAt)
    }
    onDeath = (lock.holds.last ?? lock.drain?.ticket).flatMap { tickets[$0]?.onDeath.text }
    evidence = lock.drain?.evidence
    queue = lock.queue.compactMap { tickets[$0].map { Waiting(ticket: $0, now: now) } }
  }
}

/// What became of one holding.
package struct LockStoryObject: Codable, Sendable, Equatable {
  package var name: String
  package var scope: String
  package var token: Int64
  package var holder: LockOwner
  package var note: String?
  package var since: String
  package var until: String
  package var seconds: Double
  package var ending: String

  package init(_ story: LockStory) {
    name = story.key.name
    scope = story.key.scope
    token = story.token
    holder = story.owner
    note = story.note
    since = MomentText.iso(story.since)
    until = MomentText.iso(story.until)
    seconds = max(0, story.until - story.since)
    ending = story.ending
  }
}

// MARK: claims

package struct ClaimRequest: Codable, Sendable {
  package enum Act: String, Codable, Sendable { case add, release, check, list }

  package var asker: Asker
  package var act: Act
  /// As they were given: relative to the asker's directory, or absolute.
  package var paths: [String]
  package var isShared = false

  package init(asker: Asker, act: Act, paths: [String]) {
    self.asker = asker
    self.act = act
    self.paths = paths
  }
}

package struct ClaimObject: Codable, Sendable, Equatable {
  package var path: String
  /// The session's name.
  package var session: String
  package var id: String
  package var since: String
  package var age: Double
  package var lastEdit: String
  /// `edit`, `disk`, `asked`, `file`.
  package var source: String
  package var shared: Bool
  package var checkout: String
  package var functions: [String]?
  /// Of a claim that stands against another: `conflict` in the same checkout, `merge` in another.
  package var meeting: String?

  package init(_ claim: Claim, name: String, meeting: String? = nil, now: Moment) {
    path = claim.path
    session = name
    id = claim.session
    since = MomentText.iso(claim.since)
    age = max(0, now - claim.since)
    lastEdit = MomentText.iso(claim.lastEdit)
    source = claim.source.rawValue
    shared = claim.isShared
    checkout = claim.checkout
    functions = claim.functions
    self.meeting = meeting
  }
}

// MARK: messages

package struct TellRequest: Codable, Sendable {
  package var asker: Asker
  /// A session, or `all`: every other one of the repository.
  package var to: String
  package var text: String

  package init(asker: Asker, to: String, text: String) {
    self.asker = asker
    self.to = to
    self.text = text
  }
}

package struct TellReply: Codable, Sendable, Equatable {
  /// Names of those it was left for.
  package var told: [String]

  package init(told: [String]) { self.told = told }
}

package struct InboxRequest: Codable, Sendable {
  package var asker: Asker
  /// What was read before as well.
  package var all: Bool
  /// Whether it counts as read afterwards.
  package var reads: Bool

  package init(asker: Asker, all: Bool, reads: Bool) {
    self.asker = asker
    self.all = all
    self.reads = reads
  }
}

package struct NoticeObject: Codable, Sendable, Equatable {
  package var kind: String
  package var from: String?
  package var text: String
  package var at: String
  package var age: Double
  package var read: Bool

  package init(_ notice: Notice, now: Moment) {
    kind = notice.kind.rawValue
    from = notice.from
    text = notice.text
    at = MomentText.iso(notice.at)
    age = max(0, now - notice.at)
    read = notice.readAt != nil
  }
}
