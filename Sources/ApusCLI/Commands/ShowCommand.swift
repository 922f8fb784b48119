import ApusCore
import ApusWire

struct ShowCommand: Command {
  static let about = About(
    name: "show", group: .sessions, summary: "show one session in full", example: "apus show fix-parser")

  @Operand("NAME", help: "a session: name, short id or conversation id", completes: .sessions) var name

  func run(_ context: Context) throws(Failure) -> Int32 {
    try context.show(try context.raw(.show, SessionRequest(session: name)))
    return 0
  }
}
