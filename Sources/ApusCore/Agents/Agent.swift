/// What a keeper is to start, and what the agent is to hear first.
package struct LaunchSpec: Equatable, Sendable {
  package var program: String
  package var arguments: [String]
  package var environment: [String: String]
  package var directory: String
  /// Sent as soon as the agent runs.
  package var greeting: [UInt8]

  package init(
    program: String, arguments: [String], environment: [String: String], directory: String, greeting: [UInt8]
  ) {
    self.program = program
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.greeting = greeting
  }
}

/// The terminal somebody wants an agent to have: that of whoever asks, where there is one.
package struct TerminalWish: Codable, Equatable, Sendable {
  package static let largest = 4096

  package var rows: Int
  package var columns: Int
  /// The settings of the asker's terminal as bytes; empty: the kernel's own.
  package var settings: [UInt8]

  package init(rows: Int, columns: Int, settings: [UInt8] = []) {
    self.rows = rows
    self.columns = columns
    self.settings = settings
  }

  package var isPossible: Bool {
    (1...Self.largest).contains(rows) && (1...Self.largest).contains(columns) && settings.count <= 1024
  }
}

/// How a run takes up its conversation.
package enum Opening: Equatable, Sendable {
  /// With exactly these flags and words of a person's, in which the agent finds its conversation itself.
  case given([String])
  /// A new conversation under the session's id.
  case fresh
  /// The conversation goes on; `continuing` asks the agent to take up the turn that was cut off. `file` names the
  /// transcript where the id alone would not find it.
  case resumed(continuing: Bool, file: String?)
  /// A copy of that conversation goes on under the session's id.
  case forked(from: String)
}

/// One vendor's agent, translated. Implementations run nothing: they say what to run and what bytes mean.
package protocol Agent: Sendable {
  associatedtype Stream: AgentStream

  static var name: String { get }
  /// `settings` is a file that makes the agent report to us, `servers` one that names the tools we give it, `context` what
  /// it is told of its place, where there is one.
  static func launch(
    _ session: Session, opening: Opening, run: Int, settings: String?, servers: String?, context: String?
  ) -> LaunchSpec
  /// The same in a terminal; `prompt` is what the agent is asked at once.
  static func launchInTerminal(
    _ session: Session, opening: Opening, prompt: String?, settings: String?, servers: String?, context: String?
  ) -> LaunchSpec
  static func prompt(id: String, text: String) -> [UInt8]
  /// Ends the turn that is under way; `withQueued` takes back what waits behind it as well.
  static func interrupt(id: String, withQueued: Bool) -> [UInt8]
  static func answer(_ request: PermissionRequest, allow: Bool, message: String?, always: Bool) -> [UInt8]
  /// What an ending means for a person; nil when it was orderly.
  static func failure(of ending: Ending, errors: String) -> Failure?
}

/// Reads what an agent writes. Its state is small and can be kept, so that reading goes on where it stopped.
package protocol AgentStream: Codable, Sendable {
  init()
  /// One whole line, without its newline, that began at `offset`.
  mutating func read(line: ArraySlice<UInt8>, at offset: UInt64) -> [AgentEvent]
}
