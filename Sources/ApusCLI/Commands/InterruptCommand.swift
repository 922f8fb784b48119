import ApusCore
import ApusWire

struct InterruptCommand: Command {
  static let about = About(
    name: "interrupt", group: .sessions, summary: "interrupt the turn; the session stays",
    example: "apus interrupt fix-parser")

  @Operand("NAME", help: "a session", completes: .sessions) var name

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.interrupt, SessionRequest(session: name))
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
