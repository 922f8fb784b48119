import ApusCore
import ApusWire

struct EventsCommand: Command {
  static let about = About(
    name: "events", group: .sessions, summary: "show what happened to a session, a JSON line each",
    example: "apus events fix-parser --from 0 -f",
    more: "Events are numbered from 0 within the session, for good: go on with --from one more than the last n.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Option("--from", value: "N", help: "begin with event N", atLeast: 0) var from: Int?
  @Flag("--follow", "-f", help: "go on as they come") var follow

  func run(_ context: Context) throws(Failure) -> Int32 {
    try context.stream(.events, EventsRequest(session: name, from: from ?? 0, follow: follow)) { bytes in
      context.output.line(bytes)
      return true
    }
    return 0
  }
}
