/// What is said to a keeper and what it answers. Append kinds, never renumber: a daemon speaks with keepers of
/// two versions back, which run for as long as their agents do.
package enum KeeperProtocol {
  package static let version: UInt16 = 3
  /// The first version that knows terminals; nothing of theirs may be said to an older keeper.
  package static let terminals: UInt16 = 2
  /// The first version with which a client may speak for an agent that has pipes.
  package static let speakers: UInt16 = 3
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
  /// Become a viewer of the terminal (from version 2 on, as all below).
  case view(View)
  /// Bytes typed. Of a viewer only the lead's are taken; one who does not view (a program) may always type. Where the
  /// agent has pipes only who speaks with it types, and what is typed at once is never torn apart.
  case type([UInt8])
  /// The viewer's terminal has this size now. The lead's is the agent's; from a program: the agent's at once.
  case size(TerminalSize)
  /// Be the lead from now on.
  case lead
  /// A signal for the agent itself.
  case signal(Int32)
  /// An orderly farewell: the viewer has put its terminal right itself.
  case leave
  /// Be the one client that speaks with the agent over its pipes (from version 3 on), as that process. `speaker` answers.
  case speak(process: Int32)
}

package struct TerminalSize: Equatable, Sendable {
  package var rows: UInt16
  package var columns: UInt16

  package init(rows: UInt16, columns: UInt16) {
    self.rows = rows
    self.columns = columns
  }
}

/// How one wants to view a terminal.
package struct View: Equatable, Sendable {
  package enum Wish: UInt8, Sendable {
    /// Never lead.
    case watch
    /// Lead if nobody does, or once the lead leaves.
    case follow
    /// Lead at once, whoever led before.
    case lead
  }

  package var wish: Wish
  package var size: TerminalSize
  package var testament: Testament?

  package init(wish: Wish, size: TerminalSize, testament: Testament? = nil) {
    self.wish = wish
    self.size = size
    self.testament = testament
  }

  /// What is to be done to a viewer's own terminal when the viewer goes without a farewell (it was killed).
  package struct Testament: Equatable, Sendable {
    /// The terminal's device.
    package var device: [UInt8]
    /// Its settings as they were, `struct termios` of this machine.
    package var settings: [UInt8]
    /// Written to it.
    package var bytes: [UInt8]

    package init(device: [UInt8], settings: [UInt8], bytes: [UInt8]) {
      self.device = device
      self.settings = settings
      self.bytes = bytes
    }
  }
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
  /// The answer to `view`: how far the output goes now, the agent's size, whether this viewer leads.
  case viewing(available: UInt64, size: TerminalSize, leads: Bool)
  /// This viewer leads from now on, or no longer does.
  case leads(Bool)
  /// The agent's terminal has another size.
  case sized(TerminalSize)
  /// The agent was stopped (as by Ctrl-Z) or goes on.
  case stopped(Bool)
  /// Whether anybody views the terminal; said to those who only wait for the ending, when it changes.
  case viewed(Bool)
  /// Which process speaks with the agent over its pipes (0: none); said to all when it changes and, where there is one,
  /// with the welcome. The answer to `speak` names who asked, or who has it already.
  case speaker(Int32)

  package struct Welcome: Equatable, Sendable {
    package var version: UInt16
    package var keeper: Int32
    package var agent: Int32
    package var agentStart: UInt64
    package var recorded: UInt64
    package var lastInput: UInt64
    /// Nil where the agent has pipes.
    package var terminal: TerminalSize?

    package init(
      version: UInt16, keeper: Int32, agent: Int32, agentStart: UInt64, recorded: UInt64, lastInput: UInt64,
      terminal: TerminalSize? = nil
    ) {
      self.version = version
      self.keeper = keeper
      self.agent = agent
      self.agentStart = agentStart
      self.recorded = recorded
      self.lastInput = lastInput
      self.terminal = terminal
    }
  }
}
