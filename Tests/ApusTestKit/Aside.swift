import Foundation
import Glibc

/// Does what takes long and waits for nothing on a thread of its own that gives way to everything else. On the threads
/// tests share it would keep those from running that wait for a program's next word, for as long as it takes.
package func aside<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
  await AsideSlots.shared.take()
  let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<T, any Error>, Never>) in
    let thread = Thread {
      // On Linux the niceness is the thread's.
      setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
      continuation.resume(returning: Result { try work() })
    }
    thread.stackSize = 8 << 20
    thread.start()
  }
  await AsideSlots.shared.give()
  return try result.get()
}

/// As many at once as there are processors here.
private actor AsideSlots {
  static let shared = AsideSlots()

  private var free = 2
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    guard free == 0 else { return free -= 1 }
    await withCheckedContinuation { waiting.append($0) }
  }

  func give() {
    if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
  }
}
