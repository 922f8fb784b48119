import ApusCore

struct HookCommand: Command {
  static let about = About(
    name: "hook", group: .other, summary: "hand on what a hook of an agent says (agents call this, not people)",
    example: "apus hook < report.json",
    more: """
      The agents Apus starts call it, by settings given to each run; nothing of yours is changed for that. It takes a \
      report on standard input, needs 80 ms for it at most, and always exits 0. Without a daemon the report waits in the \
      run's directory. Outside of a run of Apus it does nothing.
      """, isHidden: true)

  func run(_ context: Context) throws(Failure) -> Int32 { HookClient.run() }
}
