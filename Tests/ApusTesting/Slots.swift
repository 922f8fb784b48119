/// So many at a time; first come, first served, whatever the number that is asked for.
package actor Slots {
  /// The real `claude`: each start takes half a second of CPU, each process 200 MB.
  package static let claude = Slots(4)
  /// Homes, each with a daemon and programs of its own. More of them at a time would end no sooner, and what one of them
  /// may take a minute for would be late.
  package static let homes = Slots(8)
  /// Whether this test has a home already: who waits for a second one while it has a slot could wait for itself.
  @TaskLocal static var isInHome = false

  private var free: Int
  private var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  private init(_ count: Int) { free = count }

  /// Performs it while that many are its own.
  nonisolated package func hold<T: Sendable>(_ count: Int, _ body: () async throws -> T) async throws -> T {
    await take(count)
    do {
      let result = try await body()
      await give(count)
      return result
    } catch {
      await give(count)
      throw error
    }
  }

  private func take(_ count: Int) async {
    if count == 0 || waiting.isEmpty && free >= count {
      free -= count
    } else {
      await withCheckedContinuation { waiting.append((count, $0)) }
    }
  }

  private func give(_ count: Int) {
    free += count
    while let first = waiting.first, free >= first.count {
      free -= first.count
      waiting.removeFirst().continuation.resume()
    }
  }
}
