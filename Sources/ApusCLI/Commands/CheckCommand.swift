import ApusCore
import ApusWire

struct CheckCommand: Command {
  static let about = About(
    name: "check", group: .sessions, summary: "say whether sessions can be resumed, and why not",
    example: "apus check fix-parser --json",
    more: "The verdict rests on the file system alone; nothing is sent to anyone. Exits 3 when a NAME is unknown.")

  @Operands("NAME", help: "sessions; none: all of them", completes: .sessions) var names

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.check, CheckRequest(sessions: names))
    // Of all sessions none is unknown: the reply is the output, and need not be read for it.
    if context.isJSON, names.isEmpty {
      context.output.line(reply)
      return 0
    }
    let items: [CheckItem] = try context.decode(reply)
    if context.isJSON {
      context.output.line(reply)
    } else {
      for item in items {
        let mark = item.verdict.resumable ? context.output.styled("✓", .green) : context.output.styled("✗", .yellow)
        context.output.write("\(mark) \(SessionName.printable(item.name))  \(SessionCard.verdict(item.verdict))\n")
      }
    }
    return items.contains { $0.verdict.reason == .metadataNotFound } ? ErrorCode.sessionNotFound.exitCode : 0
  }
}
