import ApusFrames

/// The life of a run as its keeper lives it: decides, performs nothing, reads no clock.
///
/// running → (asked to end) ending → (agent gone) sweeping → (tree empty) over → (ending read) gone.
/// An agent that ends by itself goes straight to sweeping: what its tools left running ends with it.
struct KeeperState {
  enum Phase: Equatable {
    case running
    case ending(remaining: [TeardownStep], until: Int64)
    case sweeping(KeptEnding, insist: Bool, until: Int64)
    case over(KeptEnding)
    case gone
  }

  enum Event: Equatable {
    case endRequested([TeardownStep])
    case agentEnded(KeptEnding)
    case treeSeenEmpty
    case timePassed
    case endingAcknowledged
  }

  enum Action: Equatable {
    case say([UInt8])
    case closeInput
    case signalAgent(Int32)
    /// Every process that descends from the agent.
    case signalTree(Int32)
    /// Keep the ending and tell the viewers.
    case announce(KeptEnding)
    case leave
  }

  static let termination: Int32 = 15
  static let kill: Int32 = 9
  /// How long the agent's leftovers may take to end politely.
  static let politeMilliseconds: Int64 = 400
  /// How often what would not die is killed again (it may have forked meanwhile).
  static let insistMilliseconds: Int64 = 20

  /// How a keeper ends its agent when it is itself asked to end (a shutdown of the machine).
  static let ownTeardown = [
    TeardownStep(.closeInput, milliseconds: 500), TeardownStep(.signal(termination), milliseconds: 3000),
  ]

  private(set) var phase: Phase = .running

  /// When `timePassed` is due, on the caller's clock; nil when nothing is awaited.
  var deadline: Int64? {
    switch phase {
    case .running, .over, .gone: nil
    case .ending(_, let until): until
    case .sweeping(_, _, let until): until
    }
  }

  mutating func handle(_ event: Event, now: Int64) -> [Action] {
    switch event {
    case .endRequested(let steps):
      switch phase {
      case .running: return next(steps, now: now)
      case .ending(let remaining, _):
        // A shorter plan (stop --now while a polite stop goes on) takes over; a longer one does not.
        return steps.count <= remaining.count ? next(steps, now: now) : []
      case .sweeping, .over, .gone: return []
      }
    case .agentEnded(let ending):
      switch phase {
      case .running, .ending:
        phase = .sweeping(ending, insist: false, until: now + Self.politeMilliseconds)
        return [.signalTree(Self.termination)]
      case .sweeping, .over, .gone: return []
      }
    case .treeSeenEmpty:
      guard case .sweeping(let ending, _, _) = phase else { return [] }
      phase = .over(ending)
      return [.announce(ending)]
    case .timePassed: return passTime(now: now)
    case .endingAcknowledged:
      guard case .over = phase else { return [] }
      phase = .gone
      return [.leave]
    }
  }

  private mutating func passTime(now: Int64) -> [Action] {
    guard let deadline, now >= deadline else { return [] }
    switch phase {
    case .ending(let remaining, _): return next(remaining, now: now)
    case .sweeping(let ending, _, _):
      phase = .sweeping(ending, insist: true, until: now + Self.insistMilliseconds)
      return [.signalTree(Self.kill)]
    case .running, .over, .gone: return []
    }
  }

  private mutating func next(_ steps: [TeardownStep], now: Int64) -> [Action] {
    guard let step = steps.first else {
      phase = .ending(remaining: [], until: now + Self.insistMilliseconds)
      return [.signalAgent(Self.kill)]
    }
    phase = .ending(remaining: Array(steps.dropFirst()), until: now + Int64(step.milliseconds))
    switch step.act {
    case .say(let bytes): return [.say(bytes)]
    case .closeInput: return [.closeInput]
    case .signal(let signal): return [.signalAgent(signal)]
    }
  }
}
