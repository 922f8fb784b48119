import ApusCore
import ApusWire

struct RenameCommand: Command {
  static let about = About(
    name: "rename", group: .sessions, summary: "give a session another name", example: "apus rename fix-parser parser-2"
  )

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operand("NEW", help: "its new name") var new

  func run(_ context: Context) throws(Failure) -> Int32 {
    try SessionName.check(new)
    let reply = try context.raw(.rename, RenameRequest(session: name, name: new))
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
