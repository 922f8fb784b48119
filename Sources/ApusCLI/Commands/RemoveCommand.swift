import ApusCore
import ApusWire

struct RemoveCommand: Command {
  static let about = About(
    name: "remove", group: .place, summary: "remove a session with its worktree, branch and ports",
    example: "apus remove add-auth",
    more:
      "Refuses (exit code 4) while it is live, or has files that are not committed or commits that are nowhere else; "
      + "each can be overruled, not all three at once. What is removed is kept under refs/apus/rescue: `apus undo` brings "
      + "it back.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Flag("--plan", help: "only say what would go, and what stands against it") var plan
  @Flag("--stop", help: "end its run first") var stop
  @Flag("--discard-uncommitted", help: "although files are not committed") var uncommitted
  @Flag("--discard-unpushed", help: "although commits are nowhere else") var unpushed

  func run(_ context: Context) throws(Failure) -> Int32 {
    var overruled: [Removal.Obstacle] = []
    if stop { overruled.append(.live) }
    if uncommitted { overruled += [.uncommitted, .untracked] }
    if unpushed { overruled.append(.unpushed) }
    let reply = try context.raw(.remove, RemoveRequest(session: name, overruled: overruled, plansOnly: plan))
    if context.isJSON {
      context.output.line(reply)
    } else {
      context.output.write(Self.text(try context.decode(reply)))
    }
    return 0
  }

  static func text(_ reply: RemoveReply) -> String {
    var lines: [String] = []
    if !reply.removed {
      lines.append("would remove \(reply.session)")
      if let worktree = reply.worktree { lines.append("  worktree  \(worktree)") }
      if let branch = reply.branch { lines.append("  branch    \(branch)") }
      let ports = reply.ports.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
      if !ports.isEmpty { lines.append("  ports     \(ports.joined(separator: ", "))") }
      for finding in reply.against { lines.append("  against   \(finding.what) (\(finding.obstacle.flag))") }
    } else {
      lines.append(
        "\(reply.session) is removed" + (reply.rescue.map { "; kept as \($0) (`apus undo` brings it back)" } ?? ""))
    }
    return lines.map { SessionName.printable($0) + "\n" }.joined()
  }
}

struct UndoCommand: Command {
  static let about = About(
    name: "undo", group: .place, summary: "bring back what was removed or moved last", example: "apus undo",
    more: "The last `apus remove` (worktree, branch, what was not committed, session) or `apus move-commits` of this "
      + "repository. `apus rescue list` shows the others.")

  func run(_ context: Context) throws(Failure) -> Int32 {
    try RescueCommand.restore(nil, context)
    return 0
  }
}

struct RescueCommand: Command {
  static let about = About(
    name: "rescue", group: .place, summary: "what is kept of what was removed", example: "apus rescue list",
    more:
      "`rescue list`, or `rescue restore ID` (or the name it had). Kept for keepDays; `apus gc` lets go of older ones.")

  @Operand("list|restore", help: "show all, or bring one back") var verb
  @Operands("ID", help: "of `restore`: which") var ids

  func run(_ context: Context) throws(Failure) -> Int32 {
    switch (verb, ids.count) {
    case ("list", 0): try list(context)
    case ("restore", 1): try Self.restore(ids[0], context)
    default: throw Usage.wrong("rescue", "`list`, or `restore` and an ID")
    }
    return 0
  }

  private func list(_ context: Context) throws(Failure) {
    let reply = try context.raw(
      .rescues, DirectoryRequest(directory: context.directory, environment: context.environment))
    if context.isJSON { return context.output.line(reply) }
    let kept: [RescueObject] = try context.decode(reply)
    if kept.isEmpty { context.output.write("Nothing is kept.\n") }
    let width = min(48, kept.map { Width.of($0.id) }.max() ?? 0)
    for one in kept {
      let words = [one.kind, one.branch].compactMap(\.self).joined(separator: " ")
      context.output.write(
        Width.fit(one.id, width) + "  " + Width.fit(MomentText.age(one.age), 8) + SessionName.printable(words) + "\n")
    }
  }

  static func restore(_ id: String?, _ context: Context) throws(Failure) {
    let reply = try context.raw(
      .restore, RestoreRequest(directory: context.directory, environment: context.environment, id: id))
    if context.isJSON { return context.output.line(reply) }
    let done: RestoreReply = try context.decode(reply)
    for step in done.steps { context.output.write(SessionName.printable(step) + "\n") }
  }
}
