/// What is to be brought back after a reboot or a mass death, and in which order it is done: one after another, spaced,
/// until a cause shows that would stop all the others too. Pure; its owner starts, waits and looks.
package struct Recovery: Equatable, Sendable {
  /// What happened to a session that nobody asked to end.
  package enum Mishap: String, Codable, Sendable {
    case lost
    case cutOff = "cut_off"

    /// Nil for a session that is to be left as it is.
    package init?(_ session: Session) {
      switch session.state {
      case .lost: self = .lost
      case .ended:
        guard session.interrupted, !session.stopped else { return nil }
        self = .cutOff
      case .queued, .starting, .running, .archived: return nil
      }
    }

    package var text: String {
      switch self {
      case .lost: "lost"
      case .cutOff: "cut off in the middle of a turn"
      }
    }
  }

  package struct Candidate: Equatable, Sendable {
    package var session: String
    /// Why it cannot be resumed; nil when it can.
    package var obstacle: Failure?

    package init(session: String, obstacle: Failure?) {
      self.session = session
      self.obstacle = obstacle
    }
  }

  package enum Event: Equatable, Sendable {
    case began
    /// The machine's load per core.
    case looked(load: Double)
    case waited
    /// What was started last came up, works or waits for a place (nil), or failed.
    case settled(Failure?)
  }

  package enum Action: Equatable, Sendable {
    case look
    case wait(seconds: Double)
    case start(String)
    case pass(String, Failure)
    /// Nothing more is started: these were not.
    case giveUp([String], Failure)
    case finish
  }

  package static let longestPatience: Double = 60
  private static let pauseSeconds: Double = 1

  private var waiting: [Candidate]
  private let spacing: Double
  private let highestLoad: Double
  private var startedAt: Moment?
  private var impatientAt: Moment?

  package init(_ candidates: [Candidate], spacing: Double, highestLoad: Double) {
    waiting = candidates
    self.highestLoad = highestLoad > 0 ? highestLoad : .infinity
    self.spacing = spacing
  }

  package mutating func handle(_ event: Event, now: Moment) -> [Action] {
    switch event {
    case .began, .waited: return next(now)
    case .looked(let load):
      guard let first = waiting.first else { return [.finish] }
      let until = impatientAt ?? now + Self.longestPatience
      impatientAt = until
      if load > highestLoad, now < until { return [.wait(seconds: Self.pauseSeconds)] }
      impatientAt = nil
      startedAt = now
      waiting.removeFirst()
      return [.start(first.session)]
    case .settled(let failure):
      guard let failure, failure.code.isCommonCause else { return next(now) }
      let rest = waiting.map(\.session)
      waiting = []
      return rest.isEmpty ? [.finish] : [.giveUp(rest, failure), .finish]
    }
  }

  /// What comes before the next start.
  private mutating func next(_ now: Moment) -> [Action] {
    var actions: [Action] = []
    while let first = waiting.first, let obstacle = first.obstacle {
      waiting.removeFirst()
      actions.append(.pass(first.session, obstacle))
    }
    if waiting.isEmpty { return actions + [.finish] }
    if let startedAt, now < startedAt + spacing { return actions + [.wait(seconds: startedAt + spacing - now)] }
    return actions + [.look]
  }
}
