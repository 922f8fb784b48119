import ApusCore
import ApusWire

struct FindCommand: Command {
  static let about = About(
    name: "find", group: .together, summary: "look through branches, commits, work log and transcripts",
    example: "apus find \"rate limit\"", more: "Without TEXT: branches, open entries of the work log, the recent graph."
  )

  @Operands("TEXT", help: "what to look for") var words

  func run(_ context: Context) throws(Failure) -> Int32 {
    let text = words.isEmpty ? nil : words.joined(separator: " ")
    let reply = try context.raw(
      .find, FindRequest(directory: context.directory, environment: context.environment, text: text))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let found: [FoundObject] = try context.decode(reply)
    if found.isEmpty { context.output.write("Nothing found.\n") }
    var heading = ""
    for one in found {
      if one.kind != heading {
        heading = one.kind
        context.output.write(context.output.styled(heading.uppercased(), .bold) + "\n")
      }
      let name = one.name.isEmpty ? "" : Width.fit(one.name, 34) + "  "
      let owner = one.session.flatMap { $0 == one.name ? nil : "  (session \($0))" } ?? ""
      context.output.write("  " + Width.cut(name + one.text + owner, max(40, context.output.columns - 2)) + "\n")
    }
    return 0
  }
}

struct MoveCommitsCommand: Command {
  static let about = About(
    name: "move-commits", group: .together, summary: "take commits made on the wrong branch to the right one",
    example: "apus move-commits main feature/add-auth --last 2",
    more:
      "FROM and TO are branches, or sessions for theirs. TO is made where it is not there. Without --last: what FROM has "
      + "that its base or remote has not. Where the branches were is kept; `apus undo` puts them back. Refuses what was "
      + "pushed.")

  @Operand("FROM", help: "the branch they are on") var from
  @Operand("TO", help: "the branch they belong on") var to
  @Option("--last", value: "N", help: "only the last N", atLeast: 1) var last: Int?

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(
      .moveCommits,
      MoveCommitsRequest(
        directory: context.directory, environment: context.environment, from: from, to: to, last: last))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let done: RestoreReply = try context.decode(reply)
    for step in done.steps { context.output.write(SessionName.printable(step) + "\n") }
    return 0
  }
}

struct WorkLogCommand: Command {
  static let about = About(
    name: "work-log", group: .together, summary: "open entries of the work log; move a session's",
    example: "apus work-log add-auth --status needs-review")

  @Operands("NAME", help: "a session, with --status", completes: .sessions) var names
  @Option(
    "--status", value: "S", help: "in-progress, needs-review, blocked or done",
    choices: ["in-progress", "needs-review", "blocked", "done"]) var status: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard names.count <= 1, (names.isEmpty) == (status == nil) else {
      throw Usage.wrong("work-log", "NAME with --status")
    }
    let wanted = status.flatMap { WorkLog.Status(rawValue: $0.uppercased().replacing("-", with: " ")) }
    let reply = try context.raw(
      .workLog,
      WorkLogRequest(
        directory: context.directory, environment: context.environment, session: names.first, status: wanted))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let entries: [WorkLog.Entry] = try context.decode(reply)
    for entry in entries {
      let words = [entry.status, entry.branch, entry.component].compactMap(\.self).joined(separator: ", ")
      context.output.write(
        Width.fit(SessionName.printable(entry.title), 28) + "  " + SessionName.printable(words) + "\n")
    }
    return 0
  }
}

struct GcCommand: Command {
  static let about = About(
    name: "gc", group: .care, summary: "what age allows to go: old rescues, recordings, merged places",
    example: "apus gc --yes",
    more:
      "Without --yes it only shows the plan. Recordings of archived sessions, worktrees of sessions merged long ago "
      + "(with the same refusals as `apus remove`), and what was kept of removed ones.")

  @Option("--older-than", value: "DAYS", help: "instead of keepDays") var days: Double?
  @Flag("--yes", help: "let it go") var yes

  func run(_ context: Context) throws(Failure) -> Int32 {
    var reply = try context.raw(.garbage, GarbageRequest(days: days, approved: nil))
    var items: [GarbageObject] = try context.decode(reply)
    if yes, !items.isEmpty {
      reply = try context.raw(.garbage, GarbageRequest(days: days, approved: items.map(\.id)))
      items = try context.decode(reply)
    }
    if context.isJSON {
      context.output.line(reply)
    } else if items.isEmpty {
      context.output.write("Nothing is old enough to go.\n")
    } else {
      for item in items {
        let size = item.bytes.map { ", " + Amount.bytes($0) } ?? ""
        context.output.write(
          SessionName.printable("\(item.what) (\(item.why)\(size))\(item.result.map { ": " + $0 } ?? "")") + "\n")
      }
      if !yes { context.output.write("\nLet it go: apus gc --yes\n") }
    }
    return items.contains { $0.result?.hasPrefix("kept") == true } ? ErrorCode.internalError.exitCode : 0
  }
}
