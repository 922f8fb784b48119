import ApusCore
import ApusWire

struct RestartCommand: Command {
  static let about = About(
    name: "restart", group: .daemon, summary: "replace the daemon; sessions are not touched", example: "apus restart",
    more: "Use it after an upgrade: the daemon that belongs to this program takes every running session over.")

  func run(_ context: Context) throws(Failure) -> Int32 {
    _ = try DaemonControl.shutDown(.restart, context)
    return try UpCommand().run(context)
  }
}
