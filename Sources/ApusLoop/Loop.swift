import CSystem
import Synchronization

// The daemon lives on one thread. All its state belongs to `LoopActor`, whose executor is this loop: it waits for
// descriptors and timers, runs what they call, then the Swift jobs that became ready. Two handlers never run at
// once, so there is nothing to lock, and the compiler checks that nothing of the daemon is touched from elsewhere.
// Tasks are begun with `LoopActor.begin`: what resumes after a wait passes through the task's executor, which otherwise
// is Dispatch, a detour over two threads, and once used it wakes the process every second for ever.
// What may block (a file system that hangs, a program that is asked for its version) goes through `Offload`.

/// The daemon's one thread as an actor.
@globalActor
package actor LoopActor {
  package static let shared = LoopActor()

  package nonisolated var unownedExecutor: UnownedSerialExecutor { Loop.shared.asUnownedSerialExecutor() }
}

/// The loop itself. `run()` is called once, by the thread that becomes the daemon's.
package final class Loop: SerialExecutor, TaskExecutor, Sendable {
  package static let shared = Loop()

  private struct Inbox: Sendable {
    var jobs: [UnownedJob] = []
    var stopped = false
  }

  private let poll = apus_poll_create()
  private let wake = apus_wake_create()
  private let inbox = Mutex(Inbox())
  private let thread = Atomic<UInt>(0)

  private static let wakeToken: UInt64 = 0

  private init() { apus_poll_set(poll, wake, Self.wakeToken, 1, 0, 0) }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let first = inbox.withLock { inbox in
      inbox.jobs.append(job)
      return inbox.jobs.count == 1
    }
    // The loop's own thread looks before it waits.
    if first, thread.load(ordering: .relaxed) != currentThread() { apus_wake_raise(wake) }
  }

  package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
  package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  package func checkIsolated() {
    precondition(thread.load(ordering: .relaxed) == currentThread(), "not on the daemon's thread")
  }

  /// Ends `run()` after the jobs at hand.
  package func stop() {
    inbox.withLock { $0.stopped = true }
    apus_wake_raise(wake)
  }

  /// Serves descriptors, timers and jobs until `stop()`.
  package func run() {
    thread.store(currentThread(), ordering: .relaxed)
    var events = [apus_poll_event](repeating: apus_poll_event(), count: 64)
    while true {
      let (jobs, stopped) = inbox.withLock { inbox in
        defer { inbox.jobs = [] }
        return (inbox.jobs, inbox.stopped)
      }
      for job in jobs {
        job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
      if stopped && jobs.isEmpty { return }
      let isIdle = !stopped && inbox.withLock { $0.jobs.isEmpty }
      let wait: Int32 = isIdle ? LoopActor.assumeIsolatedHere { Timers.shared.milliseconds() } : 0
      let count = apus_poll_wait(poll, &events, 64, wait)
      for event in events.prefix(Int(max(0, count))) {
        if event.token == Self.wakeToken {
          apus_wake_clear(wake)
        } else {
          LoopActor.assumeIsolatedHere { Descriptors.shared.deliver(event) }
        }
      }
      LoopActor.assumeIsolatedHere { Timers.shared.fire() }
    }
  }

  func watch(_ descriptor: Int32, token: UInt64, readable: Bool, writable: Bool, known: Bool) {
    apus_poll_set(poll, descriptor, token, readable ? 1 : 0, writable ? 1 : 0, known ? 1 : 0)
  }

  func unwatch(_ descriptor: Int32) { apus_poll_remove(poll, descriptor) }
}

extension Loop {
  /// For a program that does one thing: serves until that is done, and returns what came of it.
  package static func serve<T: Sendable>(until body: @escaping @LoopActor () async -> T) -> T? {
    let result = Kept<T>()
    LoopActor.begin {
      let value = await body()
      result.value.withLock { $0 = value }
      shared.stop()
    }
    shared.run()
    return result.value.withLock { $0 }
  }

  /// For a library in somebody else's program: the loop serves on a thread of its own from now on, for as long as the
  /// program lives. Begun once, however often it is asked for.
  package static func serveAside() { _ = aside }

  private static let aside: Void = Offload.onThread {
    apus_block_signals()
    shared.run()
  }

  private final class Kept<T: Sendable>: Sendable { let value = Mutex<T?>(nil) }
}

extension LoopActor {
  /// Begins a task that stays on the loop's thread, also when it resumes after a wait.
  @discardableResult
  package nonisolated static func begin<T: Sendable>(_ body: @escaping @LoopActor () async -> T) -> Task<T, Never> {
    Task(executorPreference: Loop.shared) { await body() }
  }

  /// For code the loop's own thread calls from outside any task.
  package static func assumeIsolatedHere<T: Sendable>(_ body: @LoopActor () throws -> T) rethrows -> T {
    Loop.shared.checkIsolated()
    // The thread was just checked to be the executor's own.
    return try withoutActuallyEscaping(body) { body in
      try unsafeBitCast(body, to: (() throws -> T).self)()
    }
  }
}
