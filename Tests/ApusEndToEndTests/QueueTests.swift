import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B8: what finds no place waits for one, visibly, and gets it in order.
@Suite struct QueueTests {
  private static let two = ["APUS_MAX_SESSIONS": "2"]

  private func fill(_ home: TestHome) async throws {
    for name in ["first", "second"] { #expect(try await home.session("new", name).state == .running) }
  }

  @Test func `a session that finds no place says so, and starts when one is free`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.two) { home in
      try await fill(home)
      let told = await home.apus("new", "third", "--prompt", "say: three")
      #expect(told.status == 0 && told.output.contains("queued: 2 of 2 sessions run; it is 1st"), "\(told)")
      let fourth = try await home.session("new", "fourth", "--prompt", "say: four")
      #expect(fourth.state == .queued && fourth.pid == nil)
      #expect(fourth.queue == QueuePlace(place: 2, reason: "2 of 2 sessions run"))
      #expect(try await home.session("show", "first").queue == nil)
      let list = await home.apus("list").output
      #expect(list.contains("QUEUED") && list.contains("2 of 2 sessions run; it is 2nd"), "\(list)")
      #expect(try await home.events("third").of(.queued).map { $0.detail["place"]?.integer } == [1])

      _ = try await home.session("stop", "first")
      #expect(try await home.session("wait", "third").activity == .idle)
      #expect(try await home.events("third").answers == ["three"])
      #expect(try await home.session("show", "fourth").queue?.place == 1)
      _ = try await home.session("stop", "second")
      #expect(try await home.session("wait", "fourth").activity == .idle)
      let started = try await [home.events("third"), home.events("fourth")].compactMap { $0.of(.runStarted).first?.at }
      #expect(started == started.sorted() && started.count == 2)
    }
  }

  @Test func `who waits for an answer waits through the queue`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.two) { home in
      try await fill(home)
      let new = try home.begin("new", "third", "--prompt", "say: three", "--wait", "--json")
      #expect(await eventually { await home.apus("show", "third").output.contains("queued") })
      let resume = try home.begin("wait", "third", "--for", "idle", "--json")
      _ = try await home.session("stop", "first")
      let outcome = try await new.finish()
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8)).result == "three")
      #expect(try await resume.finish().status == 0)
      for program in [new, resume] { await program.release() }
    }
  }

  @Test func `a session is taken out of the queue, and can be resumed later`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.two) { home in
      try await fill(home)
      _ = try await home.session("new", "third", "--prompt", "say: three")
      _ = try await home.session("new", "fourth", "--prompt", "say: four")
      let (held, code) = try await home.failure("resume", "third")
      #expect(held.code == .conversationHeld && code == 4 && held.summary.contains("waits in the queue"))
      #expect(try await home.failure("archive", "third").0.code == .sessionLive)
      let stopped = try await home.session("stop", "third")
      #expect(stopped.state == .ended && stopped.queue == nil)
      #expect(try await home.session("show", "fourth").queue?.place == 1)
      for name in ["first", "second"] { _ = try await home.session("stop", name) }
      #expect(try await home.session("wait", "fourth").activity == .idle)
      #expect(try await home.session("show", "third").state == .ended)
      #expect(try await home.events("third").of(.runStarted).isEmpty)
      #expect(try await home.session("resume", "third", "--wait").result == "three")
    }
  }

  enum Successor: CaseIterable, Sendable { case restarted, killed }

  @Test(arguments: Successor.allCases)
  func `the queue outlives the daemon, and the next one serves it in order`(successor: Successor) async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let config = home.person + "/.config/apus/config.json"
      Disk.makeDirectory(home.person + "/.config/apus")
      TestHome.write(#"{"maxSessions": 2}"#, to: config)
      try await fill(home)
      _ = try await home.session("stop", "second")
      _ = try await home.session("new", "third")
      // A resume waits as well, with what is to be said.
      let resumed = try await home.session("resume", "second", "say: again")
      #expect(resumed.state == .queued && resumed.queue?.place == 1)
      _ = try await home.session("new", "fourth", "--prompt", "say: four")
      _ = try await home.session("send", "fourth", "say: and more")
      switch successor {
      case .restarted: #expect(await home.apus("restart").status == 0)
      case .killed:
        let daemon = try #require(home.daemon())
        Processes.signal(daemon, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
      }
      #expect(try await home.session("show", "second").queue?.place == 1)
      #expect(try await home.session("show", "fourth").queue?.place == 2)
      // Read again where it is used: the next place that is asked for is given by the new limit.
      TestHome.write(#"{"maxSessions": 4}"#, to: config)
      #expect(try await home.session("new", "fifth").state == .queued)
      for name in ["second", "fourth"] { #expect(try await home.session("wait", name).activity == .idle) }
      #expect(try await home.events("second").answers == ["again"])
      #expect(try await home.events("fourth").answers == ["four", "and more"])
      #expect(try await home.session("show", "fifth").queue == QueuePlace(place: 1, reason: "4 of 4 sessions run"))
      // In order they were given places; which of them is up first is another matter.
      let turns = home.daemonLog().split(separator: "\n").filter { $0.hasSuffix("its turn has come") }
      #expect(turns.map { $0.contains(" second: ") } == [true, false] && turns.last?.contains(" fourth: ") == true)
    }
  }

  @Test func `a start from the queue that fails is told, and the next one is tried`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.two) { home in
      try await fill(home)
      let agent = home.work + "/agent"
      symlink(Checkout.scriptedAgent, agent)
      _ = try await home.session("new", "third", "--prompt", "say: three", extra: ["APUS_CLAUDE": agent])
      _ = try await home.session("new", "fourth", "--prompt", "say: four")
      unlink(agent)
      _ = try await home.session("stop", "first")
      #expect(try await home.session("wait", "fourth").activity == .idle)
      let failed = try await home.session("show", "third")
      #expect(failed.state == .ended && failed.problem?.code == .agentMissing)
      #expect(home.daemonLog().contains("its start from the queue failed"))
    }
  }

  @Test func `a terminal waits for a place as well, and is one when it gets it`() async throws {
    try await TestHome.with(agent: Checkout.terminalAgent, extra: ["APUS_MAX_SESSIONS": "1"]) { home in
      _ = try await home.session("new", "first", "--terminal")
      #expect(try await home.session("new", "second", "--terminal").state == .queued)
      _ = try await home.session("stop", "first")
      #expect(await eventually { (try? await home.session("show", "second"))?.state == .running })
      let second = try await home.session("show", "second")
      #expect(second.terminal && second.queue == nil)
      #expect(await home.apus("type", "second", "echo $((6 * 7))", "--enter").status == 0)
      #expect(await eventually { await home.apus("screen", "second").output.contains("42") })
    }
  }

  @Test func `many that come at once are never more than may run`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_MAX_SESSIONS": "3"]) { home in
      let states = try await withThrowingTaskGroup(of: SessionState.self) { group in
        for number in 0..<9 {
          group.addTask { try await home.session("new", "s\(number)", "--prompt", "say: \(number)").state }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(states.filter { $0 == .running }.count == 3 && states.filter { $0 == .queued }.count == 6)
      // Each that rests makes room for one more.
      var done: Set<String> = []
      while done.count < 9 {
        let list = try JSONText.decode([SessionObject].self, from: Array(await home.apus("list", "--json").output.utf8))
        let live = list.filter { $0.state == .running || $0.state == .starting }
        #expect(live.count <= 3)
        if let resting = live.first(where: { $0.activity == .idle && !done.contains($0.name) }) {
          _ = try await home.session("stop", resting.name)
          done.insert(resting.name)
        }
      }
      for number in 0..<9 { #expect(try await home.events("s\(number)").answers == ["\(number)"]) }
    }
  }

  @Test func `the end of all ends what waits, and a daemon that ends as recorded keeps what persists`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_MAX_SESSIONS": "1"]) { home in
      let stays = ["PERSIST_CLAUDE_SESSIONS": "true"]
      _ = try await home.session("new", "first", extra: stays)
      _ = try await home.session("new", "stays", extra: stays)
      _ = try await home.session("new", "goes")
      #expect(await home.apus("down").output.contains("ended, resumable with `apus resume`: 1 (goes)"))
      #expect(try await home.session("show", "stays").state == .queued)
      #expect(try await home.session("show", "goes").state == .ended)
      #expect(await home.apus("down", "--end").status == 0)
      #expect(try await home.session("show", "stays").state == .ended)
    }
  }
}
