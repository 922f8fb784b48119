import ApusCore
import ApusWire

struct ListCommand: Command {
  static let about = About(
    name: "list", group: .sessions, summary: "show all sessions, what needs you first",
    example: "apus list --resumable --owner ada --limit 10",
    more:
      "With --json the figures (memory, cpu, listening, disk) are measured where --wide is given too; else they are "
      + "told where they are known from the last seconds, and null otherwise.")

  @Flag("--all", help: "archived ones too, and those of Claude Code that Apus did not start") var all
  @Flag("--resumable", help: "only those that will really resume, newest first") var resumable
  @Option("--owner", value: "OWNER", help: "only those of this owner") var owner: String?
  @Option("--tag", value: "TAG", help: "only those with this tag") var tag: String?
  @Option("--limit", value: "N", help: "at most so many", atLeast: 0) var limit: Int?

  @Flag("--wide", help: "what each takes of the machine: memory, CPU, disk, ports") var wide

  /// From here on the columns have room beside what is shown anyway.
  private static let wideColumns = 120

  func run(_ context: Context) throws(Failure) -> Int32 {
    let output = context.output
    let isWide = wide || (!context.isJSON && output.isTerminal && output.columns >= Self.wideColumns)
    var request = ListRequest(
      all: all, resumable: resumable, owner: owner, tag: tag, limit: limit, figures: isWide)
    request.claude = context.environment.filter { ["HOME", "CLAUDE_CONFIG_DIR", "CLAUDE_HOME"].contains($0.key) }
    let reply = try context.raw(.list, request)
    if context.isJSON {
      output.line(reply)
    } else {
      let figures: [FigureRow]? = isWide ? try context.decode(reply) : nil
      output.write(SessionList.text(try context.decode(reply), figures: figures, output))
    }
    return 0
  }
}
