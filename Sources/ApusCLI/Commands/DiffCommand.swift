import ApusCore
import ApusWire

struct DiffCommand: Command {
  static let about = About(
    name: "diff", group: .place, summary: "what a session changed", example: "apus diff fix-parser",
    more:
      "Against the base of its branch: what is committed, what is not, and files git does not know yet. Of a session "
      + "without a worktree of its own, against the last commit. Nothing in the repository is touched for it.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Flag("--stat", help: "only the files, and how many lines came and went") var stat

  func run(_ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(.diff, SessionRequest(session: name))
    let output = context.output
    if context.isJSON {
      output.line(bytes)
      return 0
    }
    let diff: DiffObject = try context.decode(bytes)
    if stat {
      for file in diff.files {
        output.write("\(SessionName.printable(file.path))  +\(file.added ?? 0) -\(file.removed ?? 0)\n")
      }
      return 0
    }
    for line in diff.patch.split(separator: "\n", omittingEmptySubsequences: false).dropLast(diff.patch.isEmpty ? 0 : 1)
    {
      // What a file contains is data here: no byte of it moves the cursor.
      let text = SessionName.printable(String(line).replacing("\t", with: "    "))
      let style: Output.Style? =
        line.hasPrefix("+") ? .green : line.hasPrefix("-") ? .red : line.hasPrefix("@@") ? .dim : nil
      output.write((style.map { output.styled(text, $0) } ?? text) + "\n")
    }
    if diff.cut { output.note("note: there is more; look in the worktree: `apus path \(name)`") }
    return 0
  }
}
