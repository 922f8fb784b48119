import ApusCore
import ApusFrames
import ApusWire
import CSystem
import Glibc

/// A connection to the daemon, for programs that ask and wait. The daemon is started when there is none.
package struct DaemonLink: ~Copyable {
  private let descriptor: Int32
  private let places: Places
  private var reader = FrameReader()
  private var hasSpoken = false
  package static let patienceMilliseconds: Int64 = 10_000
  private static let pauseMilliseconds: Int32 = 20
  private static let looks = 10
  private static let silenceMilliseconds: Int32 = 1_000

  private init(descriptor: Int32, places: Places) {
    self.descriptor = descriptor
    self.places = places
  }

  deinit { close(descriptor) }

  /// Connects; with `starting` the daemon is started where none answers: `program`, usually the one beside this program.
  /// `milliseconds`: how long to wait for one that comes or goes; nil: as long as it gets on.
  package static func open(
    _ places: Places, environment: [String: String], starting: Bool = true,
    program: String? = nil, within milliseconds: Int64? = nil
  ) throws(Failure) -> DaemonLink {
    if let link = try connect(places) { return link }
    guard starting else {
      throw Failure(.daemonUnreachable, "no daemon runs for \(places.home)", hint: "start it with `apus up`")
    }
    try HomeDirectory.prepare(places)
    var wait = DaemonWait(
      patience: milliseconds ?? patienceMilliseconds, most: milliseconds ?? DaemonWait.mostMilliseconds,
      now: apus_monotonic_milliseconds())
    while true {
      let word = try startDaemon(places, environment, program)
      if let link = try connect(places) { return link }
      if let failure = try? JSONText.decode(Failure.self, from: Array(word.utf8)) { throw failure }
      // Another was faster, or is just going: it holds the home's lock and does not answer (yet, or any more).
      guard word.hasPrefix(taken), wait.isWorthwhile(DaemonWait.look(places), now: apus_monotonic_milliseconds()) else {
        throw Failure(
          .daemonUnreachable,
          word.isEmpty ? "the daemon ended before it answered" : "the daemon did not start: \(word)",
          hint: "see `apus logs --daemon`, and `apus doctor`")
      }
      if let link = try connectSoon(places) { return link }
    }
  }

  /// Looks whether the other one answers before a further daemon is begun, which takes more than looking.
  private static func connectSoon(_ places: Places) throws(Failure) -> DaemonLink? {
    let holder = DaemonWait.look(places)?.holder
    for _ in 0..<looks {
      poll(nil, 0, pauseMilliseconds)
      if let link = try connect(places) { return link }
      if holder.map(Processes.isAlive) != true { return nil }
    }
    return nil
  }

  /// What a daemon says on its pipe when another has the home.
  package static let taken = "taken"

  private static func connect(_ places: Places) throws(Failure) -> DaemonLink? {
    let descriptor = apus_unix_connect(places.daemonSocket, 0)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR { return nil }
      throw Failure(
        .daemonUnreachable, "\(places.daemonSocket): \(String(cString: apus_error_text(errno)))",
        hint: "the daemon belongs to another user, or its directory cannot be entered; set APUS_HOME to your own")
    }
    var user: uid_t = 0
    guard apus_peer_user(descriptor, &user) == 0, user == getuid() else {
      close(descriptor)
      throw Failure(
        .homeRefused, "the daemon at \(places.daemonSocket) belongs to another user (uid \(user))",
        hint: "set APUS_HOME to a directory of your own")
    }
    return DaemonLink(descriptor: descriptor, places: places)
  }

  /// The socket, non-blocking, for who lives on the loop. Nothing was asked yet.
  consuming func handedOver() throws(Failure) -> Int32 {
    let number = apus_duplicate(descriptor)
    guard number >= 0 else {
      throw Failure(
        .daemonUnreachable, "\(places.daemonSocket): \(String(cString: apus_error_text(errno)))",
        hint: "this program has too many files open")
    }
    apus_set_nonblocking(number, 1)
    return number
  }

  /// Starts a daemon and waits for its first word: empty where all is well.
  private static func startDaemon(
    _ places: Places, _ environment: [String: String], _ program: String?
  ) throws(Failure) -> String {
    let path: String
    if let program { path = program } else { path = try Detached.sibling("apusd") }
    let (ready, pid) = try Detached.start(
      program: path, arguments: [],
      environment: Environment.ofOurs(home: places.home, role: "daemon", from: environment), directory: "/")
    defer { close(ready) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 512)
    while true {
      let got = read(ready, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got <= 0 { break }
      text += chunk[..<got]
    }
    let word = String(decoding: text, as: UTF8.self).trimmingPrefix { $0.isWhitespace }
    return word.hasPrefix("ready") ? "" : String(word)
  }

  /// Sends a request and hands every item to `item` until the last frame, which is returned. `item` returning false
  /// ends the conversation early (nil is returned), and so does `reader` where nobody reads any more what is written
  /// there: who follows a session that is silent would never find out by writing.
  /// `milliseconds`: how long the answer may take; for what can be done without the daemon.
  package mutating func ask(
    _ verb: Verb, _ body: some Encodable, within milliseconds: Int64? = nil, reader: Int32 = -1,
    item: ([UInt8]) -> Bool = { _ in true }
  ) throws(Failure) -> [UInt8]? {
    let frame: Frame
    do { frame = try Control.request(verb, body) } catch {
      throw Failure(.internalError, "the request cannot be written: \(error)")
    }
    try send(frame.encoded)
    let until = milliseconds.map { apus_monotonic_milliseconds() + $0 }
    while true {
      guard let frame = try receive(reader: reader, until: until) else { return nil }
      switch frame.kind {
      case Control.Kind.item: if !item(frame.body) { return nil }
      case Control.Kind.done: return frame.body
      case Control.Kind.failed:
        throw (try? JSONText.decode(Failure.self, from: frame.body))
          ?? Failure(.internalError, "the daemon failed without a word")
      default: continue
      }
    }
  }

  private func send(_ bytes: [UInt8]) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      guard got > 0 else { throw Self.gone }
      done += got
    }
  }

  /// What listens there without a word may be no daemon at all, and would be waited for for ever: a daemon holds the
  /// home's lock.
  private func requireDaemon() throws(Failure) {
    var answer = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&answer, 1, Self.silenceMilliseconds) == 0 else { return }
    let lock = apus_open(places.daemonLock, O_RDWR, 0)
    guard lock >= 0 || errno == ENOENT else { return }
    defer { if lock >= 0 { close(lock) } }
    guard lock < 0 || apus_lock_file(lock) == 0 else { return }
    throw Self.taken(socket: places.daemonSocket)
  }

  /// Somebody's socket is where a daemon's should be.
  package static func taken(socket path: String) -> Failure {
    Failure(
      .daemonTaken, "something answers at \(path) although no daemon holds the home's lock",
      hint: "find out what it is (`lsof \(path)`); it was not touched")
  }

  /// Nil when the reader left.
  private mutating func receive(reader output: Int32, until: Int64?) throws(Failure) -> Frame? {
    if !hasSpoken { try requireDaemon() }
    hasSpoken = true
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      do { if let frame = try reader.next() { return frame } } catch { throw Self.gone }
      var watched = [
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), pollfd(fd: output, events: 0, revents: 0),
      ]
      let left = until.map { max(0, $0 - apus_monotonic_milliseconds()) }
      guard poll(&watched, 2, left.map { Int32(clamping: $0) } ?? -1) > 0 else {
        if left == 0 { throw Self.silent }
        continue
      }
      if Int32(watched[1].revents) & (POLLERR | POLLHUP) != 0 { return nil }
      let got = read(descriptor, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw Self.gone }
      reader.feed(chunk[..<got])
    }
  }

  /// A daemon is there and says nothing.
  private static let silent = Failure(
    .daemonUnreachable, "the daemon does not answer",
    hint: "`apus logs --daemon` says what it did last; `apus restart` starts another")

  /// The connection broke before the answer.
  package static let gone = Failure(
    .daemonUnreachable, "the daemon went away before it answered; the sessions go on",
    hint: "ask again: the next command starts it; `apus logs --daemon` says what happened")

  /// The daemon that was waited for did not come.
  package static let noneCame = Failure(
    .daemonUnreachable, "the daemon went away, and none came after it; the sessions are as they were left",
    hint: "`apus up` starts one; `apus logs --daemon` says what happened")
}
