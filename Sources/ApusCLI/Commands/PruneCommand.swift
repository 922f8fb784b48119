import ApusCore
import ApusWire

struct PruneCommand: Command {
  static let about = About(
    name: "prune", group: .care, summary: "remove what dead runs left: processes, keepers, sockets, files",
    example: "apus prune --yes",
    more:
      "Without --yes it only shows what would go, and why. Only what carries the mark of a run of this APUS_HOME is "
      + "ever touched, never anything by its name; each item is looked at again as it goes. Nothing of a session that is "
      + "known is removed but what its dead runs left behind. Exits 1 when something could not be removed.")

  @Flag("--yes", help: "remove it") var yes

  func run(_ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(.prune, PruneRequest(approved: nil))
    let plan: PruneReply = try context.decode(bytes)
    guard yes, !plan.items.isEmpty else {
      if context.isJSON {
        context.output.line(bytes)
      } else {
        context.output.write(PrunePlan.text(plan.items, context.output))
      }
      return 0
    }
    let done = try context.raw(.prune, PruneRequest(approved: plan.items))
    let reply: PruneReply = try context.decode(done)
    if context.isJSON {
      context.output.line(done)
    } else {
      context.output.write(PrunePlan.text(reply.outcomes ?? [], context.output))
    }
    return (reply.outcomes ?? []).contains { $0.result == .failed } ? ErrorCode.internalError.exitCode : 0
  }
}
