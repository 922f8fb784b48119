import ApusCore
import ApusWire

/// All that decides how a development server is run and watched.
package struct DevPlan: Sendable {
  /// The program, looked up, and its arguments.
  package var program: String
  package var arguments: [String]
  package var directory: String
  package var environment: [String: String]
  /// Absolute, without links.
  package var roots: [String]
  package var watchRule: WatchRule
  /// Directories that are never watched: those of ours.
  package var never: [String]
  package var rules: DevRules
  package var mode: DevMode
  /// Of an address: as it was given.
  package var health: String?
  package var portVariable: String?
  package var politeMilliseconds: Int
  /// Whether the server is given its port's socket.
  package var handsSocket = false
  package var terminal: ServerProgram.Size?
  package var request: DevServeRequest
  package var places: Places

  package init(
    program: String, arguments: [String], directory: String, environment: [String: String],
    roots: [String], watchRule: WatchRule, never: [String], rules: DevRules, mode: DevMode, health: String?,
    portVariable: String?, politeMilliseconds: Int, terminal: ServerProgram.Size?, request: DevServeRequest,
    places: Places
  ) {
    self.program = program
    self.arguments = arguments
    self.directory = directory
    self.environment = environment
    self.roots = roots
    self.watchRule = watchRule
    self.never = never
    self.rules = rules
    self.mode = mode
    self.health = health
    self.portVariable = portVariable
    self.politeMilliseconds = politeMilliseconds
    self.terminal = terminal
    self.request = request
    self.places = places
  }
}
