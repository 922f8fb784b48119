import ApusCore
import ApusWire

struct SendCommand: Command {
  static let about = About(
    name: "send", group: .sessions, summary: "send a session a message",
    example: "apus send fix-parser \"now add a test for empty input\" --wait",
    more: "A message sent while the agent works is taken up when it comes to it. With --wait the answer is printed.")

  @Operand("NAME", help: "a session: name, short id or conversation id", completes: .sessions) var name
  @Operands("TEXT", help: "the message; - reads it from standard input", least: 1) var words
  @Flag("--wait", help: "wait until the turn that answers it is over") var wait

  func run(_ context: Context) throws(Failure) -> Int32 {
    let text = try context.text(words.joined(separator: " "))
    let reply = try context.raw(.send, SendRequest(session: name, text: text, wait: wait))
    if context.isJSON {
      context.output.line(reply)
    } else if wait {
      let session: SessionObject = try context.decode(reply)
      if let result = session.result { context.output.write(result + "\n") }
    }
    return 0
  }
}
