import ApusCore
import ApusLoop
import ApusWire

/// Wakes who waits for something to happen to a session. A wake-up is a hint: look again.
@LoopActor
package final class Changes {
  private var waiting: [String: [UInt64: Answer<Void>]] = [:]
  private var next: UInt64 = 0

  /// Hears of every event, of whatever session.
  package var onEvents: @LoopActor () -> Void = {}

  func announceEvents() { onEvents() }

  /// Hears of every change of every session.
  var onAny: @LoopActor (String) -> Void = { _ in }

  /// Hears of whatever looks different.
  package var onAspect: @LoopActor (Aspect) -> Void = { _ in }

  /// Whether somebody hears of what looks different: what is found out for them alone is not, where nobody does.
  package var isFollowed = false

  package init() {}

  func announce(_ aspect: Aspect) { onAspect(aspect) }

  package func announce(_ session: String) {
    onAny(session)
    onAspect(.session(session))
    for answer in (waiting.removeValue(forKey: session) ?? [:]).values { answer.give(()) }
  }

  /// Returns at the next change of the session, when the caller goes, or after that time.
  package func next(of session: String, caller: Caller, milliseconds: Int?) async {
    next += 1
    let id = next
    var timer: UInt64?
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      waiting[session, default: [:]][id] = answer
      if let milliseconds { timer = Timers.shared.after(milliseconds) { answer.give(()) } }
      caller.whenGone(id) { answer.give(()) }
    }
    if let timer { Timers.shared.cancel(timer) }
    caller.forget(id)
    waiting[session]?[id] = nil
    if waiting[session]?.isEmpty == true { waiting[session] = nil }
  }
}

/// Who asked for something and may stop listening at any time; what was asked goes on all the same.
@LoopActor
package final class Caller {
  package private(set) var isGone = false
  private var actions: [UInt64: @LoopActor () -> Void] = [:]
  private let deliver: @LoopActor ([UInt8]) -> Void
  /// Suspends while more is on its way to the caller than it should be.
  private let drained: @LoopActor () async -> Void

  package init(deliver: @escaping @LoopActor ([UInt8]) -> Void, drained: @escaping @LoopActor () async -> Void) {
    self.deliver = deliver
    self.drained = drained
  }

  /// For work of the daemon's own, which nobody can leave.
  package static func nobody() -> Caller { Caller(deliver: { _ in }, drained: {}) }

  /// One item of a reply that comes in many.
  package func item(_ bytes: [UInt8]) async {
    guard !isGone else { return }
    deliver(bytes)
    await drained()
  }

  private static let silenceMilliseconds = 300

  /// Does it; whoever waits is told what is being done, where it takes a while.
  func told<T>(_ doing: String, _ work: () async throws -> T) async rethrows -> T {
    let timer = Timers.shared.after(Self.silenceMilliseconds) { [weak self] in
      guard let self, !isGone, let bytes = try? JSONText.encode(Progress(doing: doing)) else { return }
      deliver(bytes)
    }
    defer { Timers.shared.cancel(timer) }
    return try await work()
  }

  package func leave() {
    isGone = true
    for action in actions.values { action() }
    actions = [:]
  }

  func whenGone(_ id: UInt64, _ action: @escaping @LoopActor () -> Void) {
    if isGone { action() } else { actions[id] = action }
  }

  func forget(_ id: UInt64) { actions[id] = nil }
}
