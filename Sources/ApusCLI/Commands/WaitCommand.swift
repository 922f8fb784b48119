import ApusCore
import ApusWire
import CSystem

struct WaitCommand: Command {
  static let about = About(
    name: "wait", group: .sessions, summary: "wait until a session is idle, has ended, or needs you",
    example: "apus wait fix-parser --for idle --timeout 600",
    more: "Exits 124 when the time runs out, and at once when what is waited for can no longer come.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Option(
    "--for", value: "WHAT", help: "idle (default), ended or needs-you", choices: WaitGoal.allCases.map(\.rawValue))
  var goal: String?
  @Option("--timeout", value: "SECONDS", help: "give up after so long") var seconds: Double?

  func run(_ context: Context) throws(Failure) -> Int32 {
    let goal = goal.flatMap(WaitGoal.init(rawValue:)) ?? .idle
    // The limit is the caller's, however many daemons come and go meanwhile.
    let since = apus_monotonic_milliseconds()
    let reply = try context.rawAgain(.wait) {
      let spent = Double(apus_monotonic_milliseconds() - since) / 1000
      return WaitRequest(session: name, goal: goal, seconds: seconds.map { max(0, $0 - spent) })
    }
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
