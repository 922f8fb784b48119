import ApusCore
import ApusWire

struct ResumeCommand: Command {
  static let about = About(
    name: "resume", group: .sessions, summary: "continue a session's conversation in a new run",
    example: "apus resume fix-parser \"and now the docs\" --wait",
    more: "A turn that was cut off is taken up again first, then TEXT is sent. Everything the session was started with "
      + "is used again. With --fork a copy goes on under a new name and the session itself stays as it is.")

  @Operand("NAME", help: "a session: name, short id or conversation id", completes: .sessions) var name
  @Operands("TEXT", help: "a message to send; - reads it from standard input") var words
  @Flag("--wait", help: "wait until it is over") var wait
  @Option("--fork", value: "NEW", help: "continue a copy of the conversation, as session NEW") var fork: String?
  @Option("--dir", value: "PATH", help: "go on in another directory", completes: .files) var directory: String?

  @Flag("--terminal", help: "in a terminal of its own, for `apus attach`") var terminal
  @Flag("--attach", help: "with --terminal: attach to it at once") var attach

  func run(_ context: Context) throws(Failure) -> Int32 {
    if let fork { try SessionName.check(fork) }
    guard !attach || terminal else {
      throw Failure(.usage, "--attach is for terminals", hint: "add --terminal; `apus logs -f \(name)` follows others")
    }
    if attach { try Seat.requireTerminal() }
    let text = try words.isEmpty ? nil : context.text(words.joined(separator: " "))
    let request = ResumeRequest(
      session: name, text: text, fork: fork, directory: directory.map(context.absolute), wait: wait,
      terminal: terminal ? Seat.wish() : nil)
    let reply = try context.raw(.resume, request)
    if attach, try !context.isQueued(reply) { return try Seat.attach(fork ?? name, context, wish: .lead) }
    try context.show(reply)
    return 0
  }
}
