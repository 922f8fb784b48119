import ApusCore
import ApusWire

struct PsCommand: Command {
  static let about = About(
    name: "ps", group: .care, summary: "show the processes of sessions as trees", example: "apus ps fix-parser",
    more:
      "All that belongs to a run by the mark in its environment or by descent, what left its session or was left by "
      + "its parent included. MEMORY is each one's share of what it has in memory; CPU is of one core, since it was "
      + "last looked at; PORTS are those it listens on.")

  @Operands("NAME", help: "sessions; without one, all that are live", completes: .sessions) var names

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.ps, ProcessesRequest(sessions: names))
    if context.isJSON {
      context.output.line(reply)
    } else {
      context.output.write(ProcessList.text(try context.decode(reply), context.output))
    }
    return 0
  }
}
