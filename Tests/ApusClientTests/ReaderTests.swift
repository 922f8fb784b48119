import ApusCore
import ApusLink
import ApusTesting
import CSystem
import Glibc
import Testing

@testable import ApusClient

/// Row D10: a reader of events may leave at any time.
@Suite struct ClientReaderTests {
  private static let lines = 150

  /// A session in the middle of a turn that says many lines; at the end that turn has to be whole.
  private func whileTalking(
    _ home: TestHome, lines: Int = lines, _ body: (Apus, ApusClient.Session) async throws -> Void
  ) async throws {
    let apus = try home.client()
    let one = try await apus.create(
      SessionOptions(name: "one", directory: home.work, prompt: "count \(lines) every 5"))
    try await body(apus, one)
    #expect(await home.isQuiet())
    #expect(try await one.wait(timeout: .seconds(60)).run == 1)
    var events: [ApusClient.Event] = []
    for try await event in one.events(follow: false) { events.append(event) }
    #expect(events.map(\.number) == Array(events.indices))
    #expect(events.filter { $0.kind == .said && $0.detail["role"]?.string == "assistant" }.count >= 1)
    #expect(events.contains { $0.kind == .promptFinished })
    #expect(await home.isQuiet())
  }

  @Test func `a reader breaks off after any number of events, and nothing of it is left`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      try await whileTalking(home) { _, one in
        for count in 0...24 {
          var seen: [Int] = []
          for try await event in one.events().prefix(count) { seen.append(event.number) }
          #expect(seen == Array(0..<count))
        }
        for count in 1...12 {
          var seen = 0
          for try await _ in one.events(from: count) {
            seen += 1
            if seen == count { break }
          }
          #expect(seen == count)
        }
      }
    }
  }

  @Test func `a reader is cancelled at any moment, and nothing of it is left`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      try await whileTalking(home) { _, one in
        for moment in 0..<30 {
          let reader = Task {
            var seen = 0
            for try await _ in one.events() { seen += 1 }
            return seen
          }
          if moment > 0 { await letOthersRun(milliseconds: moment * 2) }
          reader.cancel()
          await #expect(throws: CancellationError.self) { try await reader.value }
        }
      }
    }
  }

  @Test func `a reader that lets go of its iterator at any point leaves nothing`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      try await whileTalking(home) { apus, one in
        let before = threadCount()
        for count in 0..<100 {
          weak var left: EventFollower?
          do {
            let follower = EventFollower(apus.daemon, session: one.id, from: 0, follow: true)
            left = follower
            var iterator = SessionEvents.Iterator(EventReading(follower))
            for _ in 0..<(count % 5) { _ = try await iterator.next() }
          }
          #expect(await eventually { left == nil })
        }
        // Others of this process begin some, which end again.
        #expect(await eventually { threadCount() < before + 50 })
      }
    }
  }

  @Test func `a slow reader gets everything, and a hundred at once do`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      try await whileTalking(home, lines: 400) { _, one in
        try await withThrowingTaskGroup(of: [Int].self) { group in
          for reader in 0..<100 {
            group.addTask {
              var seen: [Int] = []
              for try await event in one.events() {
                seen.append(event.number)
                if reader == 0 { await letOthersRun(milliseconds: 2) }
                if event.kind == .promptFinished { break }
              }
              return seen
            }
          }
          for try await seen in group { #expect(seen == Array(seen.indices) && seen.count > 5) }
        }
      }
    }
  }

  @Test func `events in process are complete over restarts and kills of the daemon`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let stop = home.root + "/stop"
      let apus = try home.client()
      let one = try await apus.create(
        SessionOptions(name: "one", directory: home.work, prompt: "count until \(stop) every 5"))
      let reader = Task {
        var seen: [ApusClient.Event] = []
        for try await event in one.events() {
          seen.append(event)
          if event.kind == .promptFinished { break }
        }
        return seen
      }
      let waiting = Task { try await one.wait(for: .idle) }
      #expect(await eventually { home.connections() == 2 })
      for round in 0..<6 {
        if round % 2 == 0 {
          #expect(await home.apus("restart").status == 0)
        } else {
          let daemon = try #require(home.daemon())
          Processes.signal(daemon, SIGKILL)
          #expect(ended(daemon.pid, start: daemon.start))
          // Asking starts the next one.
          #expect(try await one.refreshed().run == 1)
        }
        #expect(await eventually { home.connections() == 2 }, "round \(round)")
      }
      Disk.write("", to: stop)
      let seen = try await reader.value
      #expect(try await waiting.value.activity == .idle)
      let all = try await home.events("one")
      #expect(seen.map(\.number) == Array(0..<seen.count))
      #expect(seen.map(\.kind.rawValue) == all.prefix(seen.count).map(\.type))
      #expect(await home.isQuiet())
    }
  }
}
