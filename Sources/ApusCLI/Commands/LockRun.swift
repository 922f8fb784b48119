import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

// A command that runs while we have a lock. The right lasts as long as its whole tree: what it left running comes to us
// when its parent ends, so that we are through when nothing of it lives any more. Where we are killed the daemon sees to
// that tree by the mark in its environment.

/// Asks for locks, and keeps the place in the queue over the end of a daemon.
enum LockAsking {
  /// Waits as long as the request says; who waits is told for whom.
  static func ask(_ request: LockRequest, _ context: Context) throws(Failure) -> [UInt8] {
    let began = apus_monotonic_milliseconds()
    var told = ""
    while true {
      var left = request
      if let wait = request.waitSeconds {
        left.waitSeconds = max(0, wait - Double(apus_monotonic_milliseconds() - began) / 1000)
      }
      do throws(Failure) {
        var link = try DaemonLink.open(try context.places, environment: context.environment)
        let bytes = try link.ask(.lock, left) { item in
          guard let reply = try? JSONText.decode(LockReply.self, from: item) else { return true }
          let text = waiting(reply)
          if text != told { context.output.note(text) }
          told = text
          return true
        }
        return bytes ?? []
      } catch {
        // The ticket is known to the next daemon, with its place.
        guard error == DaemonLink.gone, request.waitSeconds != nil else { throw error }
        poll(nil, 0, 50)
      }
    }
  }

  private static func waiting(_ reply: LockReply) -> String {
    let note = reply.holderNote.map { " for \"\(Usage.printable($0))\"" } ?? ""
    let holder = reply.holder.map { "held by \($0.name) (\($0.id))\(note)" } ?? "not free yet"
    return "waiting for \(reply.waitsFor ?? "it"): \(holder); \(reply.place.map(LockWords.place) ?? "") in line"
  }
}

struct LockRun {
  private let request: LockRequest
  private let command: [String]
  private let verify: String?
  private let verifySeconds: Double
  private let context: Context

  private static let beatSeconds: Double = 30
  private static let verifyPauses: [Double] = [0.5, 1, 2, 5]

  init(_ request: LockRequest, command: [String], _ options: LockCommand, _ context: Context) throws(Failure) {
    guard !options.isLater else { throw Usage.wrong("lock", "run waits; --later is for acquire") }
    self.request = request
    self.command = command
    verify = options.verify
    verifySeconds = options.verifyFor ?? 600
    self.context = context
  }

  func perform() throws(Failure) -> Int32 {
    let reply: LockReply = try context.decode(try LockAsking.ask(request, context))
    var tree = try CommandTree(command, variables(reply), context)
    var isLost = false
    var nextBeat = Self.now + Self.beatSeconds
    while tree.lives {
      tree.wait(until: nextBeat)
      if Self.now >= nextBeat {
        nextBeat = Self.now + Self.beatSeconds
        if !isLost, beat(reply) == false {
          isLost = true
          context.output.note("error: the lock \(reply.names[0]) was lost; ending the command")
          tree.signal(SIGTERM)
        }
      }
    }
    let code = tree.exitCode
    var isHealthy = true
    if let verify, !isLost { isHealthy = try keepUntil(verify, reply) }
    if isLost || !release(reply) {
      context.output.note("hint: `apus lock history \(reply.names[0])` says who has it and why")
      return code == 0 ? ErrorCode.lockStale.exitCode : code
    }
    if !isHealthy, code == 0 {
      throw Failure(
        .timedOut,
        "\(reply.names[0]) was released although its check never succeeded: \(Usage.printable(verify ?? ""))",
        hint: "look what is wrong; --verify-for gives it more time")
    }
    return code
  }

  private static var now: Double { Double(apus_monotonic_milliseconds()) / 1000 }

  private func variables(_ reply: LockReply) -> [String: String] {
    var variables = context.environment
    variables[LockVariable.name] = reply.names[0]
    variables[LockVariable.token] = reply.tokens[reply.names[0]].map { String($0) }
    variables[LockVariable.ticket] = reply.ticket
    variables[LockVariable.owner] = (try? JSONText.string(reply.owner)) ?? ""
    return variables
  }

  /// False when the right is gone; nil where nobody could be asked.
  private func beat(_ reply: LockReply) -> Bool? {
    do throws(Failure) {
      _ = try held(.renew, reply)
      return true
    } catch { return error.code == .lockStale ? false : nil }
  }

  private func release(_ reply: LockReply) -> Bool {
    do throws(Failure) {
      _ = try held(.release, reply)
      return true
    } catch {
      // Without a daemon our end is what releases it.
      if error.code != .lockStale { return true }
      context.output.note("error: \(error.summary)")
      return false
    }
  }

  private func held(_ act: HeldLockRequest.Act, _ reply: LockReply) throws(Failure) -> [UInt8] {
    var held = HeldLockRequest(asker: request.asker, act: act, name: reply.names[0])
    held.token = reply.tokens[reply.names[0]]
    held.ticket = act == .release ? reply.ticket : nil
    held.seconds = request.leaseSeconds
    return try context.raw(.heldLock, held)
  }

  /// Asks again and again, and stays alive for the daemon meanwhile.
  private func keepUntil(_ check: String, _ reply: LockReply) throws(Failure) -> Bool {
    let until = Self.now + verifySeconds
    var pauses = Self.verifyPauses[...]
    var nextBeat = Self.now
    var isTold = false
    while true {
      var tree = try CommandTree(["/bin/sh", "-c", check], variables(reply), context)
      while tree.lives { tree.wait(until: min(nextBeat + Self.beatSeconds, until + 5)) }
      if tree.exitCode == 0 { return true }
      if !isTold { context.output.note("\(reply.names[0]) is kept until this succeeds: \(Usage.printable(check))") }
      isTold = true
      if Self.now >= until { return false }
      if Self.now >= nextBeat {
        nextBeat = Self.now + Self.beatSeconds
        if beat(reply) == false { return true }
      }
      let pause = pauses.count > 1 ? pauses.removeFirst() : pauses.first ?? 1
      poll(nil, 0, Int32(min(pause, max(0, until - Self.now)) * 1000))
    }
  }
}

/// A command and all it starts, as children of ours: with our terminal, our directory and our signals.
struct CommandTree {
  private let pid: pid_t
  private let signals: Int32
  private(set) var lives = true
  private(set) var exitCode: Int32 = 0

  init(_ command: [String], _ environment: [String: String], _ context: Context) throws(Failure) {
    apus_become_subreaper()
    // Keys typed at the terminal reach the command by themselves; what is sent to us alone is passed on.
    signals = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2], 5)
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
        .usage, "\(Usage.printable(program)): \(String(cString: apus_error_text(code)))",
        hint: "name a program that can be run")
    }
    self.pid = pid
    Glibc.signal(SIGINT, SIG_IGN)
    Glibc.signal(SIGQUIT, SIG_IGN)
  }

  /// Returns when something happened, or at that time.
  mutating func wait(until: Double) {
    reap()
    guard lives else { return }
    let left = until - Double(apus_monotonic_milliseconds()) / 1000
    var watched = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
    poll(&watched, 1, Int32(max(0, min(left, 3600)) * 1000))
    while case let number = apus_signal_next(signals), number > 0 { if number != SIGCHLD { signal(number) } }
    reap()
  }

  func signal(_ number: Int32) { kill(pid, number) }

  private mutating func reap() {
    var status: Int32 = 0
    while true {
      let ended = waitpid(-1, &status, WNOHANG)
      if ended == 0 { return }
      guard ended > 0 else {
        if errno == EINTR { continue }
        lives = false
        close(signals)
        return
      }
      if ended == pid { exitCode = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f) }
    }
  }
}
