/// Which lock is meant: its name, and where the name counts. A repository's locks are not those of another.
package struct LockKey: Codable, Hashable, Comparable, Sendable {
  /// A repository's common directory, or `everywhere`.
  package var scope: String
  package var name: String

  /// The scope of what is outside every repository, and of `--global`.
  package static let everywhere = ""
  package static let longestName = 64

  package init(scope: String, name: String) {
    self.scope = scope
    self.name = name
  }

  /// Sets are taken in this order, so that two who want the same locks never wait for each other.
  package static func < (left: LockKey, right: LockKey) -> Bool {
    left.name == right.name ? left.scope < right.scope : left.name < right.name
  }

  /// Throws what is wrong with a name.
  package static func check(_ name: String) throws(Failure) {
    let fits =
      (1...longestName).contains(name.utf8.count) && name == SessionName.printable(name) && !name.hasPrefix("-")
      && !name.contains(where: { $0.isWhitespace || $0 == "|" || $0 == "," })
    guard fits else {
      throw Failure(
        .nameInvalid, "\"\(SessionName.excerpt(name))\" cannot be the name of a lock",
        hint: "1 to \(longestName) bytes without blanks, commas or |, not beginning with -: docker, deploy, db:migrate")
    }
  }
}

/// Who holds a lock or waits for it. The same owner may have it several times; others wait.
package struct LockOwner: Codable, Hashable, Sendable {
  /// A session's short id; of what is no session an id of its own (`pid-start`, `file:e1b2`).
  package var id: String
  /// As people call it.
  package var name: String
  /// Whether `id` is a session's.
  package var isSession: Bool

  package init(id: String, name: String, isSession: Bool) {
    self.id = id
    self.name = name
    self.isSession = isSession
  }
}

/// What proves that a holder lives, and whose end proves that it does not.
package enum LockAnchor: Codable, Hashable, Sendable {
  /// A process, by pid and start.
  case process(ProcessMark)
  /// A run of a session: its keeper and its tree.
  case session(String)
  /// Nothing but what it says of itself.
  case word
}

/// What happens to a lock whose holder died: killing a program does not stop what it set going elsewhere.
package enum LockOnDeath: Codable, Equatable, Sendable {
  /// What its command left running is ended, then the next has it.
  case release
  /// The same after so many seconds.
  case delay(Double)
  /// The same once this command succeeds.
  case probe(String)
  /// Nothing: a person has to break it.
  case hold

  /// `release`, `delay:15s`, `probe:CMD`, `hold`; nil: none of them.
  package init?(_ text: String) {
    if text == "release" {
      self = .release
    } else if text == "hold" {
      self = .hold
    } else if text.hasPrefix("probe:"), text.count > 6 {
      self = .probe(String(text.dropFirst(6)))
    } else if text.hasPrefix("delay:"), let seconds = DurationText.seconds(text.dropFirst(6)) {
      self = .delay(seconds)
    } else {
      return nil
    }
  }

  package var text: String {
    switch self {
    case .release: "release"
    case .delay(let seconds): "delay:\(DurationText.text(seconds))"
    case .probe(let command): "probe:\(command)"
    case .hold: "hold"
    }
  }
}

/// `90`, `15s`, `5m`, `2h`, `1d`, as people write how long.
package enum DurationText {
  package static func seconds(_ text: some StringProtocol) -> Double? {
    if text.hasSuffix("ms"), text.dropLast(2).last?.isNumber == true {
      return seconds(text.dropLast(2)).map { $0 / 1000 }
    }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == 46 }), let number = Double(digits),
      case let seconds = number * (unit ?? 1), seconds < 1e8
    else { return nil }
    return seconds
  }

  package static func text(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))s" : "\(seconds)s"
  }
}

/// One wish for one or several locks, from when it is made until the last of them is given back.
package struct LockTicket: Codable, Equatable, Sendable {
  /// Chosen by who asks, so that it is known again whatever happened to the connection or the daemon.
  package var id: String
  package var owner: LockOwner
  /// In order; those before `taken` it has.
  package var keys: [LockKey]
  package var taken = 0
  package var tokens: [Int64] = []
  package var anchor: LockAnchor
  package var note: String?
  package var onDeath = LockOnDeath.release
  /// How long it may be silent, in seconds.
  package var leaseSeconds: Double = LockTicket.usualLease
  /// Until when it waits, by the clock that stands still while the machine sleeps; nil: not at all.
  package var deadline: Moment?
  /// Of several who wait, those of a higher rank come first. Waits of one owner for one lock stand together, at the
  /// highest of their ranks.
  package var rank = 0
  /// That highest rank, as long as it waits there.
  package var raisedRank: Int?
  /// Whether an owner that has a lock already may have it again. Where it may not, it is refused as one that waits for
  /// itself.
  package var isReentrant = true
  /// When it was asked for, for people.
  package var since: Moment
  /// Whether it waits for its next key.
  package var isWaiting = false
  /// Whether somebody is connected and wants to hear: who never comes back after a new daemon began wants nothing more.
  package var isAttended = false

  /// A holder of whom nothing proves that it died loses its right after so many seconds of silence.
  package static let usualLease: Double = 300

  package init(id: String, owner: LockOwner, keys: [LockKey], anchor: LockAnchor, since: Moment) {
    self.id = id
    self.owner = owner
    self.keys = Array(Set(keys)).sorted()
    self.anchor = anchor
    self.since = since
  }

  package var isComplete: Bool { taken == keys.count }
  var standing: Int { raisedRank ?? rank }
  /// What it lacks and takes next.
  package var wanted: LockKey? { taken < keys.count ? keys[taken] : nil }

  /// Whether it fits together, whoever wrote it down.
  var isSound: Bool { taken >= 0 && taken <= keys.count && tokens.count == taken && !(isWaiting && isComplete) }

  /// The same without what nobody can mean: times without an end, times before now, a lock twice.
  func sane(_ now: Moment) -> LockTicket {
    var sane = self
    if !zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }) { sane.keys = Array(Set(keys)).sorted() }
    sane.leaseSeconds = LockTicket.lease(leaseSeconds)
    sane.deadline = deadline.flatMap { $0.isNaN ? nil : min(max($0, now), now + LockTicket.longest) }
    if case .delay(let seconds) = onDeath {
      sane.onDeath = .delay(seconds.isNaN ? 0 : min(max(seconds, 0), LockTicket.longest))
    }
    return sane
  }

  /// No wait and no lease is longer, in seconds.
  static let longest: Double = 1e8

  static func lease(_ seconds: Double) -> Double { seconds > 0 ? min(seconds, longest) : usualLease }
}

/// One lock: who has it, and who waits.
package struct NamedLock: Codable, Equatable, Sendable {
  package var key: LockKey
  /// The largest token ever given for it.
  package var highest: Int64 = 0
  /// The right itself, decided by `Lease.decide`; its times are of the clock that stands still during sleep.
  package var lease: Lease?
  package var owner: LockOwner?
  /// The tickets the owner has it by, the first first; more than one where it took it again.
  package var holds: [String] = []
  package var since: Moment = 0
  package var note: String?
  /// Its holder died and what that left behind is being waited for.
  package var drain: Drain?
  /// Tickets that wait, the next first.
  package var queue: [String] = []
  /// What last proved that the holder lives, and when.
  package var proof = ""
  package var provenAt: Moment = 0

  package struct Drain: Codable, Equatable, Sendable {
    package var ticket: String
    package var onDeath: LockOnDeath
    package var evidence: String
    /// When a delay is over.
    package var until: Moment?
  }

  package init(key: LockKey) { self.key = key }

  package var isFree: Bool { lease == nil && drain == nil }
  /// Nothing has to be remembered of it but its highest token.
  package var isQuiet: Bool { isFree && queue.isEmpty }
}

/// What became of one holding of a lock.
package struct LockStory: Codable, Equatable, Sendable {
  package var key: LockKey
  package var token: Int64
  package var owner: LockOwner
  package var note: String?
  package var since: Moment
  package var until: Moment
  /// `released`, or why it was taken away, with the evidence.
  package var ending: String
}

/// What a command under `apus lock run` finds in its environment.
package enum LockVariable {
  package static let prefix = "APUS_LOCK_"
  package static let token = prefix + "TOKEN"
  package static let name = prefix + "NAME"
  package static let ticket = prefix + "TICKET"
  /// What its whole tree carries, and what runs under another lock inside it as well: an entry, not a name.
  package static func mark(of ticket: String) -> (name: String, value: String) { (prefix + "OF_" + ticket, "1") }
  /// Who has the lock, for whatever asks for it again inside.
  package static let owner = prefix + "OWNER"
}
