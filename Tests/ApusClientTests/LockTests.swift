import ApusCore
import ApusLink
import ApusTesting
import CSystem
import Glibc
import Testing

@testable import ApusClient

/// Row D10: named locks, in process.
@Suite struct ClientLockTests {
  private struct Wrong: Error {}

  private actor Witness {
    var tokens: [Int64] = []
    var most = 0
    private var inside = 0

    func enter(_ token: Int64) {
      tokens.append(token)
      inside += 1
      most = max(most, inside)
    }

    func leave() { inside -= 1 }
  }

  private func holders(_ home: TestHome) async throws -> [String] {
    try await home.json("lock", "list").array?.compactMap { $0["name"]?.string } ?? []
  }

  @Test func `tasks of one program have a lock one after the other, with tokens that grow`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let witness = Witness()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<20 {
          group.addTask {
            try await apus.withLock("docker", note: "counting") { lock in
              await witness.enter(lock.token)
              await letOthersRun(milliseconds: 1)
              await witness.leave()
            }
          }
        }
        try await group.waitForAll()
      }
      let (given, most) = await (witness.tokens, witness.most)
      #expect(most == 1)
      #expect(given.count == 20)
      #expect(given == given.sorted() && Set(given).count == 20)
      #expect(try await holders(home).isEmpty)
      #expect(await home.isQuiet())
    }
  }

  @Test func `a lock of a Swift program is seen by all, and given back whatever its work throws`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      await #expect(throws: Wrong.self) {
        try await apus.withLock("docker", note: "api") { _ in
          let shown = try await home.json("lock", "list").array?.first
          #expect(shown?["note"]?.string == "api")
          #expect(shown?["holder"]?["name"]?.string == "pid \(getpid())")
          #expect(await home.apus("lock", "acquire", "docker", "--try").status == 4)
          let refused = await refusal { _ = try await apus.acquire("docker", wait: .zero) }
          #expect(refused?.code == .lockHeld)
          let late = await refusal { _ = try await apus.acquire("docker", wait: .milliseconds(20)) }
          #expect(late?.code == .timedOut)
          throw Wrong()
        }
      }
      #expect(try await holders(home).isEmpty)
    }
  }

  @Test func `several locks are had together and go together`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let both = try await apus.acquire("b", "a", in: home.work)
      #expect(both.tokens.count == 2)
      #expect(try await holders(home) == ["a", "b"])
      try await both.verify()
      try await both.release()
      try await both.release()
      #expect(try await holders(home).isEmpty)
      #expect(await refusal { try await both.verify() }?.code == .lockStale)
    }
  }

  @Test func `a lock that was broken is told, and one that is let go of is free`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let broken = await refusal {
        try await apus.withLock("deploy") { _ in
          #expect(await home.apus("lock", "break", "deploy", "--reason", "test").status == 0)
        }
      }
      #expect(broken?.code == .lockStale)
      do { _ = try await apus.acquire("deploy") }
      #expect(try await eventually { try await holders(home).isEmpty })
    }
  }

  @Test func `who is cancelled while waiting for a lock stands in no line`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let held = try await apus.acquire("docker")
      for moment in 0..<10 {
        let waiting = Task { try await apus.withLock("docker") { _ in } }
        await letOthersRun(milliseconds: moment * 3)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
      }
      let line = try await home.json("lock", "show", "docker")
      let shown = line.array?.first ?? line
      #expect(shown["queue"]?.array?.isEmpty == true)
      try await held.release()
      #expect(try await holders(home).isEmpty)
      #expect(await home.isQuiet())
    }
  }

  @Test func `a lock of a Swift program, and a place in line for it, outlive the daemon`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let held = try await apus.acquire("docker")
      let waiting = Task { try await apus.withLock("docker") { $0.token } }
      #expect(await eventually { home.connections() == 1 })
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      try await held.verify()
      #expect(await eventually { home.connections() == 1 })
      try await held.release()
      #expect(try await waiting.value > held.token)
    }
  }
}
