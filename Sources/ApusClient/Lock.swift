import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import Glibc
import Synchronization

/// A name only one may have at a time, held by this program.
///
/// It is kept until `release`, until this value is let go of, or until the program ends, however that comes about. While
/// it is held the daemon is told so every half a minute; a program that is stopped for five minutes loses it.
public final class Lock: Sendable {
  /// What is held.
  public let names: [String]
  /// By name: numbers that grow whenever a lock changes hands. What a lock protects can refuse older ones.
  public let tokens: [String: Int64]
  /// The token of the first name.
  public var token: Int64 { names.first.flatMap { tokens[$0] } ?? 0 }

  private let right: LockRight
  private let isOver = Mutex(false)
  private let renewal: LockRenewal

  init(_ right: LockRight, tokens: [String: Int64]) {
    self.right = right
    names = right.names
    self.tokens = tokens
    renewal = LockRenewal(right, tokens)
    LoopActor.begin { [renewal] in renewal.begin() }
  }

  deinit {
    LoopActor.begin { [renewal] in renewal.end() }
    if end() { Task { [right] in await right.leave(starting: false) } }
  }

  /// Gives it back. Once is enough.
  ///
  /// - Throws: `lock.stale` where it was lost meanwhile: somebody broke it, or this program was silent for too long. What
  ///   was done under it may have met with others.
  public func release() async throws {
    guard end() else { return }
    LoopActor.begin { [renewal] in renewal.end() }
    let (right, tokens) = (right, tokens)
    // It is given back also where the task was cancelled.
    try await Task { try await ApusError.from { try await right.release(tokens) } }.value
  }

  /// Says that the right still stands; throws `lock.stale` where it does not.
  public func verify() async throws {
    for name in names {
      _ = try await ApusError.from { try await right.ask(.verify, name, token: tokens[name]) }
    }
  }

  private func end() -> Bool {
    isOver.withLock { isOver in
      defer { isOver = true }
      return !isOver
    }
  }
}

extension Apus {
  /// Takes a lock, or several, all or none. Every holding excludes every other, also one of this program's: it is not
  /// re-entrant.
  ///
  /// - Parameters:
  ///   - names: 1 to 64 bytes each, without blanks, commas and |.
  ///   - directory: the repository they belong to; nil: locks of the whole home.
  ///   - note: why, for everybody who waits.
  ///   - wait: how long to wait; `.zero`: not at all.
  /// - Throws: `lock.held` where it was not to be waited for, `timed_out`. Where it throws, nothing is held.
  public func acquire(
    _ names: String..., in directory: String? = nil, note: String? = nil, wait: Duration = .seconds(1800)
  ) async throws -> Lock {
    try await acquire(names: names, in: directory, note: note, wait: wait)
  }

  /// Does `body` while this program has the lock, and gives it back whatever becomes of that.
  ///
  /// - Parameters:
  ///   - name: 1 to 64 bytes without blanks, commas and |.
  ///   - directory: the repository it belongs to; nil: a lock of the whole home.
  ///   - note: why, for everybody who waits.
  ///   - wait: how long to wait; `.zero`: not at all.
  ///   - body: what is to be done; it is given the lock, for its token.
  /// - Throws: what `body` throws; `lock.held` and `timed_out` before it began; `lock.stale` where the lock was lost while
  ///   it was done.
  public func withLock<T>(
    _ name: String, in directory: String? = nil, note: String? = nil, wait: Duration = .seconds(1800),
    isolation: isolated (any Actor)? = #isolation, _ body: (Lock) async throws -> T
  ) async throws -> T {
    let lock = try await acquire(names: [name], in: directory, note: note, wait: wait)
    let result: T
    do { result = try await body(lock) } catch {
      try? await lock.release()
      throw error
    }
    try await lock.release()
    return result
  }

  private func acquire(
    names: [String], in directory: String?, note: String?, wait: Duration
  ) async throws -> Lock {
    let right = LockRight(daemon, names: names, directory: directory)
    let seconds = wait.inSeconds
    do {
      let reply = try await daemon.again { spent in
        var request = LockRequest(asker: right.asker, names: names, ticket: right.ticket)
        request.note = note
        request.waitSeconds = seconds > 0 ? max(0, seconds - spent) : nil
        request.isOfProcess = true
        return (Verb.lock, request)
      }
      guard let granted = try? JSONText.decode(LockReply.self, from: reply.body), granted.granted else {
        throw Daemon.nonsense
      }
      return Lock(right, tokens: granted.tokens)
    } catch {
      // The place in line is kept for a process that lives, and it may have been granted in this moment.
      await Task { await right.leave(starting: false) }.value
      throw (error as? Failure).map(ApusError.init) ?? error
    }
  }
}

/// One wish for locks and what comes of it. Who holds them is this program, and this wish of it alone.
struct LockRight: Sendable {
  /// A place in line that was not given up in time would be kept as long as this program lives.
  private static let patienceMilliseconds = 60_000
  private static let tries = 5

  let names: [String]
  let ticket: String
  let asker: Asker
  private let daemon: Daemon

  init(_ daemon: Daemon, names: [String], directory: String?) {
    self.daemon = daemon
    self.names = names
    ticket = (0..<4).map { _ in String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16) }.joined()
    var asker = Asker(directory: directory ?? "/")
    asker.isEverywhere = directory == nil
    asker.process = Processes.mark(of: getpid())
    asker.program = LockOwner(id: "\(getpid())-\(ticket.prefix(8))", name: "pid \(getpid())", isSession: false)
    self.asker = asker
  }

  func ask(
    _ act: HeldLockRequest.Act, _ name: String, token: Int64? = nil, starting: Bool = true, within: Int? = nil
  ) async throws {
    var request = HeldLockRequest(asker: asker, act: act, name: name)
    request.token = token
    request.ticket = act == .release || act == .leave ? ticket : nil
    _ = try await daemon.ask(.heldLock, request, starting: starting, within: within)
  }

  /// One answer for all of them: what the ticket holds goes together.
  func release(_ tokens: [String: Int64]) async throws {
    guard let first = names.first else { return }
    var lost: Failure?
    for name in names.dropFirst() {
      do { try await ask(.verify, name, token: tokens[name]) } catch let failure as Failure
        where failure.code == .lockStale
      { lost = failure }
    }
    var wasCutOff = false
    for _ in 0..<Self.tries {
      do {
        try await ask(.release, first)
        break
      } catch let failure as Failure {
        if failure.code == .lockStale {
          // What broke off may have been done.
          if !wasCutOff { lost = failure }
          await leave(starting: true)
          break
        }
        guard failure == DaemonLink.gone else { throw failure }
        wasCutOff = true
        await pause(milliseconds: 50)
      }
    }
    if let lost { throw lost }
  }

  /// Wants it no more, or never again; says nothing where nobody listens: without a daemon our end is what releases it.
  func leave(starting: Bool) async {
    guard let first = names.first else { return }
    for _ in 0..<Self.tries {
      do { return try await ask(.leave, first, starting: starting, within: Self.patienceMilliseconds) } catch {
        guard error as? Failure == DaemonLink.gone else { return }
        await pause(milliseconds: 50)
      }
    }
  }
}

/// Says again and again that the program lives, as long as it has the lock.
@LoopActor
private final class LockRenewal {
  private static let beatMilliseconds = 30_000
  private static let patienceMilliseconds = 5_000

  private let right: LockRight
  private let tokens: [String: Int64]
  private var timer: UInt64?
  private var isOver = false

  nonisolated init(_ right: LockRight, _ tokens: [String: Int64]) {
    self.right = right
    self.tokens = tokens
  }

  func begin() {
    guard !isOver else { return }
    timer = Timers.shared.after(Self.beatMilliseconds) { [weak self] in
      guard let self else { return }
      LoopActor.begin { [self] in
        for name in right.names {
          // Where none answers the next beat says it: a daemon that is begun anew gives everybody the whole time again.
          try? await right.ask(
            .renew, name, token: tokens[name], starting: false, within: Self.patienceMilliseconds)
        }
        begin()
      }
    }
  }

  func end() {
    isOver = true
    if let timer { Timers.shared.cancel(timer) }
    timer = nil
  }
}
