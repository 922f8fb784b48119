import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B3, D5: whatever of a run is killed, its end is told within two seconds, nothing of it is left, and the turn it
/// was cut off in goes on when it is resumed.
@Suite struct KilledRunTests {
  enum Victim: String, CaseIterable, Sendable {
    case agent, keeper, agentAndKeeper, keeperAndDaemon

    /// Kills by pid and start time alone; the time runs from then on.
    func kill(_ session: SessionObject, _ home: TestHome) throws -> Stopwatch {
      let (agent, keeper) = (try #require(session.agentMark), try #require(session.keeperMark))
      let daemon = try #require(home.daemon())
      let marks =
        switch self {
        case .agent: [agent]
        case .keeper: [keeper]
        case .agentAndKeeper: [keeper, agent]
        case .keeperAndDaemon: [keeper, daemon]
        }
      let since = Stopwatch()
      for mark in marks { Processes.signal(mark, SIGKILL) }
      for mark in marks { #expect(ended(mark.pid, start: mark.start)) }
      return since
    }

    var state: SessionState { self == .agent ? .ended : .lost }
  }

  enum Moment: CaseIterable, Sendable { case stream, tool }

  @Test(arguments: Victim.allCases, Moment.allCases)
  func `a killed run is told within two seconds, leaves nothing, and its turn goes on`(victim: Victim, moment: Moment)
    async throws
  {
    try await TestHome.with { home in
      let session = try await begin(moment, home)
      let tree = home.tree(session)
      #expect(tree.count >= (moment == .tool ? 4 : 1))
      let lost = try await home.follow("one", from: home.events("one").count) { feed in
        let since = try victim.kill(session, home)
        if victim == .keeperAndDaemon { return since }
        let end = try await feed.until(victim.state == .lost ? .runLost : .runEnded)
        #expect(since.isWithin(2000), "\(since.elapsed) ms")
        #expect(end.detail["interrupted"]?.bool == true)
        return since
      }
      let dead = try await home.session("wait", "one", "--for", "ended")
      if victim == .keeperAndDaemon { #expect(lost.isWithin(2000), "\(lost.elapsed) ms") }
      #expect(dead.state == victim.state)
      #expect(dead.ending == (victim == .agent ? .signal(9) : nil))
      for mark in tree { #expect(!Processes.isAlive(mark), "\(mark.pid) is left") }
      #expect(home.tree(session).isEmpty)
      #expect(home.processes().map(\.pid) == [home.daemon()?.pid].compactMap(\.self))

      if moment == .stream {
        let again = try await home.session("resume", "one")
        #expect(again.activity == .working)
        #expect(try await home.session("wait", "one").activity == .idle)
        #expect(try await home.events("one").answers.filter { $0 == "first answer" }.count == 1)
      } else {
        let after = try await home.session("resume", "one", "say: second answer", "--wait")
        let events = try await home.events("one")
        #expect(after.result == "second answer", "\(Self.told(events, home))")
        let results = events.of(.turnEnded).compactMap { $0.detail["text"]?.string }
        #expect(results == ["first answer", "second answer"])
      }
    }
  }

  /// A session in the middle of its first turn; its transcript has the prompt, its tool (if any) runs two processes,
  /// one of them in a session of its own.
  private func begin(_ moment: Moment, _ home: TestHome) async throws -> SessionObject {
    switch moment {
    case .stream:
      let session = try await home.session("new", "one", "--prompt", "slow 6: first answer")
      try await home.untilWritten(session, "first answer")
      return try await home.session("show", "one")
    case .tool:
      // Only its first time does it hang: the agent runs a tool again that was cut off.
      let script = "test -e hung || { touch hung; setsid perl -e 'sleep 30' & perl -e 'sleep 30' & touch ready; wait; }"
      _ = try await home.session(
        "new", "one", "--permission-mode", "bypassPermissions", "--prompt", "bash: \(script) then say: first answer")
      #expect(await eventually(seconds: 30) { access(home.work + "/ready", F_OK) == 0 })
      try await home.untilWritten(try await home.session("show", "one"), "first answer")
      return try await home.session("show", "one")
    }
  }

  @Test(arguments: [Victim.agent, .keeper])
  func `a turn killed again while it is continued still gets its answer`(victim: Victim) async throws {
    try await TestHome.with { home in
      // Long enough that a machine at its limit still kills it in the middle.
      var session = try await home.session("new", "one", "--prompt", "slow 8: first answer")
      try await home.untilWritten(session, "first answer")
      for _ in 0..<3 {
        _ = try victim.kill(session, home)
        let dead = try await home.session("wait", "one", "--for", "ended")
        #expect(dead.interrupted)
        let path = try #require(dead.verdict.path)
        let before = Self.continuations(path)
        session = try await home.session("resume", "one")
        #expect(session.activity == .working)
        // Cut off again once the agent wrote down that it goes on: by itself it would not do so a third time.
        #expect(await eventually { Self.continuations(path) > before })
      }
      #expect(try await home.session("wait", "one").activity == .idle)
      let events = try await home.events("one")
      #expect(events.answers == ["first answer"], "\(Self.told(events, home))")
      #expect(events.of(.turnEnded).count == 1, "\(Self.told(events, home))")
    }
  }

  /// What the session and the daemon say of it, for who reads a failure.
  private static func told(_ events: [EventObject], _ home: TestHome) -> String {
    events.map { "\($0.run) \($0.type) \($0.detail)" }.joined(separator: "\n") + "\n" + home.daemonLog()
  }

  private static func continuations(_ path: String) -> Int {
    TestHome.text(path).split(separator: "Continue from where you left off.", omittingEmptySubsequences: false).count
  }

  @Test(arguments: Victim.allCases)
  func `a run killed as its first turn begins gives the answer after all`(victim: Victim) async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "slow 0.3: first answer")
      try await home.follow("one") { feed in _ = try await feed.until(.turnBegan) }
      _ = try victim.kill(session, home)
      _ = try await home.session("wait", "one", "--for", "ended")
      let again = try await home.session("resume", "one", "--wait")
      #expect(again.activity == .idle)
      #expect(try await home.events("one").answers == ["first answer"])
    }
  }

  @Test(arguments: [Victim.agent, .keeper, .keeperAndDaemon])
  func `messages the agent never took up are answered after the resume, none twice`(victim: Victim) async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "slow 4: first answer")
      try await home.untilWritten(session, "first answer")
      for text in ["say: second", "say: third"] { _ = try await home.session("send", "one", text) }
      _ = try victim.kill(session, home)
      _ = try await home.session("wait", "one", "--for", "ended")
      _ = try await home.session("resume", "one", "say: fourth", "--wait")

      let events = try await home.events("one")
      let accepted = events.of(.promptAccepted).compactMap { $0.detail["id"]?.string }
      #expect(accepted.count == 4)
      let answered = events.of(.turnEnded).flatMap { ($0.detail["prompts"]?.array ?? []).compactMap(\.string) }
      // Where the agent had to be told to go on, that word of ours is named as well.
      #expect(answered.filter(accepted.contains).sorted() == accepted.sorted())
      // Messages that wait together are answered together, to the letter.
      let said = events.answers.joined(separator: "\n").replacing("say: ", with: "")
      #expect(said == "first answer\nsecond\nthird\nfourth")
    }
  }
}

extension TestHome {
  /// Waits until the agent wrote that into its transcript.
  func untilWritten(_ session: SessionObject, _ text: String) async throws {
    let written = await eventually(seconds: 30) {
      guard let path = try? await check(session.name).first?.verdict.path else { return false }
      return Self.text(path).contains(text)
    }
    #expect(written, "\(text) is not in the transcript")
  }
}
