import ApusCore
import ApusWire

struct RecoverCommand: Command {
  static let about = About(
    name: "recover", group: .care, summary: "bring back what a reboot or a mass death ended",
    example: "apus recover --yes",
    more: "Without --yes it only says what would be done. With it, sessions that were lost or cut off are resumed one "
      + "after another, recoverSpacingSeconds apart, until a cause shows that would stop them all: a login, a limit, a "
      + "full disk. What somebody stopped stays as it is.")

  @Operands("NAME", help: "only these sessions", completes: .sessions) var names
  @Flag("--yes", help: "do it") var yes

  func run(_ context: Context) throws(Failure) -> Int32 {
    var items: [RecoverItem] = []
    var failure: Failure?
    try context.stream(.recover, RecoverRequest(sessions: names, perform: yes)) { bytes in
      do throws(Failure) {
        let item: RecoverItem = try context.decode(bytes)
        items.append(item)
        if yes, !context.isJSON { context.output.write(RecoveryText.outcome(item)) }
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    if context.isJSON {
      context.output.json(items)
    } else if !yes || items.isEmpty {
      context.output.write(RecoveryText.plan(items, names, context.output))
    }
    let problems = items.filter { $0.outcome == .failed || $0.outcome == .notStarted }.compactMap(\.problem)
    return problems.last { $0.code.isCommonCause }?.code.exitCode ?? (problems.isEmpty ? 0 : 1)
  }
}

/// A recovery as a person reads it.
enum RecoveryText {
  static func plan(_ items: [RecoverItem], _ names: [String], _ output: Output) -> String {
    if items.isEmpty { return "Nothing to recover: no session was lost or cut off.\n" }
    let width = min(28, max(8, items.map { Width.of($0.name) }.max() ?? 8))
    func row(_ name: String, _ what: String, _ when: String, _ verdict: String, _ how: String) -> String {
      "  " + Width.fit(name, width) + "  " + Width.fit(what, 28) + Width.fit(when, 9) + Width.fit(verdict, 26) + how
        + "\n"
    }
    var text = output.styled(row("NAME", "WHAT HAPPENED", "AGO", "VERDICT", "RESUMES"), .dim)
    for item in items {
      let verdict = item.verdict.resumable ? "resumable" : item.verdict.reason?.rawValue ?? "?"
      text += row(
        item.name, item.happened?.text ?? "nothing", MomentText.age(item.age), verdict,
        item.problem == nil ? item.how : "not")
    }
    let ready = items.filter { $0.problem == nil }.count
    let command = (["apus", "recover"] + names + ["--yes"]).joined(separator: " ")
    return text + "\n\(ready) of \(items.count) can be recovered" + (ready > 0 ? ": \(command)\n" : "\n")
  }

  static func outcome(_ item: RecoverItem) -> String {
    var text = "\(item.name): \(item.outcome.rawValue.replacing("_", with: " "))"
    if let problem = item.problem {
      text += ": " + SessionName.printable(problem.summary)
      if let hint = problem.hint { text += "\n  hint: \(hint)" }
    }
    return text + "\n"
  }
}
