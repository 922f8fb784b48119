import ApusCore
import ApusWire

/// What the commands on a session's branch share.
enum BranchVerb {
  /// The session named, else the one this is called from: by its agent, or in its directory.
  static func session(_ name: String, _ context: Context) throws(Failure) -> String {
    if !name.isEmpty { return name }
    if let own = context.environment["APUS_SESSION"], !own.isEmpty { return own }
    struct Row: Decodable {
      var name: String
      var worktree: String?
    }
    let rows: [Row] = try context.ask(
      .list, ListRequest(all: false, resumable: false, owner: nil, tag: nil, limit: nil))
    let here = context.directory
    if let row = rows.first(where: { row in row.worktree.map { here == $0 || here.hasPrefix($0 + "/") } ?? false }) {
      return row.name
    }
    throw Failure(.usage, "which session? this is the place of none", hint: "name one, as in `apus sync add-auth`")
  }

  static func show(_ reply: [UInt8], _ context: Context) throws(Failure) {
    if context.isJSON { return context.output.line(reply) }
    let done: BranchReply = try context.decode(reply)
    for step in done.steps { context.output.write(SessionName.printable(step) + "\n") }
  }
}

struct SyncCommand: Command {
  static let about = About(
    name: "sync", group: .together, summary: "bring a session's branch up to date with its base",
    example: "apus sync add-auth",
    more: "Rebases it on the base, or, once it was pushed, merges the base into it. A conflict stops it with the files "
      + "named: resolve and `git add` them, then --continue, or --abort.")

  @Operands("NAME", help: "a session; without one that of this directory", completes: .sessions) var names
  @Flag("--continue", help: "go on after conflicts were resolved") var goesOn
  @Flag("--abort", help: "give it up: the branch is as it was") var aborts

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard names.count <= 1, !goesOn || !aborts else { throw Usage.wrong("sync", "one NAME, and --continue or --abort") }
    var request = BranchRequest(session: try BranchVerb.session(names.first ?? "", context))
    request.step = goesOn ? .go : aborts ? .abort : .begin
    request.caller = context.environment["APUS_SESSION"]
    try BranchVerb.show(try context.telling(.sync, request), context)
    return 0
  }
}

struct MergeCommand: Command {
  static let about = About(
    name: "merge", group: .together, summary: "merge a session's branch into its base, tested",
    example: "apus merge add-auth --squash",
    more:
      "Brings it up to date, runs the test command of .apus/config.json on that very tree, then moves the base. One "
      + "merge per base at a time, hotfixes first. Nothing else in Apus writes a base.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Flag("--squash", help: "as one commit") var squash
  @Flag("--no-ff", help: "with a merge commit") var noFastForward
  @Option("--message", value: "TEXT", help: "of the commit that --squash or --no-ff makes") var message: String?
  @Flag("--no-test", help: "without running the tests") var skips
  @Flag("--remove", help: "remove the worktree afterwards") var removes
  @Flag("--keep", help: "keep it, without asking") var keeps

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard !squash || !noFastForward, !removes || !keeps else {
      throw Usage.wrong("merge", "one of --squash and --no-ff, one of --remove and --keep")
    }
    var request = BranchRequest(session: name)
    request.manner = squash ? .squash : noFastForward ? .commit : .fastForward
    request.message = message
    request.skipsTests = skips
    request.removes = removes
    request.caller = context.environment["APUS_SESSION"]
    let reply = try context.telling(.merge, request)
    try BranchVerb.show(reply, context)
    let done: BranchReply = try context.decode(reply)
    guard done.commit != nil, !removes, !keeps, !context.isJSON,
      Ask.yes("Remove the worktree of \(name)?", usually: false)
    else { return 0 }
    let removed: RemoveReply = try context.ask(
      .remove, RemoveRequest(session: name, overruled: [], plansOnly: false))
    context.output.write(RemoveCommand.text(removed))
    return 0
  }
}

struct PrCommand: Command {
  static let about = About(
    name: "pr", group: .together, summary: "push a session's branch and open a pull request",
    example: "apus pr add-auth --title \"Add JWT authentication\"",
    more:
      "Brings it up to date, runs the tests, pushes it (never by force), and has `gh pr create` open the request with "
      + "a text from the work log and the commits.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Option("--title", value: "TEXT", help: "of the pull request") var title: String?
  @Flag("--draft", help: "as a draft") var draft
  @Flag("--no-test", help: "without running the tests") var skips

  func run(_ context: Context) throws(Failure) -> Int32 {
    var request = BranchRequest(session: name)
    request.title = title
    request.draft = draft
    request.skipsTests = skips
    request.caller = context.environment["APUS_SESSION"]
    try BranchVerb.show(try context.telling(.pullRequest, request), context)
    return 0
  }
}
