import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// How the daemon of one home is reached.
struct Daemon: Sendable {
  /// Items that came before the answer, and the answer.
  struct Reply: Sendable {
    var items: [[UInt8]] = []
    var body: [UInt8] = []
  }

  let places: Places
  let environment: [String: String]
  let programs: String?

  /// How long nothing may be seen of a daemon that follows one which went away.
  static let patienceMilliseconds: Int64 = 60_000
  private static let pauseMilliseconds = 50
  /// So many times it is tried to connect before it is looked whether somebody is on the way.
  private static let tries = 10
  /// What was reached in its last moment is as good as none.
  private static let lastMomentMilliseconds: Int64 = 200
  private static let mostStarts = 5

  static let nonsense = Failure(
    .daemonVersion, "the daemon answered in a way this library does not understand",
    hint: "`apus restart` starts the daemon that belongs to it; running sessions are not touched")

  /// Where `apusd` is: beside this program, as all of ours are, or wherever they were installed.
  var directory: String? {
    if let programs { return programs }
    if let beside = (try? Detached.sibling(""))?.dropLast(), access("\(beside)/apusd", X_OK) == 0 {
      return String(beside)
    }
    return (environment["PATH"] ?? "").split(separator: ":").map { String($0) }
      .first { $0.hasPrefix("/") && access($0 + "/apusd", X_OK) == 0 }
  }

  /// Asks and returns what was answered. What only looks is asked again of the next daemon, which is started for it, where
  /// one goes away meanwhile; of all else nobody knows whether it was done.
  func ask(
    _ verb: Verb, _ body: some Encodable & Sendable, starting: Bool = true, within milliseconds: Int? = nil
  ) async throws -> Reply {
    let onlyLooks = verb.onlyLooks || verb == .logs
    return try await again(if: onlyLooks, waits: false, starting: starting, within: milliseconds) { _ in (verb, body) }
  }

  /// The same for what may be asked again; the question is made anew each time, and told how many seconds went by since
  /// it was first asked. What waits goes on with a daemon that somebody else starts.
  func again<Body: Encodable & Sendable>(
    if mayAskAgain: Bool = true, waits: Bool = true, starting: Bool = true, within milliseconds: Int? = nil,
    _ question: @escaping @Sendable (_ spent: Double) -> (Verb, Body)
  ) async throws -> Reply {
    let asking = Asking()
    return try await withTaskCancellationHandler {
      var link: ControlLink? = try await connect(starting: starting)
      let first = apus_monotonic_milliseconds()
      var starts = 0
      while true {
        let since = apus_monotonic_milliseconds()
        guard let open = link else { throw CancellationError() }
        let (verb, body) = question(Double(since - first) / 1000)
        do { return try await asking.ask(open, verb, body, within: milliseconds) } catch let failure as Failure {
          guard failure == DaemonLink.gone, mayAskAgain else { throw failure }
          let wasLeaving = apus_monotonic_milliseconds() < since + Self.lastMomentMilliseconds
          starts += 1
          // A daemon that ends again and again is not begun for ever.
          if !waits || wasLeaving, starts <= Self.mostStarts {
            link = try await connect(starting: starting)
          } else {
            link = try await nextDaemon { asking.isCancelled }
          }
        }
      }
    } onCancel: {
      LoopActor.begin { asking.cancel() }
    }
  }

  /// Connects, starting the daemon where there is none and that is wanted. It takes as long as the daemon does: on a busy
  /// machine that says nothing.
  @LoopActor
  func connect(starting: Bool = true) async throws(Failure) -> ControlLink {
    if let link = ControlLink.connect(places) { return link }
    return try await ControlLink.open(
      places, environment: environment, starting: starting, program: starting ? program() : nil)
  }

  /// The daemon that follows one that went away; nil where nobody wants it any more. It is not started here: it may have
  /// been shut down on purpose.
  @LoopActor
  func nextDaemon(_ isUnwanted: @LoopActor () -> Bool) async throws(Failure) -> ControlLink? {
    var wait = DaemonWait(patience: Self.patienceMilliseconds, now: apus_monotonic_milliseconds())
    while true {
      for _ in 0..<Self.tries {
        if isUnwanted() { return nil }
        if let link = ControlLink.connect(places) { return link }
        await pause(milliseconds: Self.pauseMilliseconds)
      }
      let sight = DaemonWait.look(places)
      guard wait.isWorthwhile(sight, now: apus_monotonic_milliseconds()) else { throw DaemonLink.noneCame }
    }
  }

  private func program() throws(Failure) -> String {
    guard let directory else {
      throw Failure(
        .daemonUnreachable, "there is no apusd beside this program, nor in PATH",
        hint: "install Apus, or say where its programs are: Apus(programs: DIRECTORY)")
    }
    return directory + "/apusd"
  }
}

/// One question to the daemon that its asker may give up.
@LoopActor
private final class Asking {
  private var link: ControlLink?
  private var answer: Answer<Result<[UInt8], Failure>>?
  private(set) var isCancelled = false

  nonisolated init() {}

  private static let silent = Failure(
    .daemonUnreachable, "the daemon does not answer",
    hint: "`apus logs --daemon` says what it did last; `apus restart` starts another")

  func ask(_ link: ControlLink, _ verb: Verb, _ body: some Encodable & Sendable, within milliseconds: Int?) async throws
    -> Daemon.Reply
  {
    defer {
      link.close()
      (self.link, answer) = (nil, nil)
    }
    guard !isCancelled else { throw CancellationError() }
    self.link = link
    var items: [[UInt8]] = []
    link.onItem = { items.append($0) }
    var timer: UInt64?
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<[UInt8], Failure>, Never>) in
      let answer = Answer(continuation)
      self.answer = answer
      link.onReply = { answer.give($0) }
      link.onGone = { answer.give(.failure(DaemonLink.gone)) }
      timer = milliseconds.map { Timers.shared.after($0) { answer.give(.failure(Self.silent)) } }
      // It may have gone before anybody listened.
      if link.isOpen { link.send(verb, body) } else { answer.give(.failure(DaemonLink.gone)) }
    }
    if let timer { Timers.shared.cancel(timer) }
    guard !isCancelled else { throw CancellationError() }
    return Daemon.Reply(items: items, body: try result.get())
  }

  func cancel() {
    isCancelled = true
    link?.close()
    answer?.give(.failure(DaemonLink.gone))
  }
}
