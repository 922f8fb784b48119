import ApusCore
import ApusWire

struct ConflictsCommand: Command {
  static let about = About(
    name: "conflicts", group: .together, summary: "which sessions would conflict if they were merged now",
    example: "apus conflicts --json",
    more:
      "Pair by pair and against their bases, what is not committed included; computed in memory, without touching any "
      + "worktree, index or branch.")

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(
      .conflicts, DirectoryRequest(directory: context.directory, environment: context.environment))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let found: ConflictsReply = try context.decode(reply)
    if found.conflicts.isEmpty {
      context.output.write("No conflicts among \(found.pairs) pair\(found.pairs == 1 ? "" : "s").\n")
    }
    for conflict in found.conflicts {
      context.output.write(
        context.output.styled("⚠ " + conflict.between.joined(separator: " × "), .yellow)
          + (conflict.withBase ? " (its base)" : "") + "\n")
      for file in conflict.files { context.output.write("    " + SessionName.printable(file) + "\n") }
    }
    return 0
  }
}

struct CompareCommand: Command {
  static let about = About(
    name: "compare", group: .together, summary: "approaches side by side",
    example: "apus compare redis-cache memory-cache",
    more:
      "Size of the difference, files, tests (the last outcome on what is there now; --test runs them), time and tokens."
  )

  @Operands("NAME", help: "sessions", least: 2, completes: .sessions) var names
  @Flag("--test", help: "run the test command on each first") var tests

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.compare, CompareRequest(sessions: names, tests: tests))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    let sessions: [ComparedObject] = try context.decode(reply)
    let rows: [(String, (ComparedObject) -> String)] = [
      ("branch", { $0.branch ?? "–" }), ("commits", { String($0.commits) }), ("files", { String($0.files.count) }),
      ("lines", { "+\($0.added) −\($0.removed)" }),
      (
        "tests",
        { one in
          guard let passed = one.testsPassed else { return "not run" }
          return "\(passed ? "pass" : "fail"), \(Int((one.testSeconds ?? 0).rounded())) s"
        }
      ),
      ("time", { MomentText.age($0.seconds) }), ("tokens", { "\($0.tokens.output) out" }),
      ("cost", { "$\(Double(Int(($0.cost * 100).rounded(.up))) / 100)" }),
      ("conflicts", { $0.conflicts.isEmpty ? "none" : $0.conflicts.joined(separator: ", ") }),
    ]
    let column = max(10, min(30, (context.output.columns - 12) / max(1, sessions.count) - 2))
    var text = Width.fit("", 12) + sessions.map { Width.fit($0.name, column) }.joined(separator: "  ") + "\n"
    for (label, value) in rows {
      text += context.output.styled(Width.fit(label, 12), .dim)
      text += sessions.map { Width.fit(SessionName.printable(value($0)), column) }.joined(separator: "  ") + "\n"
    }
    context.output.write(text)
    return 0
  }
}

struct KeepCommand: Command {
  static let about = About(
    name: "keep", group: .together, summary: "keep one approach; the others are archived",
    example: "apus keep redis-cache --over memory-cache", more: "Nothing of theirs is deleted: `apus remove` does that."
  )

  @Operand("NAME", help: "the session that stays", completes: .sessions) var name
  @Repeated("--over", value: "NAME", help: "one that is archived; more of them may follow") var over
  @Operands("MORE", help: "further ones that are archived", completes: .sessions) var more

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard !over.isEmpty else { throw Usage.wrong("keep", "--over NAME is missing") }
    let reply = try context.raw(.keep, KeepRequest(session: name, over: over + more))
    if context.isJSON {
      context.output.line(reply)
      return 0
    }
    for archived in over + more { context.output.write("\(archived) is archived\n") }
    return 0
  }
}
