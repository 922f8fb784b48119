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
      + "and --continue of a conversation that is alive attach to it. A program that speaks stream-json with it in both "
      + "directions, as Anthropic's SDKs do (cli_path=\"apus-claude\"), gets the same bytes as from claude; when it is "
      + "killed, the agent finishes its turn, and the next --resume ID is attached to it. A deliberate close ends the "
      + "agent, unless PERSIST_CLAUDE_SESSIONS=true. Everything else (`claude mcp`, `-p TEXT`, `--version`, …) is handed "
      + "to the real program as it is.")

  @Operands("ARGS", help: "as for claude") var arguments

  /// Its arguments are claude's own, flags and all: they never come through the parser.
  func run(_ context: Context) throws(Failure) -> Int32 { try Self.run(arguments, context) }

  static func run(_ arguments: [String], _ context: Context) throws(Failure) -> Int32 {
    // Before it can have ended: whose pipes these are is known by it.
    let parent = Parent()
    let settings = try context.settings
    let program = try AgentProgram.find(
      settings[.claude], environment: context.environment, directory: context.directory)
    let asked = ClaudeArguments(arguments)
    let own = OwnTerminal()
    guard own != nil ? !asked.isForeign : asked.isStream else { throw handOver(program, arguments) }
    let chosen = settings[.model]
    var spec = SpawnSpec(
      program: program, model: chosen.isEmpty ? nil : chosen, permissionMode: settings[.permissionMode], maxTurns: nil,
      environment: context.environment)
    if own == nil { spec.umask = Int(apus_own_umask()) }
    let request = ClaudeRequest(
      arguments: arguments, directory: context.directory, spec: spec, persists: try settings.flag(.persist),
      terminal: own == nil ? nil : Seat.wish())
    func ask() throws(Failure) -> RunPlace {
      do throws(Failure) {
        do throws(Failure) { return try context.ask(.claude, request) } catch {
          // It may have been killed after it had started the agent: the next one knows of it.
          guard own == nil, error == DaemonLink.gone else { throw error }
          return try context.ask(.claude, request)
        }
      } catch {
        switch error.code {
        // What keeps sessions does not work here: the person's work is what counts.
        case .daemonUnreachable, .daemonVersion, .daemonTaken, .homeRefused, .diskFull, .storeFailed, .keeperFailed,
          .agentTooOld, .internalError:
          context.output.note("apus: not kept: \(error.summary)")
          throw handOver(program, arguments)
        default: throw error
        }
      }
    }
    if let own { return try sit(own, try ask()) }
    do throws(Failure) {
      switch try StreamSeat.sit(parent, persists: request.persists, ask: ask) {
      case .ended(let ending): return try RunRecord.end(as: ending)
      case .left(let code): return code
      }
    } catch {
      // As claude itself ends where it cannot do what it is to.
      context.output.fail(error, isJSON: false)
      return 1
    }
  }

  private static func sit(_ own: OwnTerminal, _ place: RunPlace) throws(Failure) -> Int32 {
    let talk = try Seat.open(place)
    let viewer = TerminalViewer(
      own, directory: place.directory, talk: talk, manner: .init(wish: .lead, keys: nil, isDropIn: true))
    switch try viewer.sit(fromStart: place.isNew) {
    case .detached: return 0
    case .hungUp: return 128 + SIGHUP
    case .ended(let ending): return try RunRecord.end(as: ending)
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
