import ApusCore
import ApusLink
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
    var next = from ?? 0
    var again = false
    while true {
      do throws(Failure) {
        try context.stream(.events, EventsRequest(session: name, from: next, follow: follow), again: again) {
          bytes in
          context.output.line(bytes)
          if let n = (try? JSONText.decode(Numbered.self, from: bytes))?.n { next = n + 1 }
          return true
        }
        return 0
      } catch {
        // Events are numbered for good: the next daemon goes on where this one went away.
        guard error == DaemonLink.gone, follow else { throw error }
        again = true
      }
    }
  }

  private struct Numbered: Decodable { var n: Int }
}
