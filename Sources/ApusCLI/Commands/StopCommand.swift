import ApusCore
import ApusWire

struct StopCommand: Command {
  static let about = About(
    name: "stop", group: .sessions, summary: "end a session's run; it can be resumed", example: "apus stop fix-parser",
    more:
      "The turn is interrupted, then the agent's input closed, then it is asked to end; what it started ends with it.")

  @Operands("NAME", help: "sessions", completes: .sessions) var names
  @Flag("--all", help: "every live session") var all
  @Flag("--now", help: "without waiting for the agent") var now

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard all != !names.isEmpty else { throw Usage.wrong("stop", "a NAME, or --all") }
    if all {
      let reply = try context.raw(.stopAll, StopRequest(session: "", now: now))
      if context.isJSON { context.output.line(reply) }
      return 0
    }
    var replies: [[UInt8]] = []
    for name in names { replies.append(try context.raw(.stop, StopRequest(session: name, now: now))) }
    if context.isJSON {
      // One session is one object, several are an array.
      let comma = [UInt8(ascii: ",")]
      context.output.line(replies.count == 1 ? replies[0] : [91] + Array(replies.joined(separator: comma)) + [93])
    }
    return 0
  }
}
