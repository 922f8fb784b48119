import ApusCore
import ApusWire

struct PermitCommand: Command {
  static let about = About(
    name: "permit", group: .sessions, summary: "answer what an agent asks to do",
    example: "apus permit fix-parser allow",
    more:
      "`apus show NAME` says what is asked, in full with --json. REQUEST is needed only where several are asked. `always` "
      + "allows it and whatever the agent offers to have allowed from then on, which `apus show` says as well.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operands(
    "[REQUEST] allow|always|deny", help: "the request's id or its beginning, then the answer", least: 1,
    choices: ["allow", "always", "deny"])
  var answer
  @Option("--message", value: "TEXT", help: "with deny: why, for the agent to read") var message: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard answer.count <= 2, let decision = answer.last, ["allow", "always", "deny"].contains(decision) else {
      throw Usage.wrong("permit", "say allow, always or deny at the end")
    }
    let request = PermitRequest(
      session: name, request: answer.count == 2 ? answer[0] : nil, allow: decision != "deny", message: message,
      always: decision == "always")
    let reply = try context.raw(.permit, request)
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
