import ApusCore
import ApusLink
import ApusLoop
import ApusWire

/// What happens to a session, in order, each event once.
///
/// A reader may leave at any time: by breaking out of its loop, by cancelling its task, or by letting go of the iterator.
/// The connection is closed then, nothing is left of it, and the session does not notice. Who reads slowly makes the
/// daemon wait with what is still to come; nothing is lost by it.
///
/// Reading throws `session.not_found`, `daemon.unreachable` where the daemon went away and none came after it within a
/// minute, and `CancellationError` where the task was cancelled.
public struct SessionEvents: AsyncSequence, Sendable {
  /// What is read.
  public typealias Element = Event
  let daemon: Daemon
  let session: String
  let from: Int
  let follow: Bool

  /// A reader with a connection of its own, made with the first event that is asked for.
  public func makeAsyncIterator() -> Iterator {
    Iterator(EventReading(EventFollower(daemon, session: session, from: from, follow: follow)))
  }

  /// One reader. Not for two tasks at once.
  public struct Iterator: AsyncIteratorProtocol {
    private let reading: EventReading
    private var batch: ArraySlice<[UInt8]> = []

    init(_ reading: EventReading) { self.reading = reading }

    /// The next event; nil where there are no more and none was to be waited for.
    public mutating func next() async throws -> Event? { try await next(isolation: nil) }

    /// The next event; nil where there are no more and none was to be waited for.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> Event? {
      if Task.isCancelled {
        batch = []
        reading.leave()
        throw CancellationError()
      }
      if batch.isEmpty { batch = try await reading.more()[...] }
      guard let bytes = batch.popFirst() else { return nil }
      guard let event = Event(bytes) else { throw ApusError(Daemon.nonsense) }
      return event
    }
  }
}

/// Lives as long as the reader does.
final class EventReading: Sendable {
  private let follower: EventFollower

  init(_ follower: EventFollower) { self.follower = follower }

  deinit { leave() }

  func leave() { LoopActor.begin { [follower] in follower.leave() } }

  func more() async throws -> [[UInt8]] {
    let follower = follower
    return try await ApusError.from {
      try await withTaskCancellationHandler {
        try await follower.more()
      } onCancel: {
        LoopActor.begin { follower.leave() }
      }
    }
  }
}

/// Follows events over the ends of daemons, and keeps a few that were not asked for yet.
@LoopActor
final class EventFollower {
  /// With so many kept no more are read until they were taken.
  private static let most = 256

  private let daemon: Daemon
  private let session: String
  private let follow: Bool
  private var next: Int
  private var kept: [[UInt8]] = []
  private var link: ControlLink?
  private var waiting: Answer<Void>?
  private var ending: Result<Void, Failure>?
  private var hasBegun = false
  private var isLeft = false

  nonisolated init(_ daemon: Daemon, session: String, from: Int, follow: Bool) {
    self.daemon = daemon
    self.session = session
    self.follow = follow
    next = Swift.max(0, from)
  }

  /// Those that came since; waits for one. Empty: there are no more.
  func more() async throws -> [[UInt8]] {
    if !hasBegun, !isLeft {
      hasBegun = true
      LoopActor.begin { await self.connect { daemon async throws(Failure) in try await daemon.connect() } }
    }
    while !isReady {
      await withCheckedContinuation { continuation in
        // A task of the program's passes through the loop before it gets here: others may have come first.
        if isReady { continuation.resume() } else { waiting = Answer(continuation) }
      }
    }
    guard !isLeft else { throw CancellationError() }
    guard kept.isEmpty else {
      defer { kept = [] }
      link?.resume()
      return kept
    }
    try ending?.get()
    return []
  }

  private var isReady: Bool { !kept.isEmpty || ending != nil || isLeft }

  func leave() {
    isLeft = true
    kept = []
    link?.close()
    link = nil
    wake()
  }

  private func connect(_ find: @LoopActor (Daemon) async throws(Failure) -> ControlLink?) async {
    do throws(Failure) {
      guard let link = try await find(daemon) else { return }
      guard !isLeft else { return link.close() }
      self.link = link
      link.onItem = { [weak self] bytes in self?.take(bytes) }
      link.onReply = { [weak self] result in self?.end(result) }
      link.onGone = { [weak self] in self?.lost() }
      guard link.isOpen else { return lost() }
      link.send(.events, EventsRequest(session: session, from: next, follow: follow))
    } catch {
      ending = .failure(error)
      wake()
    }
  }

  private func take(_ bytes: [UInt8]) {
    // They are numbered without gaps.
    next += 1
    kept.append(bytes)
    if kept.count >= Self.most { link?.pause() }
    wake()
  }

  private func end(_ result: Result<[UInt8], Failure>) {
    switch result {
    case .success where follow: return lost()
    case .success: ending = .success(())
    case .failure(let failure): ending = .failure(failure)
    }
    link?.close()
    link = nil
    wake()
  }

  /// Events are numbered for good: the next daemon goes on where this one went away.
  private func lost() {
    link?.close()
    link = nil
    guard !isLeft else { return }
    LoopActor.begin {
      await self.connect { daemon async throws(Failure) in try await daemon.nextDaemon { self.isLeft } }
    }
  }

  private func wake() {
    let answer = waiting
    waiting = nil
    answer?.give(())
  }
}
