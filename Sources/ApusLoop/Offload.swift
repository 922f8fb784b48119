import Dispatch
import Glibc

/// Work that may block, kept off the daemon's thread. Each piece has a thread of its own: a pool is as wide as there
/// are processors, so as many file systems that hang would use it up and nobody else would be answered in time.
@LoopActor
package enum Offload {
  /// Runs `work` on another thread and returns its result to the caller's actor.
  package static func run<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
      onThread { continuation.resume(returning: work()) }
    }
  }

  /// The same for work that may fail.
  package static func trying<T: Sendable, E: Error>(
    _ work: @escaping @Sendable () throws(E) -> T
  ) async throws(E) -> T {
    let result: Result<T, E> = await run {
      do throws(E) { return .success(try work()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  /// The same, but nil when for so long nothing came of it: the work goes on behind the caller's back and its result is
  /// dropped. `progress` is a number that grows while the work gets on.
  package static func run<T: Sendable>(
    withinMilliseconds limit: Int, progress: @escaping @Sendable () -> Int = { 0 }, _ work: @escaping @Sendable () -> T
  ) async -> T? {
    let patience = Patience(milliseconds: limit, progress: progress)
    return await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      patience.begin { answer.give(nil) }
      onThread {
        let result = work()
        LoopActor.begin {
          patience.end()
          answer.give(result)
        }
      }
    }
  }

  nonisolated static func onThread(_ work: @escaping @Sendable () -> Void) {
    let job = Unmanaged.passRetained(Job(work: work))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let code = pthread_create(&thread, &attributes, runJob, job.toOpaque())
    pthread_attr_destroy(&attributes)
    // No more threads to be had: then it waits for one of the pool.
    if code != 0 { DispatchQueue.global().async(execute: job.takeRetainedValue().work) }
  }
}

private final class Job: Sendable {
  let work: @Sendable () -> Void

  init(work: @escaping @Sendable () -> Void) { self.work = work }
}

private func runJob(_ job: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let job { Unmanaged<Job>.fromOpaque(job).takeRetainedValue().work() }
  return nil
}

/// A time limit that begins anew as long as something gets on.
@LoopActor
private final class Patience {
  private let milliseconds: Int
  private let progress: @Sendable () -> Int
  private var timer: UInt64?
  private var seen = 0

  init(milliseconds: Int, progress: @escaping @Sendable () -> Int) {
    self.milliseconds = milliseconds
    self.progress = progress
  }

  func begin(_ isOver: @escaping @LoopActor () -> Void) {
    timer = Timers.shared.after(milliseconds) { [self] in
      let now = progress()
      guard now == seen else {
        seen = now
        return begin(isOver)
      }
      timer = nil
      isOver()
    }
  }

  func end() {
    if let timer { Timers.shared.cancel(timer) }
    timer = nil
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
