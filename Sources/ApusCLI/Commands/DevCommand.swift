import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

struct DevCommand: Command {
  static let about = About(
    name: "dev", group: .server, summary: "run a development server that reloads when no agent is at work",
    example: "apus dev --watch src -- uvicorn main:app --port 8000",
    more:
      "Runs CMD and starts it anew when files it watches change in content: once, after every session that works on them "
      + "is out of its turn, git is through, and all was quiet for --settle; after --max-hold at the latest. Without CMD it "
      + "is the server --name of .apus/config.json. Its port is in PORT: the session's, or one that is leased; --port asks "
      + "for that one. Safe mode (--no-reload, SAFE_RELOAD_MODE=true, DEBUG=false, in the environment or .env) only counts "
      + "changes, and `reload` loads them. `up` starts every server of the configuration in the background, `stop` ends "
      + "them. A server ends with its terminal, and nothing of it is left. Which reloaders to switch off: "
      + "docs/development-server.md.")

  static let acts = ["status", "reload", "hold", "release", "logs", "stop", "up"]

  @Operands("ACT NAME …", help: "status, reload, hold, release, logs, stop or up, and which servers", choices: acts)
  var words
  @Rest("CMD", help: "the server's command and its arguments") var command
  @Repeated("--watch", value: "DIR", help: "a directory to watch (this one); may be given several times") var watch
  @Repeated("--ignore", value: "GLOB", help: "what of it is not watched; may be given several times") var ignore
  @Flag("--no-reload", help: "safe mode: changes are counted, and loaded when somebody asks") var noReload
  @Option("--health", value: "URL", help: "healthy is what answers there: http://127.0.0.1:8000/ok, or /ok") var health:
    String?
  @Option(
    "--port", value: "N", help: "serve on this port and no other",
    parse: { Int($0).flatMap { (1...65535).contains($0) ? $0 : nil } })
  var port: Int?
  @Option(
    "--settle", value: "TIME", help: "how long it must be quiet before a reload (200ms)", parse: DurationText.seconds)
  var settle: Double?
  @Option(
    "--max-hold", value: "TIME", help: "how long agents at work may hold a reload (60s)", parse: DurationText.seconds)
  var maxHold: Double?
  @Flag("--keep-last-good", help: "the old one serves until the new one is healthy, where they can share the port")
  var keepLastGood
  @Flag("--socket", help: "the command is given its port's socket, to listen on, as descriptor 3 (uvicorn --fd 3)")
  var socket
  @Flag("--restart-on-exit", help: "start it again also when it ends by itself") var restartOnExit
  @Option("--start-limit", value: "TIME", help: "how long it may take to be healthy (30s)", parse: DurationText.seconds)
  var startLimit: Double?
  @Option("--stop-limit", value: "TIME", help: "how long it may take to end (10s)", parse: DurationText.seconds)
  var stopLimit: Double?
  @Option("--name", value: "N", help: "what the server is called, also in .apus/config.json") var name: String?
  @Option("--session", value: "S", help: "in that session's place, with its ports", completes: .sessions) var session:
    String?
  @Option("--for", value: "TIME", help: "hold: for how long (until it is released)", parse: DurationText.seconds)
  var holdFor: Double?
  @Option("--note", value: "WHY", help: "hold: why") var note: String?
  @Flag("--all", help: "status: of every repository") var all
  @Flag("--follow", "-f", help: "logs: go on with what comes") var follow
  @Flag("--background", help: "go on without this terminal; `apus dev stop` ends it") var background

  func run(_ context: Context) throws(Failure) -> Int32 {
    guard let act = words.first else { return try DevStart(self, context).run() }
    guard Self.acts.contains(act) else {
      throw Usage.wrong(
        "dev", "there is no \"\(SessionName.excerpt(act))\"; a server's command stands behind --: apus dev -- \(act) …")
    }
    guard command.isEmpty else { throw Usage.wrong("dev", "\(act) takes no command") }
    let names = Array(words.dropFirst()) + [name].compactMap(\.self)
    switch act {
    case "status": return try status(names, context)
    case "up": return try DevUp(self, names, context).run()
    case "logs": return try logs(names, context)
    case "reload": return try reload(names, context)
    case "hold": return try perform(.hold, names, context)
    case "release": return try perform(.release, names, context)
    default: return try perform(.stop, names, context)
    }
  }

  // MARK: acts

  private func status(_ names: [String], _ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(
      .devStatus, DevStatusRequest(asker: context.asker(session: session), names: names, all: all))
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    let servers: [DevServerObject] = try context.decode(bytes)
    if servers.isEmpty { context.output.write("No development server runs here.\n") }
    for server in servers { context.output.write(DevWords.card(server, context.output)) }
    return 0
  }

  /// 0: healthy; 1: it did not come up.
  private func reload(_ names: [String], _ context: Context) throws(Failure) -> Int32 {
    let bytes = try context.raw(
      .devAct, DevActRequest(asker: context.asker(session: session), names: names, act: .reload))
    let servers: [DevServerObject] = try context.decode(bytes)
    if context.isJSON {
      context.output.line(bytes)
    } else {
      for server in servers {
        context.output.write((server.lastWords ?? server.name) + "\n")
        guard server.last?.kind != .healthy else { continue }
        for line in server.lines { context.output.write("  " + SessionName.printable(line) + "\n") }
      }
    }
    return servers.allSatisfy { $0.last?.kind == .healthy } ? 0 : 1
  }

  private func perform(_ act: DevActRequest.Act, _ names: [String], _ context: Context) throws(Failure) -> Int32 {
    var request = DevActRequest(asker: context.asker(session: session), names: names, act: act)
    request.note = note
    request.seconds = holdFor
    let bytes = try context.raw(.devAct, request)
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    let servers: [DevServerObject] = try context.decode(bytes)
    switch act {
    case .stop where servers.isEmpty: context.output.write("stopped\n")
    case .stop: for server in servers { context.output.write("\(server.name): stopped\n") }
    case .hold, .release, .reload:
      for server in servers { context.output.write(DevWords.card(server, context.output)) }
    }
    return 0
  }

  // MARK: logs

  private func logs(_ names: [String], _ context: Context) throws(Failure) -> Int32 {
    let servers: [DevServerObject] = try context.ask(
      .devStatus, DevStatusRequest(asker: context.asker(session: session), names: names))
    guard servers.count == 1, let server = servers.first else {
      throw servers.isEmpty
        ? Failure(
          .serverNotFound, "no development server runs here", hint: "`apus dev up` starts those of the configuration")
        : Usage.wrong("dev", "several servers run here: \(servers.map(\.name).joined(separator: ", ")); name one")
    }
    let log = LogReader(server.log)
    log.printAll(context.output)
    if follow { log.follow(context.output) }
    return 0
  }
}

/// Prints what a server wrote, and goes on with what it writes.
private final class LogReader {
  private let path: String
  private var descriptor: Int32
  private var inode: UInt64 = 0

  init(_ path: String) {
    self.path = path
    descriptor = -1
  }

  func printAll(_ output: Output) {
    drain(apus_open(path + ".1", O_RDONLY, 0), output, closing: true)
    open()
    drain(descriptor, output)
  }

  /// Until whoever reads our output leaves, or the log goes.
  func follow(_ output: Output) {
    let watch = apus_directories_create()
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    guard watch >= 0, apus_directories_add_all(watch, directory) >= 0 else { return }
    var changes = [apus_directory_change](repeating: apus_directory_change(), count: APUS_DIRECTORY_CHANGES)
    while access(path, F_OK) == 0 {
      drain(descriptor, output)
      var facts = stat()
      if stat(path, &facts) == 0, UInt64(facts.st_ino) != inode {
        open()
        continue
      }
      var watched = [
        pollfd(fd: watch, events: Int16(POLLIN), revents: 0),
        pollfd(fd: Output.descriptor, events: 0, revents: 0),
      ]
      poll(&watched, 2, -1)
      if Int32(watched[1].revents) & (POLLERR | POLLHUP) != 0 { return }
      while apus_directories_next(watch, &changes) > 0 {}
    }
  }

  private func open() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = apus_open(path, O_RDONLY, 0)
    var facts = stat()
    inode = descriptor >= 0 && fstat(descriptor, &facts) == 0 ? UInt64(facts.st_ino) : 0
  }

  private func drain(_ descriptor: Int32, _ output: Output, closing: Bool = false) {
    guard descriptor >= 0 else { return }
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(descriptor, &chunk, chunk.count), got > 0 { output.write(Array(chunk[..<got])) }
    if closing { close(descriptor) }
  }
}
