import ApusCore
import ApusLink
import ApusWire

struct AdoptCommand: Command {
  static let about = About(
    name: "adopt", group: .care, summary: "take over a session of Claude Code that Apus did not start",
    example: "apus adopt 4711 --name fix-parser",
    more: "Without WHICH it lists them. One that ended becomes a session that `apus resume` continues; one that lives "
      + "is watched, in the terminal it has, until it ends.")

  @Operands("WHICH", help: "its pid, or its conversation id") var which
  @Option("--name", value: "NAME", help: "what the session is to be called") var name: String?

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard which.count <= 1 else { throw Usage.wrong("adopt", "one at a time") }
    if let name { try SessionName.check(name) }
    let settings = try context.settings
    let request = AdoptRequest(
      target: which.first, name: name,
      spec: try AgentProgram.spec(
        settings, model: settings[.model], permissionMode: settings[.permissionMode], environment: context.environment,
        directory: context.directory),
      persists: try settings.flag(.persist))
    let bytes = try context.raw(.adopt, request)
    let reply: AdoptReply = try context.decode(bytes)
    for note in reply.notes { context.output.note("note: \(note)") }
    if context.isJSON {
      if which.isEmpty { context.output.json(reply.sessions) } else { context.output.json(reply.sessions.first) }
    } else if let session = reply.sessions.first, !which.isEmpty {
      context.output.write(SessionCard.text(session, context.output))
    } else if reply.sessions.isEmpty {
      context.output.write("Every session of Claude Code here is one of Apus.\n")
    } else {
      context.output.write(SessionList.strangers(reply.sessions, context.output))
    }
    return 0
  }
}
