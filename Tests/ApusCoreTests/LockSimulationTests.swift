import ApusCore
import ApusSimulation
import ApusTestKit
import Foundation
import Testing

/// Reliability P1, P3, P4, P5: the real rule of locks in a world of accidents.
///
/// `APUS_SOAK=1` makes it 10⁹ events; `APUS_SEED=n` runs that one seed and writes what happened, to `APUS_TRACE` where
/// that names a file.
@Suite("locks in a world of accidents") struct LockSimulationTests {
  private static let seeds = getenv("APUS_SOAK") == nil ? 2000 : 200_000
  private static let events = 5000

  private struct Result: Sendable {
    var events = 0
    var counts = World.Counts()
    var violation: (seed: UInt64, what: String)?
  }

  private static func run(_ seeds: Range<UInt64>) -> Result {
    var result = Result()
    for seed in seeds {
      var world = World(seed: seed)
      world.run(events: events)
      result.events += world.events
      result.counts.add(world.counts)
      if let what = world.violation {
        result.violation = (seed, what)
        break
      }
    }
    return result
  }

  @Test func `no seed of many breaks a promise, and all is given back in the end`() async throws {
    if let text = ProcessInfo.processInfo.environment["APUS_SEED"], let seed = UInt64(text) {
      return try replay(seed)
    }
    let begun = ContinuousClock.now
    let part: UInt64 = 50
    let results = try await withThrowingTaskGroup { group in
      for first in stride(from: 0, to: UInt64(Self.seeds), by: Int(part)) {
        group.addTask { try await aside { Self.run(first..<first + part) } }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    let took = (ContinuousClock.now - begun) / Duration.seconds(1)
    let violations = results.compactMap(\.violation).sorted { $0.seed < $1.seed }
    if let first = violations.first {
      Issue.record("\(first.what); APUS_SEED=\(first.seed) tells how; \(violations.count) in all")
      return
    }
    let events = results.reduce(0) { $0 + $1.events }
    let total = results.reduce(into: World.Counts()) { $0.add($1.counts) }
    print("locks: \(events) events, \(Int(Double(events) / took)) a second; \(total)")
    #expect(events >= Self.seeds * Self.events)
    // The world is as hard as it says.
    #expect(total.grants > 500_000 && total.deadlocks > 1000 && total.timeOuts > 10_000 && total.silences > 10_000)
    #expect(total.deaths > 10_000 && total.restarts > 1000 && total.restores > 100 && total.rollBacks > 10_000)
    #expect(total.fenced > 1000)
  }

  @Test func `a seed runs the same twice`() {
    for seed in [3, 1234, 99_999] as [UInt64] {
      var one = World(seed: seed)
      var other = World(seed: seed, isTold: true)
      one.run(events: 5000)
      other.run(events: 5000)
      #expect(one.trace == other.trace)
      #expect(one.events == other.events)
      #expect(other.story.count > 5000)
    }
  }

  @Test(arguments: Flaw.allCases)
  func `whoever breaks a rule is caught within a million events`(_ flaw: Flaw) async throws {
    let (caught, events) = try await aside { () -> (String?, Int) in
      var events = 0
      var caught: String?
      for seed in 0..<UInt64(1000) where caught == nil && events < 1_000_000 {
        var world = World(seed: seed, flaw: flaw)
        world.run(events: 5000)
        events += world.events
        caught = world.violation
      }
      return (caught, events)
    }
    let violation = try #require(caught, "\(flaw) was not caught in \(events) events")
    print("locks: \(flaw) was caught after \(events) events: \(violation)")
  }

  private func replay(_ seed: UInt64) throws {
    var world = World(seed: seed, isTold: true)
    world.run(events: Self.events)
    let story = world.story.joined(separator: "\n") + "\n"
    if let path = ProcessInfo.processInfo.environment["APUS_TRACE"] {
      try story.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      print(story)
    }
    #expect(world.violation == nil)
  }
}
