import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// What goes round often leaves nothing behind: memory, descriptors and the log stay as they were.
///
/// `APUS_SOAK=1` makes it a thousand rounds.
@Suite struct CycleTests {
  private static let isSoak = getenv("APUS_SOAK") != nil

  private struct Round {
    var daemon: Weight
    var keeper: Weight
  }

  @Test func `sessions made, stopped and resumed leave daemon and keepers as light as before`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let rounds = try await fly(home, Self.isSoak ? 1000 : 50)
      // Each session is remembered, and the store's page caches fill up once, to 4 MB in all. (Of 1,000 rounds the first
      // 600 took 7 MB, the last 400 took 1.5.)
      expectFlat(rounds, daemon: min(4096, 20 * rounds.count) + 8 * rounds.count * 2 / 3, keeper: 128)
      expectQuiet(home)
    }
  }

  @Test func `the real agent goes round as well`() async throws {
    try await TestHome.with { home in
      _ = try await fly(home, Self.isSoak ? 40 : 4)
      expectQuiet(home)
    }
  }

  @Test func `one run of many turns leaves its keeper and the daemon as light as before`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let session = try await home.session("new", "one")
      let keeper = try #require(session.keeperMark)
      let daemon = try #require(home.daemon())
      var rounds: [Round] = []
      for turn in 0..<(Self.isSoak ? 2000 : 300) {
        // Half a megabyte now and then: what was large once must not stay.
        let size = turn % 10 == 0 ? 500_000 : 100
        let text = String(repeating: "x", count: size) + " \(turn)"
        let answered = await home.run(["send", "one", "-", "--wait"], input: "say: " + text)
        #expect(answered.output == text + "\n")
        if turn % 10 == 9 {
          let kept = try #require(Weight(of: keeper.pid))
          rounds.append(Round(daemon: try #require(Weight(of: daemon.pid)), keeper: kept))
        }
      }
      // The allocator takes three megabytes at a time; one copy of each large text would be ten.
      expectFlat(rounds, daemon: 6144, keeper: 1536)
      expectQuiet(home)
    }
  }

  /// New, stop, resume, stop, again and again; what daemon and keeper weigh in each round.
  private func fly(_ home: TestHome, _ count: Int) async throws -> [Round] {
    var rounds: [Round] = []
    var daemon: Int32 = 0
    for number in 0..<count {
      let name = "round-\(number)"
      let made = try await home.session("new", name, "--prompt", "say: first", "--wait")
      #expect(made.result == "first")
      if number == 0 { daemon = try #require(home.daemon()).pid }
      #expect(try await home.session("stop", name).ending == .exit(0))
      let resumed = try await home.session("resume", name, "say: second", "--wait")
      #expect(resumed.result == "second")
      let keeper = try #require(resumed.keeperMark)
      // The last command's connection may still be closing: what leaks stays, however long one looks.
      let first = rounds.first?.daemon.descriptors ?? Int.max
      _ = await eventually(seconds: 3) { (Weight(of: daemon)?.descriptors ?? 0) <= first }
      rounds.append(
        Round(daemon: try #require(Weight(of: daemon)), keeper: try #require(Weight(of: keeper.pid))))
      #expect(try await home.session("stop", name).ending == .exit(0))
      #expect(try await home.verdict(name).resumable)
      #expect(ended(keeper.pid, start: keeper.start))
    }
    #expect(home.daemon()?.pid == daemon, "the daemon is the one that began")
    return rounds
  }

  /// Late rounds against early ones, the median of each: at most so many KB more, and not a descriptor more at the least.
  private func expectFlat(_ rounds: [Round], daemon: Int, keeper: Int) {
    let part = rounds.count / 3
    func median(_ rounds: ArraySlice<Round>, _ value: (Round) -> Int) -> Int {
      rounds.map(value).sorted()[rounds.count / 2]
    }
    func grown(_ value: (Round) -> Int) -> Int {
      median(rounds[(rounds.count - part)...], value) - median(rounds[..<part], value)
    }
    #expect(grown(\.daemon.memory) <= daemon, "\(rounds.map(\.daemon.memory))")
    #expect(grown(\.keeper.memory) <= keeper)
    func least(_ rounds: ArraySlice<Round>, _ value: (Round) -> Int) -> Int { rounds.map(value).min() ?? 0 }
    for value in [{ (round: Round) in round.daemon.descriptors }, { $0.keeper.descriptors }] {
      #expect(least(rounds[(rounds.count - part)...], value) <= least(rounds[..<part], value))
    }
    #expect(rounds.allSatisfy { $0.daemon.threads <= 16 && $0.keeper.threads == 1 })
  }

  /// No line of the log tells of anything but what was asked for.
  private func expectQuiet(_ home: TestHome) {
    let log = home.daemonLog().split(separator: "\n")
    #expect(!log.isEmpty)
    for line in log {
      let level = line.split(separator: " ").dropFirst().first
      #expect(level == "info", "\(line)")
    }
  }
}
