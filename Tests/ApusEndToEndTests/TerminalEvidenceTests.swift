import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// The real program in a terminal of its own: what it does is known from its hooks and from its own list.
@Suite struct TerminalEvidenceTests {
  private func begin(_ home: TestHome) async throws -> SessionObject {
    home.onboard()
    let made = try await home.session("new", "t", "--terminal", "--permission-mode", "manual")
    #expect(await home.apus("wait", "t", "--for", "idle", "--timeout", "20").status == 0)
    return made
  }

  private func now(_ home: TestHome) async -> SessionObject? { try? await home.session("show", "t") }

  /// Types a line as a person does, who sees it before they press Enter: together they would be a pasted line.
  private func type(_ home: TestHome, _ text: String) async throws {
    #expect(await home.apus("type", "t", text).status == 0)
    let isSeen = await eventually { await home.apus("screen", "t").output.contains(text) }
    #expect(isSeen, "\(text)")
    #expect(await home.apus("type", "t", "--key", "enter").status == 0)
  }

  private func ask(_ home: TestHome, _ text: String) async throws {
    let doing = try await home.session("show", "t").doing
    try await type(home, text)
    let isTaken = await eventually { await now(home)?.doing != doing }
    #expect(isTaken, "\(text)")
  }

  private func until(_ home: TestHome, _ activity: Activity) async throws -> SessionObject {
    let isReached = await eventually { await now(home)?.activity == activity }
    #expect(isReached, "\(activity)")
    return try await home.session("show", "t")
  }

  /// The dialog is drawn only where nobody is typing, so keys before it would keep it away; and the program passes over
  /// keys in its first moment.
  private func answer(_ home: TestHome, _ keys: String...) async throws {
    try await home.see("t", "❯ 1. Yes")
    let isAnswered = await eventually(seconds: 30) {
      if await home.apus("screen", "t").output.contains("❯ 1. Yes") { _ = await home.run(["type", "t"] + keys) }
      return await eventually(seconds: 2) { await now(home)?.activity != .needsYou }
    }
    let seen = await home.apus("show", "t").output + home.apus("screen", "t").output
    #expect(isAnswered, "\(seen)")
  }

  private func end(_ daemon: ProcessMark?) throws {
    let daemon = try #require(daemon)
    Processes.signal(daemon, SIGKILL)
    #expect(ended(daemon.pid, start: daemon.start))
  }

  @Test func `a permission in a terminal needs you, says for what, and is known to the next daemon`() async throws {
    try await TestHome.with { home in
      let made = try await begin(home)
      let idle = try await home.session("show", "t")
      #expect(idle.activitySource == "sessions file" && idle.state == .running && idle.needs.isEmpty)

      try await ask(home, "bash: touch zz then say: done")
      let asking = try await until(home, .needsYou)
      #expect(asking.needs.map(\.tool) == ["Bash"] && asking.needs[0].input["command"]?.string == "touch zz")
      #expect(asking.doing == #"Bash "touch zz""#)

      try end(home.daemon())
      let again = try await home.session("show", "t")
      #expect(again.activity == .needsYou && again.needs.map(\.brief) == asking.needs.map(\.brief))
      try await answer(home, "--key", "enter")
      _ = try await home.follow("t") { feed in try await feed.until(.turnEnded) }
      let done = try await until(home, .idle)
      #expect(done.doing == "done" && done.needs.isEmpty && done.id == made.id)
      let events = try await home.events("t")
      #expect(events.of(.promptAccepted).map { $0.detail["text"]?.string } == ["bash: touch zz then say: done"])
      #expect(events.of(.permissionAsked).count == 1 && events.answers == ["done"])
      let asked = events.of(.promptAccepted).compactMap { $0.detail["id"]?.string }
      #expect(events.of(.turnEnded)[0].detail["prompts"]?.array?.compactMap(\.string) == asked)
      #expect(await home.apus("stop", "t").status == 0)
    }
  }

  @Test func `a turn that was refused to go on is over, and one that ends while no daemon hears it is heard later`()
    async throws
  {
    try await TestHome.with { home in
      let made = try await begin(home)
      // The third choice is no, and tells of no end; more of that key than it took are a line at the prompt then.
      try await ask(home, "edit q.txt: hi then say: done")
      _ = try await until(home, .needsYou)
      try await answer(home, "3")
      #expect(await home.apus("type", "t", "--key", "ctrl-u").status == 0)
      let left = try await home.follow("t") { feed in try await feed.until(.turnEnded) }
      #expect(left.detail["error"]?["code"]?.string == ErrorCode.turnInterrupted.rawValue)
      _ = try await until(home, .idle)

      try await ask(home, "slow 5: one two three")
      try end(home.daemon())
      let spool = home.runDirectory(made) + "/hooks"
      #expect(await eventually { TestHome.text(spool).contains(#""Stop""#) })
      #expect(home.daemon() == nil)
      let heard = try await home.session("show", "t")
      #expect(heard.activity == .idle && heard.doing == "one two three")
      #expect(!Disk.isThere(spool))
      let events = try await home.events("t")
      #expect(events.answers == ["one two three"] && events.of(.turnEnded).count == 2)
    }
  }

  @Test func `another conversation in the same terminal takes the session along`() async throws {
    try await TestHome.with { home in
      let made = try await begin(home)
      try await ask(home, "say: first")
      _ = try await until(home, .idle)
      try await type(home, "/clear")
      let isCleared = await eventually { await now(home)?.conversationID != made.conversationID }
      #expect(isCleared)
      try await ask(home, "say: second")
      _ = try await home.follow("t") { feed in
        try await feed.until(.turnEnded) { $0.detail["text"]?.string == "second" }
      }
      let cleared = try await until(home, .idle)
      let isResumable = await eventually { await now(home)?.verdict.resumable == true }
      #expect(isResumable)
      let changed = try #require(try await home.events("t").of(.conversationChanged).first)
      #expect(changed.detail["from"]?.string == made.conversationID)
      #expect(changed.detail["to"]?.string == cleared.conversationID)

      #expect(await home.apus("stop", "t").status == 0)
      // The right to the conversation went along and was given back.
      let resumed = try await home.session("resume", "t", "say: third", "--wait")
      #expect(resumed.result == "third" && resumed.conversationID == cleared.conversationID)
    }
  }
}
