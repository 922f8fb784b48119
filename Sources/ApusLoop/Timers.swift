import CSystem

/// What is due later. A daemon with nothing to await never wakes up.
@LoopActor
package final class Timers {
  package static let shared = Timers()

  private struct Entry {
    var due: Int64
    var id: UInt64
    var body: @LoopActor () -> Void
  }

  private var entries: [Entry] = []
  private var next: UInt64 = 1

  /// Runs `body` once, that many milliseconds from now. Returns what `cancel` takes.
  @discardableResult
  package func after(_ milliseconds: Int, _ body: @escaping @LoopActor () -> Void) -> UInt64 {
    defer { next += 1 }
    let entry = Entry(due: apus_monotonic_milliseconds() + Int64(milliseconds), id: next, body: body)
    let at = entries.firstIndex { $0.due > entry.due } ?? entries.endIndex
    entries.insert(entry, at: at)
    return next
  }

  package func cancel(_ id: UInt64) { entries.removeAll { $0.id == id } }

  func milliseconds() -> Int32 {
    guard let first = entries.first else { return -1 }
    return Int32(clamping: max(0, first.due - apus_monotonic_milliseconds()))
  }

  func fire() {
    let now = apus_monotonic_milliseconds()
    while let first = entries.first, first.due <= now {
      entries.removeFirst()
      first.body()
    }
  }
}

/// Suspends the caller for that long.
@LoopActor
package func pause(milliseconds: Int) async {
  await withCheckedContinuation { continuation in
    Timers.shared.after(milliseconds) { continuation.resume() }
  }
}
