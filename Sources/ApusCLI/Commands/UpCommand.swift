import ApusCore
import ApusWire

struct UpCommand: Command {
  static let about = About(
    name: "up", group: .daemon, summary: "start the daemon (every command does where there is none)", example: "apus up"
  )

  func run(_ context: Context) throws(Failure) -> Int32 {
    let reply = try context.raw(.status, Nothing())
    if context.isJSON {
      context.output.line(reply)
    } else {
      let status: StatusReply = try context.decode(reply)
      context.output.write(
        "apusd \(status.version), pid \(status.pid), \(status.home): \(status.sessions) sessions, \(status.live) live\n"
      )
    }
    return 0
  }
}
