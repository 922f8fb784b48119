import ApusCore
import ApusLink
import ApusTesting
import CSystem
import Glibc
import Testing

@testable import ApusClient

/// A daemon that takes its time, as all do on a busy machine, is none that went away.
@Suite struct ClientWaitingTests {
  private static let one = ProcessMark(pid: 7, start: 1)

  private func sight(_ ticks: UInt64, isDue: Bool = false, _ holder: ProcessMark = one) -> DaemonWait.Sight {
    DaemonWait.Sight(holder: holder, ticks: ticks, isDue: isDue)
  }

  /// What is decided at each of these moments about what is seen then.
  private func decided(_ seen: [(Int64, DaemonWait.Sight?)]) -> [Bool] {
    var wait = DaemonWait(patience: 10, most: 1000, now: 0)
    return seen.map { wait.isWorthwhile($1, now: $0) }
  }

  @Test func `a daemon is waited for as long as it gets on`() {
    #expect(decided(stride(from: 5, to: 100, by: 5).map { ($0, sight(UInt64($0))) }).allSatisfy { $0 })
    // It would if others let it.
    #expect(decided(stride(from: 5, to: 100, by: 5).map { ($0, sight(3, isDue: true)) }).allSatisfy { $0 })
    // The next one that has the home has all the time again.
    let next = sight(3, ProcessMark(pid: 7, start: 2))
    #expect(
      decided([(1, sight(3)), (10, sight(3)), (10, next), (19, next), (20, next)]) == [true, true, true, true, false])
  }

  @Test func `a daemon that stands still, or is busy for ever, is given up`() {
    #expect(decided([(1, sight(3)), (10, sight(3)), (11, sight(3))]) == [true, true, false])
    #expect(decided([(9, nil), (10, nil)]) == [true, false])
    #expect(decided([(1, sight(3)), (9, nil), (10, sight(3)), (11, sight(3))]) == [true, true, true, false])
    #expect(decided([(999, sight(3, isDue: true)), (1000, sight(4, isDue: true))]) == [true, false])
  }

  @Test func `who has the home is seen without touching its lock`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let places = try home.client().daemon.places
      #expect(DaemonWait.look(places) == nil)
      _ = try await home.client().sessions()
      let daemon = try #require(home.daemon())
      #expect(DaemonWait.look(places) != nil)
      Processes.signal(daemon, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      #expect(DaemonWait.look(places) == nil)
    }
  }

  @Test func `many who ask at once where there is no daemon are all answered by one`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<40 { group.addTask { try await apus.sessions().count } }
        for try await count in group { #expect(count == 0) }
      }
      #expect(await home.isQuiet())
    }
  }

  @Test func `more than stand in line before a daemon that stands still are answered when it goes on`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      _ = try await apus.sessions()
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGSTOP)
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<200 { group.addTask { try await apus.sessions().count } }
        // As many as the daemon's socket keeps for it, and one.
        #expect(await eventually { home.connections() > 128 })
        Processes.signal(daemon, SIGCONT)
        for try await count in group { #expect(count == 0) }
      }
      #expect(await home.isQuiet())
    }
  }
}
