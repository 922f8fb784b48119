/// The files of one run, side by side in its directory. Written by the keeper, read by whoever comes later.
package enum RunFile {
  /// What to start (`LaunchOrder`), written by the daemon, mode 0600: it holds the agent's environment.
  package static let launch = "launch"
  /// Everything the agent wrote to its standard output; an offset in it is its number for good.
  package static let recording = "recording"
  /// The agent's standard error, its first `errorsLimit` bytes.
  package static let errors = "errors"
  /// Who keeps the run (`KeeperCard`).
  package static let keeper = "keeper"
  /// How it ended (`EndingNote`).
  package static let ending = "ending"

  package static let errorsLimit = 4 << 20
}

/// What a keeper is told to start. All strings are bytes: a path need not be text.
package struct LaunchOrder: Equatable, Sendable {
  private static let mark: UInt32 = 0x3141_5041

  package var socket: [UInt8]
  package var program: [UInt8]
  package var arguments: [[UInt8]]
  package var environment: [[UInt8]]
  package var directory: [UInt8]

  package init(
    socket: [UInt8], program: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], directory: [UInt8]
  ) {
    self.socket = socket
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(Self.mark)
    writer.string(socket)
    writer.string(program)
    writer.list(arguments)
    writer.list(environment)
    writer.string(directory)
    return writer.bytes
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    guard try reader.number(UInt32.self) == Self.mark else { throw MalformedBytes() }
    socket = try reader.string()
    program = try reader.string()
    arguments = try reader.list()
    environment = try reader.list()
    directory = try reader.string()
  }
}

/// Who keeps a run: enough to find the keeper and its agent again, and to be sure that they are the same processes.
package struct KeeperCard: Equatable, Sendable {
  package var keeper: Int32
  package var keeperStart: UInt64
  package var agent: Int32
  package var agentStart: UInt64

  package init(keeper: Int32, keeperStart: UInt64, agent: Int32, agentStart: UInt64) {
    self.keeper = keeper
    self.keeperStart = keeperStart
    self.agent = agent
    self.agentStart = agentStart
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(keeper)
    writer.number(keeperStart)
    writer.number(agent)
    writer.number(agentStart)
    return writer.bytes
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    keeper = try reader.number()
    keeperStart = try reader.number()
    agent = try reader.number()
    agentStart = try reader.number()
  }
}

/// How a run ended, on disk before anyone is told.
package struct EndingNote: Equatable, Sendable {
  package var ending: KeptEnding
  package var recorded: UInt64

  package init(ending: KeptEnding, recorded: UInt64) {
    self.ending = ending
    self.recorded = recorded
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    ending.write(to: &writer)
    writer.number(recorded)
    return writer.bytes
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    ending = try KeptEnding(from: &reader)
    recorded = try reader.number()
  }
}
