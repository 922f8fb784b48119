import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// What every command knows of where it was called.
struct Context {
  var environment: [String: String]
  var directory: String
  var isJSON: Bool
  var output: Output

  var places: Places {
    get throws(Failure) { try HomeDirectory.places(environment) }
  }

  var settings: Settings {
    get throws(Failure) { try Configuration.load(environment: environment, directory: directory) }
  }

  /// Asks the daemon, which is started where there is none; `milliseconds` is how long its answer may take.
  func ask<Reply: Decodable>(
    _ verb: Verb, _ body: some Encodable, within milliseconds: Int64? = nil, as _: Reply.Type = Reply.self
  ) throws(Failure) -> Reply {
    try decode(try raw(verb, body, within: milliseconds))
  }

  /// The reply's own JSON text: what `--json` prints is what the daemon said.
  func raw(_ verb: Verb, _ body: some Encodable, within milliseconds: Int64? = nil) throws(Failure) -> [UInt8] {
    if verb.onlyLooks, milliseconds == nil { return try rawAgain(verb) { body } }
    var link = try DaemonLink.open(try places, environment: environment, within: milliseconds)
    return try link.ask(verb, body, within: milliseconds) ?? []
  }

  /// The same for what may take long: a person at a terminal sees what is being done meanwhile.
  func telling(_ verb: Verb, _ body: some Encodable) throws(Failure) -> [UInt8] {
    var link = try DaemonLink.open(try places, environment: environment)
    let progress = ProgressLine(output)
    defer { progress.clear() }
    return try link.ask(verb, body) { item in
      if let told = try? JSONText.decode(Progress.self, from: item) { progress.show(told.doing) }
      return true
    } ?? []
  }

  /// The same for what may be asked again: where the daemon goes away meanwhile the next one is asked, if one comes.
  func rawAgain(_ verb: Verb, _ body: () -> some Encodable) throws(Failure) -> [UInt8] {
    let since = apus_monotonic_milliseconds()
    var link = try DaemonLink.open(try places, environment: environment)
    while true {
      do throws(Failure) { return try link.ask(verb, body()) ?? [] } catch {
        guard error == DaemonLink.gone else { throw error }
        // What was reached in its last moment is as good as none.
        let wasLeaving = apus_monotonic_milliseconds() < since + Self.lastMomentMilliseconds
        link = try wasLeaving ? DaemonLink.open(try places, environment: environment) : nextDaemon()
      }
    }
  }

  /// Hands items on as they come; false from `item` ends it, and so does whoever read our output when it leaves.
  func stream(_ verb: Verb, _ body: some Encodable, again: Bool = false, item: ([UInt8]) -> Bool) throws(Failure) {
    var link = again ? try nextDaemon() : try DaemonLink.open(try places, environment: environment)
    _ = try link.ask(verb, body, reader: Output.descriptor, item: item)
  }

  private static let patienceMilliseconds: Int64 = 1_500
  private static let pauseMilliseconds: Int32 = 50
  private static let lastMomentMilliseconds: Int64 = 200

  /// The daemon that follows one that went away. It is not started here: it may have been shut down on purpose.
  private func nextDaemon() throws(Failure) -> DaemonLink {
    let places = try places
    var wait = DaemonWait(patience: Self.patienceMilliseconds, now: apus_monotonic_milliseconds())
    repeat {
      poll(nil, 0, Self.pauseMilliseconds)
      if let link = try? DaemonLink.open(places, environment: environment, starting: false) { return link }
    } while wait.isWorthwhile(DaemonWait.look(places), now: apus_monotonic_milliseconds())
    throw DaemonLink.noneCame
  }

  func decode<Reply: Decodable>(_ bytes: [UInt8]) throws(Failure) -> Reply {
    do { return try JSONText.decode(Reply.self, from: bytes) } catch {
      throw Failure(
        .daemonVersion, "the daemon answered in a way this program does not understand",
        hint: "`apus restart` starts the daemon that belongs to it; running sessions are not touched")
    }
  }

  /// Who asks, as far as this process knows; `session` is one a person named.
  func asker(session: String? = nil) -> Asker {
    var asker = Asker(directory: directory)
    func set(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
    asker.session = session
    asker.run = set("APUS_RUN")
    asker.conversation = set("CLAUDE_CODE_SESSION_ID")
    asker.owner = set(LockVariable.owner).flatMap { try? JSONText.decode(LockOwner.self, from: Array($0.utf8)) }
    return asker
  }

  /// Prints a session: the object with `--json`, its card otherwise.
  func show(_ bytes: [UInt8]) throws(Failure) {
    if isJSON { return output.line(bytes) }
    let session: SessionObject = try decode(bytes)
    output.write(SessionCard.text(session, output))
    if let result = session.result { output.write("\n\(result)\n") }
  }

  /// Whether the session of that reply waits for a place to run in, so that there is nothing to attach to yet.
  func isQueued(_ bytes: [UInt8]) throws(Failure) -> Bool {
    let session: SessionObject = try decode(bytes)
    return session.state == .queued
  }

  /// Text from the command line, or all of standard input for `-`.
  func text(_ given: String) throws(Failure) -> String {
    given == "-" ? String(decoding: try bytes(given), as: UTF8.self) : given
  }

  /// The same as bytes, as they were given.
  func bytes(_ given: String) throws(Failure) -> [UInt8] {
    guard given == "-" else { return Array(given.utf8) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(0, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { break }
      bytes += chunk[..<got]
      guard bytes.count <= 64 << 20 else {
        throw Failure(.usage, "standard input is larger than 64 MB", hint: "name the file in the prompt instead")
      }
    }
    return bytes
  }

  /// An absolute path; `.` and relative ones from where the command was called.
  func absolute(_ path: String) -> String {
    var path = path.hasPrefix("/") ? path : directory + "/" + path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if let resolved = realpath(path, nil) {
      defer { free(resolved) }
      // A symlinked directory keeps the name it was given; only `.` and `..` are resolved.
      if path.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) { return String(cString: resolved) }
    }
    return path
  }
}
