import CSystem
import Glibc

// The guard of one development server: its parent, and the subreaper of all it starts, in a session of its own. Whoever
// started the guard speaks to it over a socket, and when that one ends, in whatever way, the server's whole tree ends with
// it: politely, then not. It records nothing and interprets nothing; the server has the guard's own input and output.
//
// With `--socket` the guard's own input is a socket for the server, which finds it as descriptor 3.
//
// To the guard: `T` end politely, `K` end at once; the socket's end means `T`. From it: `S pid start`, once the program
// runs; `F errno`, where it could not be started; `X status`, when nothing of the tree lives any more.

/// Guards the program named from that argument on; `milliseconds` is how long it may take to end politely.
package func guardMain(milliseconds: Int64, commandAt: Int) -> Never {
  var words: [[UInt8]] = []
  for index in commandAt..<Int(CommandLine.argc) {
    guard let word = CommandLine.unsafeArgv[index] else { break }
    words.append(Array(UnsafeRawBufferPointer(start: word, count: strlen(word))))
  }
  let hasSocket = words.first == Array("--socket".utf8)
  if hasSocket { words.removeFirst() }
  guard let program = words.first, let guarding = Guard(milliseconds) else { exit(1) }
  exit(guarding.run(program, words, hasSocket: hasSocket) ? 0 : 1)
}

private final class Guard {
  private static let talk: Int32 = 3
  /// How long what a server left behind may take to end politely.
  private static let leftoverMilliseconds: Int64 = 2_000
  /// How often what would not die is killed again (it may have forked meanwhile).
  private static let insistMilliseconds: Int64 = 20

  private let signals: Int32
  private let limit: Int64
  private let tree = Tree(root: getpid())
  private var server: Int32 = 0
  private var status: Int32?
  /// When politeness is over; nil: nobody asked for an end.
  private var killAt: Int64?
  private var isHeard = true

  init?(_ limit: Int64) {
    self.limit = limit
    apus_ignore_pipe_signal()
    _ = fcntl(Self.talk, F_SETFD, FD_CLOEXEC)
    signals = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT], 5)
    guard signals >= 0, apus_become_subreaper() == 0 else { return nil }
  }

  /// Whether the program could be started.
  func run(_ program: [UInt8], _ words: [[UInt8]], hasSocket: Bool) -> Bool {
    let socket = hasSocket ? fcntl(0, F_DUPFD_CLOEXEC, 4) : -1
    let code = spawn(
      program: program, arguments: words, environment: Self.environment(), directory: Array(".".utf8),
      pipes: (hasSocket ? -1 : 0, 1, 2), third: socket, pid: &server)
    // The server's alone: while it is open here as well, connections would wait at one that is gone.
    if hasSocket {
      close(0)
      close(socket)
    }
    guard code == 0 else {
      say("F \(code)")
      return false
    }
    var seen = apus_process()
    say("S \(server) \(apus_process_look(server, &seen) == 0 ? seen.start : 0)")
    while status == nil || !tree.isEmpty { wait() }
    say("X \(status ?? 0)")
    return true
  }

  private func wait() {
    let now = apus_monotonic_milliseconds()
    if let killAt, now >= killAt {
      tree.signal(SIGKILL)
      self.killAt = now + Self.insistMilliseconds
    }
    var watched = [
      pollfd(fd: isHeard ? Self.talk : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
    ]
    poll(&watched, 2, killAt.map { Int32(clamping: max(0, $0 - apus_monotonic_milliseconds())) } ?? -1)
    if watched[0].revents != 0 { hear() }
    while case let number = apus_signal_next(signals), number > 0 { if number != SIGCHLD { end(within: limit) } }
    reap()
  }

  private func hear() {
    var byte: UInt8 = 0
    let got = read(Self.talk, &byte, 1)
    if got < 0, errno == EINTR || errno == EAGAIN { return }
    if got == 1, byte == UInt8(ascii: "K") { return end(within: 0) }
    if got != 1 { isHeard = false }
    end(within: limit)
  }

  /// A shorter time takes over, a longer one does not.
  private func end(within milliseconds: Int64) {
    let until = apus_monotonic_milliseconds() + milliseconds
    if killAt == nil { tree.signal(SIGTERM) }
    killAt = min(killAt ?? until, until)
  }

  private func reap() {
    var ended: Int32 = 0
    while case let pid = waitpid(-1, &ended, WNOHANG), pid > 0 || (pid < 0 && errno == EINTR) {
      guard pid == server else { continue }
      status = ended & 0x7F == 0 ? (ended >> 8) & 0xFF : 128 + ended & 0x7F
      end(within: min(limit, Self.leftoverMilliseconds))
    }
  }

  private func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = apus_write_from(Self.talk, line, line.count, 0)
  }

  private static func environment() -> [[UInt8]] {
    var entries: [[UInt8]] = []
    var at = apus_environment()
    while let entry = at?.pointee {
      entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
      at = at?.advanced(by: 1)
    }
    return entries
  }
}
