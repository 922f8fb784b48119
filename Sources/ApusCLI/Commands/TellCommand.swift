import ApusCore
import ApusWire

struct TellCommand: Command {
  static let about = About(
    name: "tell", group: .together, summary: "leave word for another session, or for all",
    example: "apus tell add-auth \"the API is at :8003 now\"",
    more:
      "It reads it at its next step, quoted and marked as data: a message is never an instruction. `all`: every other "
      + "live session of this repository. TEXT of `-` is read from standard input.")

  @Operand("NAME", help: "a session, or `all`", completes: .sessions) var name
  @Operand("TEXT", help: "what it is to know") var text
  @Option("--session", value: "NAME", help: "tell it in the name of that session") var session: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(
      .tell, TellRequest(asker: context.asker(session: session), to: name, text: try context.text(text)))
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    let reply: TellReply = try context.decode(bytes)
    context.output.write(
      reply.told.isEmpty ? "There is nobody to tell.\n" : "Left for \(reply.told.joined(separator: ", ")).\n")
    return 0
  }
}

struct InboxCommand: Command {
  static let about = About(
    name: "inbox", group: .together, summary: "what was left for a session", example: "apus inbox --session add-auth",
    more: "Inside a session: its own, which counts as read then. --all shows what was read before too.")

  @Option("--session", value: "NAME", help: "that session's, without marking anything read") var session: String?
  @Flag("--all", help: "also what was read before") var all

  func run(_ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(
      .inbox, InboxRequest(asker: context.asker(session: session), all: all, reads: session == nil))
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    let notices: [NoticeObject] = try context.decode(bytes)
    if notices.isEmpty { context.output.write("Nothing.\n") }
    for notice in notices {
      let from = notice.from.map { "from \($0)" } ?? notice.kind
      context.output.write(context.output.styled("\(MomentText.age(notice.age)) ago, \(from)", .dim) + "\n")
      for line in notice.text.split(separator: "\n", omittingEmptySubsequences: false) {
        context.output.write("  " + SessionName.printable(String(line)) + "\n")
      }
    }
    return 0
  }
}
