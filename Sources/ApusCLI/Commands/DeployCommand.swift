import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

struct DeployCommand: Command {
  static let about = About(
    name: "deploy", group: .together, summary: "watch the newest deployment; one session fixes what failed",
    example: "apus deploy watch -- vercel ls open-mates-webapp",
    more:
      "CMD, or `deploy.command` of .apus/config.json, is run every --interval by the daemon, once for all who watch; the "
      + "first line with one of the words Ready, Error, Building (the configuration names others) is the newest "
      + "deployment's. `watch` ends with 0 when that is ready. If it failed, one session has the lock `deploy` and the job "
      + "of fixing it: for that one it ends with 1, others wait on. Outside of sessions it ends with 1 and says who fixes. "
      + "Too late: 124. With --no-wait the session is told and woken later: 0, or 1 if the job is its own, 4 if another's."
  )

  @Operands(
    "ACT CMD …", help: "watch or status; behind --, the command that lists deployments", least: 1,
    choices: ["watch", "status"])
  var words
  @Option("--session", value: "NAME", help: "watch for that session", completes: .sessions)
  var session: String?
  @Flag("--no-wait", help: "watch: answer at once; the session is told later") var noWait
  @Option("--limit", value: "TIME", help: "watch: for how long (30m)", parse: DurationText.seconds) var limit: Double?
  @Option("--interval", value: "TIME", help: "watch: how often the command runs (10s)", parse: DurationText.seconds)
  var interval: Double?

  private static let lockHeldCode: Int32 = 4

  func run(_ context: Context) throws(Failure) -> Int32 {
    switch words[0] {
    case "watch": return try watch(Array(words.dropFirst()), context)
    case "status":
      guard words.count == 1 else { throw Usage.wrong("deploy", "status takes no command") }
      return try status(context)
    default: throw Usage.wrong("deploy", "there is no \"\(SessionName.excerpt(words[0]))\": watch or status")
    }
  }

  // MARK: watch

  private func watch(_ command: [String], _ context: Context) throws(Failure) -> Int32 {
    var request = DeployWatchRequest(
      asker: context.asker(session: session), id: Ticket.make(), environment: context.environment)
    request.command = command.isEmpty ? nil : command
    request.limitSeconds = limit
    request.intervalSeconds = interval
    request.waits = !noWait
    let bytes = try ask(request, context)
    let reply: DeployWatchReply = try context.decode(bytes)
    if context.isJSON { context.output.line(bytes) } else { context.output.write(reply.words + "\n") }
    switch reply.outcome {
    case .ready: return 0
    case .job, .failed: return 1
    case .watching:
      if !context.isJSON { context.output.note("The session is told when that changes.") }
      return reply.state == .error && reply.holder != nil && reply.token == nil ? Self.lockHeldCode : 0
    }
  }

  /// Goes on over the end of a daemon: sessions keep their place by the lock's book.
  private func ask(_ request: DeployWatchRequest, _ context: Context) throws(Failure) -> [UInt8] {
    let began = apus_monotonic_milliseconds()
    var told = ""
    while true {
      var left = request
      left.waitedSeconds = Double(apus_monotonic_milliseconds() - began) / 1000
      do throws(Failure) {
        var link = try DaemonLink.open(try context.places, environment: context.environment)
        return try link.ask(.deployWatch, left) { item in
          guard let reply = try? JSONText.decode(DeployWatchReply.self, from: item) else { return true }
          if reply.words != told { context.output.note(reply.words) }
          told = reply.words
          return true
        } ?? []
      } catch {
        guard error == DaemonLink.gone else { throw error }
        poll(nil, 0, 50)
      }
    }
  }

  // MARK: status

  private func status(_ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(.deployStatus, DeployStatusRequest(asker: context.asker(session: session)))
    let output = context.output
    if context.isJSON {
      output.line(bytes)
      return 0
    }
    let all: [DeploymentObject] = try context.decode(bytes)
    if all.isEmpty { output.write("No deployment was watched here.\n") }
    for one in all {
      output.write("\(one.state.rawValue)  \(one.text)\n")
      let checked = one.age.map { "\(MomentText.age($0)) ago" } ?? "not yet"
      output.write(output.styled("  \(one.command), read \(checked)", .dim) + "\n")
      if let fixer = one.fixer { output.write("  \(fixer.name) (\(fixer.id)) fixes it and has the lock \(one.lock)\n") }
      if !one.watchers.isEmpty { output.write("  watched by \(one.watchers.joined(separator: ", "))\n") }
    }
    return 0
  }
}
