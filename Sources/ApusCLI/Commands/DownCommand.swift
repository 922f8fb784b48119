import ApusCore
import ApusWire

struct DownCommand: Command {
  static let about = About(
    name: "down", group: .daemon, summary: "shut the daemon down",
    example: "apus down --persist",
    more:
      "Each session goes on or ends gracefully as PERSIST_CLAUDE_SESSIONS said when it was made; --persist and --end "
      + "say it for all. What ended can be resumed. `apus restart` never ends a session.")

  @Flag("--persist", help: "all sessions go on") var persist
  @Flag("--end", help: "all sessions end gracefully") var end

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard !(persist && end) else { throw Usage.wrong("down", "--persist or --end, not both") }
    let mode: ShutDownMode = persist ? .persist : end ? .end : .asRecorded
    guard let reply = try DaemonControl.shutDown(mode, context) else {
      if context.isJSON {
        context.output.json(ShutDownReply(pid: 0, persisted: [], ended: []))
      } else {
        context.output.write("no daemon runs for \(try context.places.home)\n")
      }
      return 0
    }
    if context.isJSON {
      context.output.json(reply)
    } else {
      context.output.write("the daemon (pid \(reply.pid)) is down\n")
      context.output.write("Claude sessions persisted: \(reply.persisted.count)\(names(reply.persisted))\n")
      if !reply.ended.isEmpty {
        context.output.write("ended, resumable with `apus resume`: \(reply.ended.count)\(names(reply.ended))\n")
      }
    }
    return 0
  }

  private func names(_ names: [String]) -> String {
    names.isEmpty ? "" : " (\(names.prefix(6).joined(separator: ", "))\(names.count > 6 ? ", …" : ""))"
  }
}
