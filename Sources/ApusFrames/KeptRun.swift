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
  /// What the agent is told besides its arguments: the hooks that report to us, mode 0600.
  package static let settings = "settings.json"
  /// The servers an agent is given, as its vendor writes them down.
  package static let servers = "mcp.json"
  /// What hooks reported while no daemon heard them, a line each.
  package static let hooks = "hooks"
  /// Of that file's name while the daemon reads it.
  package static let takenSuffix = ".taken"
  /// The agent's requests that whoever spoke with it has answered: an id a line.
  package static let answered = "answered"
  /// The directory of the run's control group, where it has one.
  package static let group = "group"
  /// Of a terminal: its sizes, each with the offset from which it holds (`SizeNote`).
  package static let sizes = "sizes"
  /// Of a terminal: what it showed at an offset (`ScreenNote`): `screen.OFFSET`.
  package static let screenPrefix = "screen."

  /// A terminal's recording is cut into segments of this size, and the oldest of them go.
  package static let segmentBytes: UInt64 = 64 << 20

  /// The segment that begins at that offset; a headless run has only the first.
  package static func segment(from offset: UInt64) -> String {
    offset == 0 ? recording : recording + "." + String(offset)
  }

  package static func screen(at offset: UInt64) -> String { screenPrefix + String(offset) }

  /// Where the segment of that name begins; nil for other files.
  package static func segmentStart(of name: String) -> UInt64? {
    if name == recording { return 0 }
    guard name.hasPrefix(recording + ".") else { return nil }
    return UInt64(name.dropFirst(recording.count + 1))
  }

  /// The offset of which the screen of that name tells; nil for other files.
  package static func screenOffset(of name: String) -> UInt64? {
    guard name.hasPrefix(screenPrefix) else { return nil }
    return UInt64(name.dropFirst(screenPrefix.count))
  }

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
  /// Nil: the agent has pipes.
  package var terminal: Terminal?

  /// The terminal an agent is to have.
  package struct Terminal: Equatable, Sendable {
    package var size: TerminalSize
    /// The settings of the terminal it was asked for from (`struct termios` of this machine); empty: the kernel's own.
    package var settings: [UInt8]

    package init(size: TerminalSize, settings: [UInt8] = []) {
      self.size = size
      self.settings = settings
    }
  }

  package init(
    socket: [UInt8], program: [UInt8], arguments: [[UInt8]], environment: [[UInt8]], directory: [UInt8],
    terminal: Terminal? = nil
  ) {
    self.socket = socket
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.terminal = terminal
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(Self.mark)
    writer.string(socket)
    writer.string(program)
    writer.list(arguments)
    writer.list(environment)
    writer.string(directory)
    writer.flag(terminal != nil)
    if let terminal {
      terminal.size.write(to: &writer)
      writer.string(terminal.settings)
    }
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
    guard try reader.flag() else { return }
    terminal = Terminal(size: try TerminalSize(from: &reader), settings: try reader.string())
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

/// From which offset of the recording on a terminal has which size: fixed-length records one after another.
package struct SizeNote: Equatable, Sendable {
  package static let length = 12

  package var offset: UInt64
  package var size: TerminalSize

  package init(offset: UInt64, size: TerminalSize) {
    self.offset = offset
    self.size = size
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(offset)
    size.write(to: &writer)
    return writer.bytes
  }

  /// All whole records of a `sizes` file.
  package static func all(_ bytes: [UInt8]) -> [SizeNote] {
    var reader = ByteReader(bytes)
    var notes: [SizeNote] = []
    while let offset: UInt64 = try? reader.number(), let size = try? TerminalSize(from: &reader) {
      notes.append(SizeNote(offset: offset, size: size))
    }
    return notes
  }
}

/// What a terminal showed at an offset: its size, and bytes that make a fresh terminal of that size show it.
package struct ScreenNote: Equatable, Sendable {
  package var size: TerminalSize
  package var bytes: [UInt8]

  package init(size: TerminalSize, bytes: [UInt8]) {
    self.size = size
    self.bytes = bytes
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    size.write(to: &writer)
    return writer.bytes + bytes
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    size = try TerminalSize(from: &reader)
    self.bytes = reader.rest()
  }
}
