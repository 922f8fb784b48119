import ApusCore
import ApusWire

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
    let reply = try context.rawAgain(.wait, WaitRequest(session: name, goal: goal, seconds: seconds))
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
