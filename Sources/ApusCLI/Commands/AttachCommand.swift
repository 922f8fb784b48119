import ApusCore
import ApusWire

struct AttachCommand: Command {
  static let about = About(
    name: "attach", group: .terminals, summary: "sit down at a session's terminal",
    example: "apus attach fix-parser",
    more: "The screen is painted as it is now; the agent is not asked to draw it again. Several may be attached: one "
      + "leads, types and sets the size, the others watch. Ctrl-\\ d detaches (setting detachKeys), Ctrl-\\ l takes the "
      + "lead; a terminal that closes detaches, and the agent goes on.")

  @Operand("NAME", help: "a session: name, short id or conversation id", completes: .sessions) var name
  @Flag("--read-only", help: "watch; never type") var readOnly
  @Flag("--lead", help: "take the lead at once, whoever has it") var lead

  func run(_ context: Context) throws(Failure) -> Int32 {
    try Seat.attach(name, context, wish: readOnly ? .watch : lead ? .lead : .follow)
  }
}
