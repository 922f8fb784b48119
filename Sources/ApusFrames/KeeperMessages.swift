/// What is said to a keeper and what it answers. Append kinds, never renumber: a daemon speaks with keepers of
/// two versions back, which run for as long as their agents do.
package enum KeeperProtocol {
  package static let version: UInt16 = 1
  /// The oldest keeper a daemon of this version can speak with.
  package static let oldest: UInt16 = 1
}

/// One step of ending an agent: what to do, and how long to wait for the agent's end before the next step.
package struct TeardownStep: Equatable, Sendable {
  package enum Act: Equatable, Sendable {
    /// Bytes the agent understands as «stop what you do».
    case say([UInt8])
    case closeInput
    case signal(Int32)
  }

  package var act: Act
  package var milliseconds: UInt32

  package init(_ act: Act, milliseconds: UInt32) {
    self.act = act
    self.milliseconds = milliseconds
  }
}

/// How a run ended, as the keeper saw it.
package enum KeptEnding: Equatable, Sendable {
  case exit(Int32)
  case signal(Int32)
  /// The agent could not be started: the error number.
  case neverStarted(Int32)
}

package enum KeeperRequest: Equatable, Sendable {
  case hello(version: UInt16)
  /// Send the recording from this offset on, and go on sending as it grows.
  case follow(offset: UInt64)
  /// Bytes for the agent. Numbers grow; a number not above the last one taken is a repetition and is dropped.
  case input(number: UInt64, bytes: [UInt8])
  case closeInput
  case end([TeardownStep])
  /// The ending was read and kept: the keeper may go.
  case acknowledgeEnding
}

package enum KeeperReply: Equatable, Sendable {
  case welcome(Welcome)
  case output(offset: UInt64, bytes: [UInt8])
  case taken(number: UInt64)
  /// Sent to a follower after the last byte of output.
  case ending(KeptEnding, recorded: UInt64)
  /// The recording cannot be written (an error number; 0: it can again). The agent waits meanwhile.
  case trouble(Int32)
  case refused([UInt8])

  package struct Welcome: Equatable, Sendable {
    package var version: UInt16
    package var keeper: Int32
    package var agent: Int32
    package var agentStart: UInt64
    package var recorded: UInt64
    package var lastInput: UInt64

    package init(
      version: UInt16, keeper: Int32, agent: Int32, agentStart: UInt64, recorded: UInt64, lastInput: UInt64
    ) {
      self.version = version
      self.keeper = keeper
      self.agent = agent
      self.agentStart = agentStart
      self.recorded = recorded
      self.lastInput = lastInput
    }
  }
}
