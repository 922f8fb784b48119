import ApusCore
import ApusLink
import CSystem
import Glibc

/// What is said to `apus lock run` by signals, for as long as it lives. Keys typed at the terminal reach the command by
/// themselves; what is sent to us alone is passed on.
struct Signals {
  /// To be given to the command.
  private(set) var toPass: [Int32] = []
  /// What asked for an end since `forget`, typed or sent.
  private(set) var end: Int32?
  /// The daemon has something to say.
  private(set) var isPoked = false
  private let descriptor: Int32

  init() {
    descriptor = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2], 7)
  }

  /// Returns when something was said, or at that time.
  mutating func wait(until: Double) {
    let left = max(0, until - Double(apus_monotonic_milliseconds()) / 1000)
    var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    poll(&watched, 1, Int32((min(left, 3600) * 1000).rounded(.up)))
    toPass = []
    isPoked = false
    var isSent: Int32 = 0
    while case let number = apus_signal_next_of(descriptor, &isSent), number > 0 {
      if [SIGTERM, SIGHUP, SIGINT, SIGQUIT].contains(number) { end = number }
      if number == SIGCHLD {
        isPoked = isPoked || isSent == 1
      } else if isSent == 1 {
        toPass.append(number)
      }
    }
  }

  mutating func forget() { end = nil }
}

/// A command and all it starts, as children of ours: with our terminal, our directory and our signals.
struct CommandTree {
  /// Whether anything of it lives.
  private(set) var lives = true
  /// The command's own; of what it left nothing is known.
  private(set) var exitCode: Int32 = 0
  private let pid: pid_t
  private let mark: String
  private var hasEnded = false
  private var toldAt: Double?
  private static let politeSeconds: Double = 2

  /// `mark`: the entry all of it carries in its environment.
  init(_ command: [String], _ environment: [String: String], mark: String) throws(Failure) {
    apus_become_subreaper()
    self.mark = mark
    let program = try ProgramSearch.find(command[0], environment["PATH"] ?? "/usr/bin:/bin")
    var arguments = command.map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var usual = sigset_t()
    sigemptyset(&usual)
    sigaddset(&usual, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var pid: pid_t = 0
    let code = posix_spawn(&pid, program, nil, &attributes, &arguments, &variables)
    guard code == 0 else {
      throw Failure(
        .usage, "\(SessionName.excerpt(program)): \(String(cString: apus_error_text(code)))",
        hint: "name a program that can be run")
    }
    self.pid = pid
  }

  /// Returns when something happened, or at that time.
  mutating func wait(until: Double, _ signals: inout Signals) {
    reap()
    guard lives else { return }
    signals.wait(until: until)
    reap()
    for number in signals.toPass { pass(number) }
  }

  /// To the command; once that is over to whatever it left.
  private func pass(_ number: Int32) {
    guard hasEnded else {
      kill(pid, number)
      return
    }
    for process in Processes.carrying(mark) { Processes.signal(process, number) }
  }

  /// Ends all of it: politely, then not. To be called again until nothing lives.
  mutating func end() {
    let now = Double(apus_monotonic_milliseconds()) / 1000
    if let toldAt {
      if now < toldAt + Self.politeSeconds { return }
    } else {
      toldAt = now
    }
    let isFirst = toldAt == now
    if !hasEnded { kill(pid, isFirst ? SIGTERM : SIGKILL) }
    for process in Processes.carrying(mark) { Processes.signal(process, isFirst ? SIGTERM : SIGKILL) }
  }

  private mutating func reap() {
    var status: Int32 = 0
    while lives {
      let ended = waitpid(-1, &status, WNOHANG)
      if ended < 0, errno == EINTR { continue }
      if ended == 0 {
        if hasEnded, !Self.hasChildren { lives = false }
        return
      }
      guard ended > 0 else { return lives = false }
      guard ended == pid else { continue }
      exitCode = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
      hasEnded = true
    }
  }

  /// A daemon or keeper of ours that was started under the command comes to us as well, and is no part of it.
  private static var hasChildren: Bool {
    var all = [apus_process](repeating: apus_process(), count: 8192)
    let count = min(Int(apus_process_list(&all, Int32(all.count))), all.count)
    return all[..<max(0, count)].contains { process in
      process.parent == getpid() && apus_process_environment_has(process.pid, "APUS_ROLE=") != 1
    }
  }
}
