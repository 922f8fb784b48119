import ApusCore
import ApusWire

struct InitCommand: Command {
  static let about = About(
    name: "init", group: .place, summary: "set a repository up for sessions", example: "apus init --make --work-log",
    more: "Writes .apus/config.json (components, kinds, base, ports, profiles, set-up and test commands) and lines for "
      + ".gitignore. What is there is never overwritten; a second time changes nothing. Shows what it would write and "
      + "asks, where somebody sits at the terminal.")

  @Flag("--make", help: "Makefile targets new-session and list-sessions too") var make
  @Flag("--work-log", help: "WORK_LOG.md too") var workLog
  @Flag("--page", help: "a page for the team: docs/parallel-sessions.md") var page
  @Flag("--scripts", help: "start_safe.sh and start_dev.sh here, which run a development server") var scripts
  @Option("--server", value: "CMD", help: "with --scripts: how the server is run; its port is in $PORT") var server:
    String?
  @Flag("--plan", help: "only show what would be written") var plan

  func run(_ context: Context) throws(Failure) -> Int32 {
    var request = InitRequest(directory: context.directory, environment: context.environment)
    request.make = make
    request.workLog = workLog
    request.page = page
    request.scripts = scripts
    request.server = server
    guard server == nil || scripts else { throw Usage.wrong("init", "--server is for --scripts") }
    request.plansOnly = true
    var reply = try context.raw(.initialise, request)
    let changes: [FileChange] = try context.decode(reply)
    if !context.isJSON { for change in changes { context.output.write(Self.text(change, context.output)) } }
    let writes = changes.contains { $0.change == "created" || $0.change == "changed" }
    guard !plan, writes else {
      if context.isJSON { context.output.line(reply) }
      return 0
    }
    guard Ask.yes("Write this?", usually: true) else { return 0 }
    request.plansOnly = false
    reply = try context.raw(.initialise, request)
    if context.isJSON { context.output.line(reply) }
    return 0
  }

  private static func text(_ change: FileChange, _ output: Output) -> String {
    let why = change.why.map { " (\($0))" } ?? ""
    var text = output.styled("\(change.path): \(change.change)\(why)", .bold) + "\n"
    for line in change.added { text += output.styled("+" + SessionName.printable(line), .green) + "\n" }
    return text
  }
}
