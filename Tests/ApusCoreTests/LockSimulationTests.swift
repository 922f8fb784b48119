import ApusCore
import ApusSimulation
import Foundation
import Testing

/// Reliability P1, P3, P4, P5: the real rule of locks in a world of accidents.
///
/// `APUS_SOAK=1` makes it 10⁹ events; `APUS_SEED=n` runs that one seed and writes what happened, to `APUS_TRACE` where
/// that names a file.
@Suite("locks in a world of accidents") struct LockSimulationTests {
  private static let seeds = getenv("APUS_SOAK") == nil ? 2000 : 200_000
  private static let events = 5000

  @Test func `no seed of many breaks a promise, and all is given back in the end`() throws {
    if let text = ProcessInfo.processInfo.environment["APUS_SEED"], let seed = UInt64(text) {
      return try replay(seed)
    }
    let begun = ContinuousClock.now
    var total = World.Counts()
    var events = 0
    for seed in 0..<UInt64(Self.seeds) {
      var world = World(seed: seed)
      world.run(events: Self.events)
      events += world.events
      total.add(world.counts)
      if let violation = world.violation {
        Issue.record("\(violation); APUS_SEED=\(seed) tells how")
        return
      }
    }
    let took = ContinuousClock.now - begun
    let rate = Double(events) / (Double(took.components.seconds) + Double(took.components.attoseconds) * 1e-18)
    print("locks: \(events) events, \(Int(rate)) a second; \(total)")
    #expect(events >= Self.seeds * Self.events)
    // The world is as hard as it says.
    #expect(total.grants > 1_000_000 && total.deadlocks > 1000 && total.timeOuts > 10_000 && total.silences > 10_000)
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
  func `whoever breaks a rule is caught within a million events`(_ flaw: Flaw) throws {
    var events = 0
    var caught: String?
    for seed in 0..<UInt64(1000) where caught == nil && events < 1_000_000 {
      var world = World(seed: seed, flaw: flaw)
      world.run(events: 5000)
      events += world.events
      caught = world.violation
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
