import ApusCore
import ApusWire

struct NewCommand: Command {
  static let about = About(
    name: "new", group: .sessions, summary: "start a session",
    example: "apus new fix-parser --prompt \"fix the failing test in parser_test.py\" --wait",
    more: "The session runs in the directory it is called in, with the environment of the calling shell, and goes on "
      + "when the terminal is closed. Without --prompt it is ready and waits for `apus send`.")

  @Operand("NAME", help: "the session's name: 1 to 64 of A-Z a-z 0-9 . _ -") var name
  @Option("--prompt", value: "TEXT", help: "what the agent is to do; - reads it from standard input") var prompt:
    String?
  @Flag("--wait", help: "wait until the first turn is over") var wait
  @Option("--dir", value: "DIR", help: "run there instead of here", completes: .files) var directory: String?
  @Option("--model", value: "MODEL", help: "the model to use") var model: String?
  @Option(
    "--permission-mode", value: "MODE", help: "manual (default), acceptEdits, plan, auto, dontAsk or bypassPermissions")
  var permissionMode: String?
  @Option("--max-turns", value: "N", help: "end a turn after so many steps of the agent", atLeast: 1) var maxTurns: Int?
  @Repeated("--env", value: "K=V", help: "one more variable for the agent; may be repeated") var variables
  @Option("--owner", value: "OWNER", help: "whose it is, for `apus list --owner`") var owner: String?
  @Repeated("--tag", value: "TAG", help: "a tag, for `apus list --tag`; may be repeated") var tags
  @Flag("--terminal", help: "in a terminal of its own, for `apus attach`") var terminal
  @Flag("--attach", help: "with --terminal: attach to it at once") var attach

  func run(_ context: Context) throws(Failure) -> Int32 {
    try SessionName.check(name)
    let settings = try context.settings
    var environment = context.environment
    for entry in variables {
      guard let equals = entry.firstIndex(of: "="), equals > entry.startIndex else {
        throw Failure(.usage, "--env takes KEY=VALUE, not \"\(Usage.printable(entry))\"", hint: "--env DEBUG=1")
      }
      environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
    }
    if wait, prompt == nil {
      throw Failure(
        .usage, "--wait without --prompt has nothing to wait for", hint: "say what to do with --prompt TEXT")
    }
    guard !attach || terminal else {
      throw Failure(.usage, "--attach is for terminals", hint: "add --terminal; `apus logs -f \(name)` follows others")
    }
    let wish = terminal ? Seat.wish() : nil
    if attach { try Seat.requireTerminal() }
    let text = try prompt.map { text throws(Failure) in try context.text(text) }
    let request = NewRequest(
      name: name, directory: directory.map(context.absolute) ?? context.directory, prompt: text,
      spec: try AgentProgram.spec(
        settings, model: model ?? settings[.model], permissionMode: permissionMode ?? settings[.permissionMode],
        maxTurns: maxTurns, environment: environment, context: context),
      owner: owner, tags: tags, persists: try settings.flag(.persist), wait: wait, terminal: wish)
    let reply = try context.raw(.new, request)
    if attach, try !context.isQueued(reply) { return try Seat.attach(name, context, wish: .lead) }
    try context.show(reply)
    return 0
  }
}
