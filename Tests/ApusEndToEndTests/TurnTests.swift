import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row D9: many turns, permissions, interruptions, messages while busy.
@Suite struct TurnTests {
  @Test func `what is asked is shown exactly, and done once it is allowed`() async throws {
    try await TestHome.with { home in
      let file = home.work + "/made by 'hand'"
      let command = "touch \"\(file)\""
      _ = try await home.session("new", "one", "--prompt", "bash: \(command) then say: made")
      let asks = try await home.session("wait", "one", "--for", "needs-you")
      #expect(asks.activity == .needsYou)
      let asked = try #require(asks.needs.first)
      #expect(asks.needs.count == 1)
      #expect(asked.tool == "Bash")
      #expect(asked.input["command"]?.string == command)
      #expect(await home.apus("show", "one").output.contains("Bash \"\(command)\""))
      #expect(await home.apus("list").output.contains("NEEDS YOU"))
      #expect(access(file, F_OK) != 0)

      // Nobody else's request, and nothing but allow or deny.
      #expect(await home.apus("permit", "one", "ffff0000", "allow").status == 3)
      #expect(await home.apus("permit", "one", "perhaps").status == 2)
      #expect(access(file, F_OK) != 0)

      let after = try await home.session("permit", "one", String(asked.id.prefix(8)), "allow")
      #expect(after.needs.isEmpty)
      #expect(try await home.session("wait", "one").activity == .idle)
      #expect(access(file, F_OK) == 0)
      #expect(try await home.events("one").answers == ["made"])
      #expect(await home.apus("permit", "one", "allow").status == 3)
    }
  }

  @Test func `what the agent offers to have allowed from then on is not asked again`() async throws {
    try await TestHome.with { home in
      let (one, two) = (home.work + "/one.txt", home.work + "/two.txt")
      _ = try await home.session("new", "one", "--prompt", "edit \(one): a then edit \(two): b then say: both")
      let asks = try await home.session("wait", "one", "--for", "needs-you")
      let offered = try #require(asks.needs.first?.always)
      #expect(offered.words == ["permission mode acceptEdits for this session"])
      #expect(await home.apus("show", "one").output.contains("or always  permission mode acceptEdits for this session"))
      _ = try await home.session("permit", "one", "always")
      #expect(try await home.session("wait", "one").activity == .idle)
      #expect(access(two, F_OK) == 0)
      #expect(try await home.events("one").of(.permissionAsked).count == 1)
      #expect(try await home.events("one").of(.permissionAnswered).first?.detail["always"]?.bool == true)
    }
  }

  @Test func `what is denied is not done, and the agent reads why`() async throws {
    try await TestHome.with { home in
      let file = home.work + "/unwanted"
      _ = try await home.session("new", "one", "--prompt", "bash: touch \(file) then say: as you wish")
      _ = try await home.session("wait", "one", "--for", "needs-you")
      _ = try await home.session("permit", "one", "deny", "--message", "not on a \"Friday\"")
      #expect(try await home.session("wait", "one").activity == .idle)
      #expect(access(file, F_OK) != 0)
      let said = try await home.conversation("one")
      let result = try #require(said.first { $0.role == .tool && $0.isError != nil })
      #expect(result.isError == true)
      #expect(result.text == "not on a \"Friday\"")
      #expect(said.last?.text == "as you wish")
      let answer = try #require(try await home.events("one").of(.permissionAnswered).first)
      #expect(answer.detail["allow"]?.bool == false)
    }
  }

  @Test func `a turn interrupted while it asks is over, does nothing, and the next one runs`() async throws {
    try await TestHome.with { home in
      let file = home.work + "/unwanted"
      let session = try await home.session("new", "one", "--prompt", "bash: touch \(file) then say: made")
      _ = try await home.session("wait", "one", "--for", "needs-you")
      _ = try await home.session("interrupt", "one")
      let rested = try await home.session("wait", "one")
      #expect(rested.activity == .idle)
      #expect(rested.needs.isEmpty)
      #expect(access(file, F_OK) != 0)
      #expect(await home.apus("permit", "one", "allow").status == 3)
      #expect(try await home.session("send", "one", "say: next", "--wait").result == "next")
      #expect(try await home.session("show", "one").pid == session.pid)
      #expect(access(file, F_OK) != 0)
    }
  }

  @Test func `a turn interrupted in its stream ends its wait, and three turns run in one run`() async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      let slow = try home.begin("send", "one", "slow 20: never to be heard to its end", "--wait", "--json")
      try await home.follow("one") { feed in
        _ = try await feed.until(.turnBegan)
        _ = try await feed.until(.turnBegan)
      }
      let at = Stopwatch()
      _ = try await home.session("interrupt", "one")
      let outcome = try await slow.finish()
      #expect(at.isWithin(5000), "\(at.elapsed) ms")
      #expect(outcome.status == 1)
      #expect(try ContestedResumeTests.failure(outcome).code == .turnInterrupted)
      await slow.release()
      #expect(try await home.session("send", "one", "say: third", "--wait").result == "third")
      let now = try await home.session("show", "one")
      #expect(now.pid == session.pid)
      #expect(now.run == 1)
      #expect(now.activity == .idle)
      #expect(now.problem == nil)
      let events = try await home.events("one")
      #expect(events.of(.turnEnded).count == 3)
      #expect(events.of(.runStarted).count == 1)
      #expect(Set(events.of(.turnBegan).map { $0.detail["conversationID"]?.string }) == [session.conversationID])
    }
  }

  @Test func `messages sent while busy are merged, each is answered, and the session never looks idle`() async throws {
    try await TestHome.with { home in
      _ = try await home.session("new", "one", "--prompt", "slow 5: first")
      try await home.follow("one") { feed in _ = try await feed.until(.turnBegan) }
      let idle = try home.begin("wait", "one", "--for", "idle", "--json")
      let sends = try ["say: a", "say: b", "say: c"].map { try home.begin("send", "one", $0, "--wait", "--json") }
      let accepted = try await home.follow("one") { feed in
        var ids: [String] = []
        while ids.count < 4 { ids.append(try await feed.until(.promptAccepted).detail["id"]?.string ?? "") }
        return ids
      }
      // Looked at all the while: working until every one of them is done with.
      var looks = 0
      while true {
        let now = try await home.session("show", "one")
        let finished = try await home.events("one").of(.promptFinished).count
        if finished == accepted.count { break }
        #expect(now.activity == .working)
        looks += 1
      }
      #expect(looks > 2)
      var results: Set<String> = []
      for send in sends {
        let outcome = try await send.finish()
        #expect(outcome.status == 0, "\(outcome.output)")
        results.insert(try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8)).result ?? "")
        await send.release()
      }
      #expect(results.count == 1)
      for word in ["a", "b", "c"] { #expect(results.first?.contains(word) == true) }
      let waited = try await idle.finish()
      await idle.release()
      let rested = try JSONText.decode(SessionObject.self, from: Array(waited.output.utf8))
      #expect(rested.activity == .idle)
      // One turn for the first, one for the three; who waited for idle saw neither gap between them.
      let events = try await home.events("one")
      let turns = events.of(.turnEnded).map { ($0.detail["prompts"]?.array ?? []).compactMap(\.string) }
      #expect(turns.map(\.count) == [1, 3])
      #expect(turns.joined().sorted() == accepted.sorted())
    }
  }

  @Test func `a message sent while a tool runs is taken into the running turn`() async throws {
    try await TestHome.with { home in
      let ready = home.work + "/ready"
      let wait = "touch \(ready); while ! test -e \(home.work)/go; do sleep 0.05; done"
      let session = try await home.session(
        "new", "one", "--permission-mode", "bypassPermissions", "--prompt", "bash: \(wait) then say: done")
      #expect(await eventually { access(ready, F_OK) == 0 })
      let send = try home.begin("send", "one", "say: and this", "--wait", "--json")
      // The agent itself says that it has it.
      let isQueued = await eventually {
        String(decoding: home.recording(session), as: UTF8.self).split(separator: "\"state\":\"queued\"").count == 3
      }
      #expect(isQueued)
      TestHome.write("", to: home.work + "/go")
      let outcome = try await send.finish()
      #expect(outcome.status == 0, "\(outcome.output)")
      // Who waits for it hears what came of the turn, though the agent was done with the message before.
      #expect(try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8)).result == "done")
      await send.release()
      #expect(try await home.session("wait", "one").activity == .idle)
      let events = try await home.events("one")
      #expect(events.of(.promptFinished).count == 2)
      #expect(events.of(.turnEnded).map { $0.detail["prompts"]?.array?.count } == [2])
      #expect(events.answers == ["done"])
    }
  }
}
