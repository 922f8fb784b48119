import ApusCore
import ApusWire

struct ArchiveCommand: Command {
  static let about = About(
    name: "archive", group: .sessions, summary: "put an ended session out of sight; nothing is deleted",
    example: "apus archive fix-parser")

  @Operand("NAME", help: "a session that is not running", completes: .sessions) var name

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.archive, SessionRequest(session: name))
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
