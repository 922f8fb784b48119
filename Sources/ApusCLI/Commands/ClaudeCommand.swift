import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc

struct ClaudeCommand: Command {
  static let about = About(
    name: "claude", group: .terminals, summary: "claude with its own flags, kept: a closed terminal loses nothing",
    example: "alias claude=apus-claude",
    more:
      "In a terminal it is claude, with the same flags, screen, keys and exit code, as a session of apus. --resume ID "
      + "and --continue of a conversation that is alive attach to it. What is no session in a terminal (`claude mcp`, "
      + "`-p`, `--version`, …) is handed to the real program as it is.")

  @Operands("ARGS", help: "as for claude") var arguments

  /// Its arguments are claude's own, flags and all: they never come through the parser.
  func run(_ context: Context) throws(Failure) -> Int32 { try Self.run(arguments, context) }

  static func run(_ arguments: [String], _ context: Context) throws(Failure) -> Int32 {
    let settings = try context.settings
    let program = try AgentProgram.find(
      settings[.claude], environment: context.environment, directory: context.directory)
    let asked = ClaudeArguments(arguments)
    guard !asked.isForeign, let own = OwnTerminal() else { throw handOver(program, arguments) }
    let chosen = settings[.model]
    let request = ClaudeRequest(
      arguments: arguments, directory: context.directory,
      spec: SpawnSpec(
        program: program, model: chosen.isEmpty ? nil : chosen, permissionMode: settings[.permissionMode],
        maxTurns: nil,
        environment: context.environment),
      persists: try settings.flag(.persist), terminal: Seat.wish())
    let place: RunPlace
    do throws(Failure) { place = try context.ask(.claude, request) } catch {
      switch error.code {
      // What keeps sessions does not work here: the person's work is what counts.
      case .daemonUnreachable, .daemonVersion, .daemonTaken, .homeRefused, .diskFull, .storeFailed, .keeperFailed,
        .agentTooOld, .internalError:
        context.output.note("apus: not kept: \(error.summary)")
        throw handOver(program, arguments)
      default: throw error
      }
    }
    return try sit(own, place)
  }

  private static func sit(_ own: OwnTerminal, _ place: RunPlace) throws(Failure) -> Int32 {
    let talk = try Seat.open(place)
    let viewer = TerminalViewer(
      own, directory: place.directory, talk: talk, manner: .init(wish: .lead, keys: nil, isDropIn: true))
    switch try viewer.sit(fromStart: place.isNew) {
    case .detached: return 0
    case .hungUp: return 128 + SIGHUP
    case .ended(.exit(let code)): return code
    case .ended(.signal(let number)):
      // As it was for the agent, so for whoever waits for us.
      signal(number, SIG_DFL)
      raise(number)
      return 128 + number
    case .ended(.neverStarted(let code)):
      throw Failure(
        .agentMissing, "claude could not be started: \(String(cString: apus_error_text(code)))",
        hint: "say where it is with APUS_CLAUDE")
    }
  }

  /// Becomes the real program; what is returned is why that could not be.
  private static func handOver(_ program: String, _ arguments: [String]) -> Failure {
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    // A signal ignored here would stay ignored there.
    signal(SIGPIPE, SIG_DFL)
    execv(program, words)
    return Failure(
      .agentMissing, "\(program): \(String(cString: apus_error_text(errno)))",
      hint: "say where claude is with APUS_CLAUDE")
  }
}
