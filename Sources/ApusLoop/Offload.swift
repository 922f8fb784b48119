import Dispatch

/// Work that may block, kept off the daemon's thread.
package enum Offload {
  private static let queue = DispatchQueue(label: "apus.offload", attributes: .concurrent)

  /// Runs `work` on another thread and returns its result to the caller's actor.
  package static func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: work()) }
    }
  }

  /// The same, but nil when it takes longer: the work goes on behind the caller's back and its result is dropped.
  @LoopActor
  package static func run<T: Sendable>(
    withinMilliseconds limit: Int, _ work: @escaping @Sendable () -> T
  ) async -> T? {
    await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      let timer = Timers.shared.after(limit) { answer.give(nil) }
      queue.async {
        let result = work()
        Task { @LoopActor in
          Timers.shared.cancel(timer)
          answer.give(result)
        }
      }
    }
  }
}

/// A continuation that is resumed by whoever comes first.
@LoopActor
package final class Answer<T: Sendable> {
  private var continuation: CheckedContinuation<T, Never>?

  package nonisolated init(_ continuation: CheckedContinuation<T, Never>) { self.continuation = continuation }

  package func give(_ value: sending T) {
    continuation?.resume(returning: value)
    continuation = nil
  }
}
