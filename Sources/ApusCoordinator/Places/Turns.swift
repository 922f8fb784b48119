import ApusLoop

/// Turns at things only one may do at a time: first come, first served, but those of a higher rank before others.
@LoopActor
final class Turns {
  private struct Waiting {
    var rank: Int
    var answer: Answer<Void>
  }

  private var taken: Set<String> = []
  private var waiting: [String: [Waiting]] = [:]

  /// Returns when it is the caller's turn, which it then has to give back.
  func take(_ name: String, rank: Int = 0) async {
    if taken.insert(name).inserted { return }
    await withCheckedContinuation { continuation in
      var queue = waiting[name] ?? []
      let at = queue.firstIndex { $0.rank < rank } ?? queue.endIndex
      queue.insert(Waiting(rank: rank, answer: Answer(continuation)), at: at)
      waiting[name] = queue
    }
  }

  func give(_ name: String) {
    guard var queue = waiting[name], !queue.isEmpty else {
      taken.remove(name)
      return
    }
    let next = queue.removeFirst()
    waiting[name] = queue.isEmpty ? nil : queue
    next.answer.give(())
  }
}
