import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// Starts servers in the background, side by side, and says what became of each.
struct DevUp {
  private let options: DevCommand
  private let names: [String]
  private let context: Context

  init(_ options: DevCommand, _ names: [String], _ context: Context) {
    self.options = options
    self.names = names
    self.context = context
  }

  func run() throws(Failure) -> Int32 {
    var directory = context.directory
    if let session = options.session {
      let place: PlaceObject = try context.ask(.place, SessionRequest(session: session))
      directory = place.directory
    }
    let all = try Configuration.repository(from: directory)?.settings.dev ?? [:]
    guard !all.isEmpty else {
      throw Failure(
        .usage, "the configuration names no servers",
        hint: "in .apus/config.json: \"dev\": {\"api\": \"uvicorn main:app --port $PORT\", \"web\": \"npm run dev\"}")
    }
    for name in names where all[name] == nil {
      throw Failure(
        .serverNotFound, "the configuration has no server \"\(SessionName.excerpt(name, of: 40))\"",
        hint: "one of \(all.keys.sorted().joined(separator: ", "))")
    }
    let wanted = names.isEmpty ? all.keys.sorted() : names
    return try Self.start(
      wanted.map { name in
        var arguments = ["dev", "--background", "--name", name]
        if let session = options.session { arguments += ["--session", session] }
        if options.noReload { arguments.append("--no-reload") }
        return (name, arguments)
      }, options, context)
  }

  private struct Begun: Encodable {
    var name: String
    var healthy: Bool
    var server: DevServerObject?
    var error: Failure?
  }

  /// 0 where all of them are healthy.
  static func start(_ commands: [(name: String, arguments: [String])], _ options: DevCommand, _ context: Context)
    throws(Failure) -> Int32
  {
    var environment = context.environment
    environment[DevStart.readyVariable] = "3"
    let program = try Detached.sibling("apus")
    var started: [(name: String, ready: Int32)] = []
    for command in commands {
      let (ready, pid) = try Detached.start(
        program: program, arguments: command.arguments, environment: environment, directory: context.directory)
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      started.append((command.name, ready))
    }
    var begun: [Begun] = []
    for one in started { begun.append(word(of: one.name, one.ready)) }
    let servers: [DevServerObject] = try context.ask(
      .devStatus, DevStatusRequest(asker: context.asker(session: options.session)))
    for index in begun.indices { begun[index].server = servers.first { $0.name == begun[index].name } }
    if context.isJSON {
      context.output.json(begun)
    } else {
      for one in begun {
        if let server = one.server { context.output.write(DevWords.card(server, context.output)) }
        if let error = one.error { context.output.fail(error, isJSON: false) }
      }
    }
    return begun.allSatisfy(\.healthy) ? 0 : 1
  }

  /// What it says of its start: a failure, or the words of its first outcome.
  private static func word(of name: String, _ ready: Int32) -> Begun {
    defer { close(ready) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !text.contains(10) {
      let got = read(ready, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { break }
      text += chunk[..<got]
    }
    let line = Array(text.prefix { $0 != 10 })
    if let failure = try? JSONText.decode(Failure.self, from: line) {
      return Begun(name: name, healthy: false, error: failure)
    }
    guard let word = try? JSONText.decode(DevBegun.self, from: line) else {
      return Begun(
        name: name, healthy: false,
        error: Failure(
          .internalError, "the server \(name) ended before it said a word", hint: "`apus dev --name \(name)`"))
    }
    return Begun(name: word.name, healthy: word.healthy)
  }
}

/// The first word of a server in the background.
struct DevBegun: Codable {
  var name: String
  var healthy: Bool
}
