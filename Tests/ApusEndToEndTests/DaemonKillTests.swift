import ApusCore
import ApusLink
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows B1, B3: the daemon may be killed at any moment; no agent, no byte, no message and no event is lost by it.
@Suite struct DaemonKillTests {
  private static let sessions = 5
  private static let kills = getenv("APUS_SOAK") == nil ? 10 : 100

  @Test func `killing the daemon while five sessions stream loses nothing`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let said = home.root + "/said"
      let stop = said + "/stop"
      mkdir(said, 0o700)
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      var started: [SessionObject] = []
      for number in 0..<Self.sessions {
        started.append(
          try await home.session(
            "new", "s\(number)", "--prompt", "count until \(stop) every 10", "--env", "SCRIPTED_AGENT_SAID=\(said)"))
      }
      let agents = try started.map { try #require($0.agentMark) }
      let keepers = try started.map { try #require($0.keeperMark) }

      var followed: [EventObject] = []
      var sent: [Int: [String]] = [:]
      for kill in 0..<Self.kills {
        let number = random.below(Self.sessions)
        if random.chance(70) {
          // May be cut off by the kill: what `send` did not acknowledge may or may not have been taken.
          let text = "say: kill \(kill) of \(number)"
          if await home.apus("send", "s\(number)", text).status == 0 { sent[number, default: []].append(text) }
        }
        let daemon = try #require(try await Self.daemon(home))
        // The reader begins where it was cut off: no gap, nothing twice.
        try await home.follow("s0", from: followed.count) { feed in
          for _ in 0...random.below(12) { _ = try await feed.next() }
          poll(nil, 0, Int32(random.below(60)))  // the moment is what is random here; nothing is waited for
          Processes.signal(daemon, SIGKILL)
          #expect(ended(daemon.pid, start: daemon.start))
          while try await feed.next() != nil {}
          followed += feed.seen
        }
        // Sometimes the next one dies as well, while it starts and adopts.
        if random.chance(30) {
          let up = try home.begin("up")
          if await eventually(seconds: 5, { home.daemon() != nil }), let young = home.daemon() {
            poll(nil, 0, Int32(random.below(30)))
            Processes.signal(young, SIGKILL)
            #expect(ended(young.pid, start: young.start))
          }
          await up.release()
        }
        for agent in agents + keepers { #expect(Processes.isAlive(agent), "kill \(kill)") }
      }

      TestHome.write("", to: stop)
      for number in 0..<Self.sessions {
        let name = "s\(number)"
        let now = try await home.session("wait", name)
        #expect(now.state == .running)
        #expect(now.run == 1)
        #expect(now.agentMark == agents[number])
        #expect(now.keeperMark == keepers[number])
        try await Self.compare(home, now, said, acknowledged: sent[number] ?? [])
      }
      let all = try await home.events("s0")
      #expect(followed.areContiguous)
      #expect(followed == Array(all.prefix(followed.count)))
      let log = home.daemonLog()
      for session in started { #expect(log.contains("session \(session.id) \(session.name): adopted")) }
      #expect(!log.contains("Z error "))
    }
  }

  @Test func `a message taken before the keeper said what it has is not lost`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let session = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      _ = try await home.session("send", "one", "say: second", "--wait")
      let keeper = try #require(session.keeperMark)
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      // A keeper that is held up for a moment: it says nothing to the new daemon yet.
      Processes.signal(keeper, SIGSTOP)
      let sent = await home.apus("send", "one", "say: third")
      Processes.signal(keeper, SIGCONT)
      #expect(sent.status == 0, "\(sent.errors)")
      #expect(await home.apus("wait", "one", "--timeout", "20").status == 0)
      #expect(try await home.events("one").answers == ["first", "second", "third"])
    }
  }

  @Test func `who waits and who follows notice nothing of a daemon that is killed`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      let waiting = try home.begin("wait", "one", "--for", "ended")
      try await home.follow("one") { events in
        var seen = [try #require(try await events.next()).n]
        // The follower is at the end of what there is: from here on it can only be told by a later daemon.
        while seen.last != (try await home.events("one").last?.n) {
          seen.append(try #require(try await events.next()).n)
        }
        let daemon = try #require(home.daemon())
        Processes.signal(daemon, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
        #expect(try await home.session("send", "one", "say: second", "--wait").result == "second")
        while let event = try await events.next() {
          seen.append(event.n)
          if event.type == "prompt.finished" { break }
        }
        #expect(seen == Array(0..<seen.count))
      }
      #expect(try await home.session("stop", "one").ending == .exit(0))
      #expect(try await waiting.finish().status == 0)
      await waiting.release()
    }
  }

  private static func daemon(_ home: TestHome) async throws -> ProcessMark? {
    let up = await home.apus("up")
    #expect(up.status == 0, "\(up.errors)")
    return home.daemon()
  }

  /// The recording against what the agent knows it wrote, our events against both.
  private static func compare(
    _ home: TestHome, _ session: SessionObject, _ said: String, acknowledged: [String]
  ) async throws {
    let own = "\(said)/\(session.conversationID).\(session.pid ?? 0)"
    let (wrote, recorded) = (TestHome.bytes(own), home.recording(session))
    #expect(wrote == recorded, "\(wrote.count) bytes written, \(recorded.count) recorded")

    let events = try await home.events(session.name)
    #expect(events.first?.n == 0)
    #expect(events.areContiguous)
    let lines = events.answers.filter { $0.hasPrefix("line ") }.map { $0.prefix { $0 != "x" } }
    let numbers = lines.compactMap { Int($0.dropFirst(5).filter(\.isNumber)) }
    #expect(!numbers.isEmpty)
    #expect(numbers == Array(1...max(1, numbers.count)))
    #expect(events.of(.turnEnded).first?.detail["text"]?.string == "counted \(numbers.count)")

    // Each message that was taken was heard once and answered once, also where its sender was cut off.
    let accepted = events.of(.promptAccepted).compactMap { $0.detail["id"]?.string }
    let finished = events.of(.promptFinished).compactMap { $0.detail["id"]?.string }
    #expect(accepted == finished)
    let heard = TestHome.text(own + ".heard").split(separator: "\n").filter { $0.contains("\"type\":\"user\"") }
    #expect(heard.count == accepted.count)
    let texts = events.of(.promptAccepted).compactMap { $0.detail["text"]?.string }
    for text in acknowledged { #expect(texts.filter { $0 == text }.count == 1) }
  }
}
