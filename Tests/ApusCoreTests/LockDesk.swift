import ApusCore

/// A book of locks and a clock, to write tests as sentences.
struct LockDesk {
  var book = LockBook()
  var now: Moment = 100
  var wall: Moment = 1_790_000_000

  static func key(_ name: String, _ scope: String = "r") -> LockKey { LockKey(scope: scope, name: name) }

  static func owner(_ id: String) -> LockOwner { LockOwner(id: id, name: "session \(id)", isSession: true) }

  /// `a1` is the first wish of session `a`.
  static func ticket(_ id: String, _ names: [String], wait: Double? = nil, at now: Moment = 100) -> LockTicket {
    var ticket = LockTicket(
      id: id, owner: owner(String(id.prefix(1))), keys: names.map { key($0) }, anchor: .word, since: 1_790_000_000)
    ticket.deadline = wait.map { now + $0 }
    return ticket
  }

  @discardableResult mutating func handle(_ event: LockEvent) -> [LockEffect] {
    book.begin()
    return book.handle(event, now: now, wall: wall)
  }

  @discardableResult mutating func ask(
    _ id: String, _ names: String..., wait: Double? = nil, _ change: (inout LockTicket) -> Void = { _ in }
  ) -> [LockEffect] {
    var ticket = Self.ticket(id, names, wait: wait, at: now)
    change(&ticket)
    return handle(.asked(ticket))
  }

  @discardableResult mutating func leave(_ id: String) -> [LockEffect] { handle(.left(ticket: id)) }
  @discardableResult mutating func die(_ id: String) -> [LockEffect] { handle(.died(ticket: id, evidence: "gone")) }
  @discardableResult mutating func live(_ id: String) -> [LockEffect] { handle(.lived(ticket: id, proof: "seen")) }

  @discardableResult mutating func release(_ name: String, _ token: Int64) -> [LockEffect] {
    handle(.released(Self.key(name), token: token))
  }

  @discardableResult mutating func drain(_ name: String, _ ticket: String? = nil) -> [LockEffect] {
    handle(.drained(Self.key(name), ticket: ticket, evidence: "empty"))
  }

  @discardableResult mutating func pass(_ seconds: Double) -> [LockEffect] {
    now += seconds
    wall += seconds
    return handle(.ticked)
  }

  func lock(_ name: String) -> NamedLock { book.locks[Self.key(name)] ?? NamedLock(key: Self.key(name)) }
  func holder(_ name: String) -> String? { book.holder(of: Self.key(name))?.id }
  func token(_ name: String) -> Int64? { lock(name).lease?.token }
  func queue(_ name: String) -> [String] { lock(name).queue }
  /// Nobody has or wants anything.
  var isEmpty: Bool { book.tickets.isEmpty && book.locks.values.allSatisfy(\.isQuiet) }
}

extension [LockEffect] {
  var granted: [String] {
    compactMap {
      guard case .granted(let id) = $0 else { return nil }
      return id
    }
  }

  var refused: [String: LockRefusal] {
    var all: [String: LockRefusal] = [:]
    for case .refused(let id, let why) in self { all[id] = why }
    return all
  }

  var queued: [String] {
    compactMap {
      guard case .queued(let id, let key, let ahead) = $0 else { return nil }
      return "\(id) \(key.name) \(ahead)"
    }
  }

  var lost: [String] {
    compactMap {
      guard case .lost(let key, let ticket, _) = $0 else { return nil }
      return "\(ticket.id) \(key.name)"
    }
  }

  var endings: [String] {
    compactMap {
      guard case .told(let story) = $0 else { return nil }
      return "\(story.key.name) \(story.owner.id) \(story.token) \(story.ending)"
    }
  }

  var drains: [String] {
    compactMap {
      guard case .drain(let key, let id, let how) = $0 else { return nil }
      return "\(key.name) \(id) \(how.text)"
    }
  }

  var stale: [String] {
    compactMap {
      guard case .stale(let key) = $0 else { return nil }
      return key.name
    }
  }

  /// The circle of who was refused: `a>x b>y`.
  func circle(_ id: String) -> String? {
    guard case .deadlock(let circle) = refused[id] else { return nil }
    return circle.map { "\($0.owner.id)>\($0.key.name)" }.joined(separator: " ")
  }
}
