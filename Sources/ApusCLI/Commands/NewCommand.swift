import ApusCore
import ApusLink
import ApusWire

struct NewCommand: Command {
  static let about = About(
    name: "new", group: .sessions, summary: "start a session",
    example: "apus new fix-parser --prompt \"fix the failing test in parser_test.py\" --wait",
    more: "In a git repository it gets a branch and a worktree of its own (below APUS_HOME, never inside the checkout) "
      + "and ports nobody else has, in the variables .apus/config.json names (PORT alone without one); with --here, and "
      + "outside repositories, it runs in the directory it is called in. It has the environment of the calling shell, and "
      + "goes on when the terminal is closed. Without --prompt it is ready and waits for `apus send`. What fails leaves "
      + "nothing behind.")

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
  @Flag("--here", help: "work in this directory as it is: no branch, no worktree") var here
  @Option("--component", value: "C", help: "the part of the repository it works on (.apus/config.json)") var component:
    String?
  @Option(
    "--kind", value: "KIND", help: "feature, bug, hotfix, experiment or docs; it names the branch",
    choices: Place.Kind.allCases.map(\.rawValue)) var kind: String?
  @Option("--base", value: "REF", help: "where the branch begins, and what it is merged into") var base: String?
  @Option("--on", value: "BRANCH", help: "work on a branch that is there already") var on: String?
  @Option("--profile", value: "P", help: "a named set of variables (.apus/config.json)") var profile: String?
  @Option("--template", value: "T", help: "a named set of these options (.apus/config.json)") var template: String?
  @Option("--issue", value: "TEXT", help: "for the work log: what is wrong, or a number") var issue: String?
  @Repeated("--files", value: "PATH", help: "for the work log: files it is to touch; may be repeated") var files
  @Option("--eta", value: "TEXT", help: "for the work log: how long it may take") var eta: String?
  @Flag("--set-up", help: "agree to the repository's set-up command, and run it") var setUp
  @Flag("--no-set-up", help: "do not run it") var noSetUp
  @Option("--tied-to", value: "PID", help: "end it when that process ends, unless it persists", atLeast: 1) var tiedTo:
    Int?
  @Flag("--terminal", help: "in a terminal of its own, for `apus attach`") var terminal
  @Flag("--attach", help: "with --terminal: attach to it at once") var attach

  func run(_ context: Context) throws(Failure) -> Int32 {
    try SessionName.check(name)
    let settings = try context.settings
    var environment = context.environment
    for entry in variables {
      guard let equals = entry.firstIndex(of: "="), equals > entry.startIndex else {
        throw Failure(.usage, "--env takes KEY=VALUE, not \"\(SessionName.excerpt(entry))\"", hint: "--env DEBUG=1")
      }
      environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
    }
    if wait, prompt == nil, template == nil {
      throw Failure(
        .usage, "--wait without --prompt has nothing to wait for", hint: "say what to do with --prompt TEXT")
    }
    guard !attach || terminal else {
      throw Failure(.usage, "--attach is for terminals", hint: "add --terminal; `apus logs -f \(name)` follows others")
    }
    let wish = terminal ? Seat.wish() : nil
    if attach { try Seat.requireTerminal() }
    let text = try prompt.map { text throws(Failure) in try context.text(text) }
    var request = NewRequest(
      name: name, directory: directory.map(context.absolute) ?? context.directory, prompt: text,
      spec: try AgentProgram.spec(
        settings, model: model ?? settings[.model], permissionMode: permissionMode ?? settings[.permissionMode],
        maxTurns: maxTurns, environment: environment, directory: context.directory),
      owner: owner, tags: tags, persists: try settings.flag(.persist), wait: wait, terminal: wish)
    request.place = try place(request, context)
    if let tiedTo {
      guard let mark = Processes.mark(of: Int32(clamping: tiedTo)) else {
        throw Failure(.usage, "there is no process \(tiedTo)", hint: "--tied-to names one that runs")
      }
      request.tiedTo = mark
    }
    let reply = try context.telling(.new, request)
    if !context.isJSON { try tellNotes(reply, context) }
    if attach, try !context.isQueued(reply) { return try Seat.attach(name, context, wish: .lead) }
    try context.show(reply)
    return 0
  }

  private func place(_ request: NewRequest, _ context: Context) throws(Failure) -> PlaceWish {
    guard !here || (on == nil && base == nil) else {
      throw Failure(.usage, "--here makes no branch", hint: "leave out --here, or --on and --base")
    }
    guard on == nil || (base == nil && kind == nil) || kind == nil else {
      throw Failure(.usage, "--on takes a branch as it is called; --kind names new ones", hint: "leave one of them out")
    }
    guard !setUp || !noSetUp else {
      throw Failure(.usage, "--set-up and --no-set-up exclude each other", hint: "say one")
    }
    var wish = PlaceWish(date: LocalDate.today())
    wish.here = here
    wish.component = component
    wish.kind = kind.flatMap(Place.Kind.init(rawValue:))
    (wish.base, wish.on, wish.profile, wish.template) = (base, on, profile, template)
    (wish.issue, wish.eta) = (issue, eta)
    wish.files = files.flatMap { $0.split(separator: ",").map(String.init) }
    wish.given = variables.compactMap { entry in entry.firstIndex(of: "=").map { String(entry[..<$0]) } }
    wish.skipsSetUp = noSetUp
    if !here, !noSetUp { wish.agreedSetUp = try agreement(request, context) }
    return wish
  }

  /// The set-up command, where a person agrees to it now. Without a terminal nothing is asked.
  private func agreement(_ request: NewRequest, _ context: Context) throws(Failure) -> String? {
    guard setUp || Ask.isPossible else { return nil }
    let state: SetUpState = try context.ask(
      .setUpState, DirectoryRequest(directory: request.directory, environment: request.spec.environment))
    guard let command = state.command, !state.agreed else { return nil }
    if setUp { return command }
    let question =
      state.changed
      ? "The set-up command of this repository has changed. Run it in new worktrees?"
      : "This repository has a set-up command. Run it in new worktrees?"
    return Ask.yes("\(question)\n  \(SessionName.printable(command))", usually: false) ? command : nil
  }

  private func tellNotes(_ reply: [UInt8], _ context: Context) throws(Failure) {
    struct Noted: Decodable { var notes: [String]? }
    let noted: Noted = try context.decode(reply)
    for note in noted.notes ?? [] { context.output.note("note: " + SessionName.printable(note)) }
  }
}
