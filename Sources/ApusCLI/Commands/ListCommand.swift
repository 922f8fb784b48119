import ApusCore
import ApusWire

struct ListCommand: Command {
  static let about = About(
    name: "list", group: .sessions, summary: "show all sessions, what needs you first",
    example: "apus list --resumable --owner ada --limit 10")

  @Flag("--all", help: "archived ones too") var all
  @Flag("--resumable", help: "only those that will really resume, newest first") var resumable
  @Option("--owner", value: "OWNER", help: "only those of this owner") var owner: String?
  @Option("--tag", value: "TAG", help: "only those with this tag") var tag: String?
  @Option("--limit", value: "N", help: "at most so many", atLeast: 0) var limit: Int?

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(
      .list, ListRequest(all: all, resumable: resumable, owner: owner, tag: tag, limit: limit))
    if context.isJSON {
      context.output.line(reply)
    } else {
      context.output.write(SessionList.text(try context.decode(reply), context.output))
    }
    return 0
  }
}
