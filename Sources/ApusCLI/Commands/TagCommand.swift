import ApusCore
import ApusWire

struct TagCommand: Command {
  static let about = About(
    name: "tag", group: .sessions, summary: "add tags to a session, or remove them",
    example: "apus tag fix-parser urgent --remove later")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operands("TAG", help: "tags to add") var add
  @Repeated("--remove", value: "TAG", help: "a tag to remove; may be repeated") var remove

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard !(add.isEmpty && remove.isEmpty) else { throw Usage.wrong("tag", "a TAG to add, or --remove TAG") }
    let reply = try context.raw(.tag, TagRequest(session: name, add: add, remove: remove))
    if context.isJSON { context.output.line(reply) }
    return 0
  }
}
