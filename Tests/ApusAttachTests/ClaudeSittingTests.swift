import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Rows B1, F9: the real program in a terminal of its own, as a person sits at it.
@Suite struct ClaudeSittingTests {
  /// A line as a person types it: it is read on the screen before Enter.
  private func say(_ text: String, at pane: Pane) async throws {
    await pane.type(text)
    try await pane.see(text)
    await pane.press("Enter")
  }

  /// Presses a key until that is seen: programs pass over keys in the first moment of a dialog.
  private func press(_ key: String, at pane: Pane, until text: String) async throws {
    let isSeen = await eventually(seconds: 60) {
      await pane.press(key)
      guard await eventually(seconds: 5, { await pane.screen().contains(text) }) else { return false }
      // A key before, taken late, would undo it.
      return await !eventually(seconds: 1) { await !pane.screen().contains(text) }
    }
    let screen = await pane.screen()
    try #require(isSeen, "\(key) leads to no \(text)\n\(screen)")
  }

  private func becomes(_ activity: Activity, _ home: TestHome) async throws -> SessionObject {
    var seen: SessionObject?
    let isReached = await eventually(seconds: 30) {
      seen = try? await home.session("show", "t")
      return seen?.activity == activity
    }
    try #require(isReached, "\(activity): \(String(describing: seen?.activity))")
    return try #require(seen)
  }

  private func killDaemon(_ home: TestHome) throws {
    #expect(home.kill([try #require(home.daemon())]))
  }

  @Test func `from the question of trust to an answer, a permission, dead daemons, and the same screen again`()
    async throws
  {
    try await TestHome.with { home in
      home.onboard(trusting: [])
      try await Pane.with(home, columns: 110, rows: 32) { pane in
        await pane.enter("apus new t --terminal --permission-mode manual --attach")
        try await pane.see("No, exit")
        try await press("Down", at: pane, until: "❯ Yes, I trust this folder")
        try await press("Enter", at: pane, until: "manual mode on")
        let agent = try #require(try await becomes(.idle, home).agentMark)

        try await say("bash: touch asked then say: it is done", at: pane)
        try await pane.see("Do you want to proceed?")
        let asking = try await becomes(.needsYou, home)
        #expect(asking.needsWhat == #"Bash "touch asked""#)
        let listed = await home.apus("list").output
        #expect(listed.hasPrefix("NEEDS YOU\n") && listed.contains(#"allow Bash "touch asked"?"#), "\(listed)")

        await pane.press("C-\\", "d")
        try await pane.see("detached from t (\(asking.id)), which goes on; back with: apus attach t")
        await pane.isPlain()
        try killDaemon(home)
        #expect(Processes.isAlive(agent))

        await pane.enter("apus attach t")
        try await pane.see("Do you want to proceed?")
        try await pane.shows("t", of: home)
        try await press("Enter", at: pane, until: "● it is done")
        #expect(Disk.isThere(home.work + "/asked"))
        let answered = try await becomes(.idle, home)
        #expect(answered.doing == "it is done" && answered.needsWhat == nil)

        // Left again, the daemon dead again: what is painted is what was there, to the last colour and the cursor.
        var isSame = false
        for _ in 1...8 where !isSame {
          try await pane.shows("t", of: home)
          let (before, drawn) = (await pane.picture(), home.recorded(asking))
          await pane.press("C-\\", "d")
          try await pane.see("detached from t")
          try killDaemon(home)
          await pane.enter("apus attach t")
          try await pane.shows("t", of: home)
          // Its hints come and go: where it drew meanwhile, it is looked at again.
          isSame = await pane.picture() == before && home.recorded(asking) == drawn
        }
        #expect(isSame)
        #expect(try await home.session("show", "t").agentMark == agent)

        try await say("/exit", at: pane)
        try await pane.see("t (\(asking.id)) ended: exit code 0")
        await pane.isPlain()
        let ended = try await home.session("wait", "t", "--for", "ended")
        #expect(ended.ending == .exit(0) && ended.verdict.resumable && ended.run == 1)
      }
    }
  }

  @Test func `headless and terminal runs of one session alternate, and the conversation goes on`() async throws {
    try await TestHome.with { home in
      home.onboard()
      let first = try await home.session("new", "t", "--prompt", "say: the first word", "--wait")
      #expect(first.result == "the first word" && !first.terminal)
      _ = try await home.session("stop", "t")

      let second = try await home.session("resume", "t", "--terminal")
      #expect(second.terminal && second.run == 2 && second.conversationID == first.conversationID)
      try await home.see("t", "the first word")
      try await home.see("t", "manual mode on")
      // What belongs to the other kind of run is refused, with what to do instead.
      let (wrong, status) = try await home.failure("send", "t", "say: no")
      #expect(wrong.code == .sessionLive && wrong.hint?.contains("apus type t") == true && status == 4)
      #expect(await home.apus("type", "t", "say: the second word", "--enter").status == 0)
      try await home.see("t", "● the second word")
      #expect(await home.apus("wait", "t", "--for", "idle", "--timeout", "20").status == 0)
      _ = try await home.session("stop", "t")

      let third = try await home.session("resume", "t", "say: the third word", "--wait")
      #expect(third.result == "the third word" && !third.terminal && third.run == 3)
      #expect(third.conversationID == first.conversationID)
      let (attached, _) = try await home.failure("screen", "t")
      #expect(attached.code == .sessionNotRunning && attached.hint?.contains("apus logs t") == true)
      let answers = try await home.events("t").answers
      #expect(answers == ["the first word", "the second word", "the third word"])
    }
  }

  @Test func `an interrupt reaches an agent in a terminal, and a graceful end leaves it resumable`() async throws {
    try await TestHome.with { home in
      home.onboard()
      let agent = try #require(try await home.claudeTerminal("t").agentMark)
      // What is interrupted before anything came back may be taken out of the conversation: that is not to be empty then.
      #expect(await home.apus("type", "t", "say: before", "--enter").status == 0)
      try await home.see("t", "● before")
      _ = try await becomes(.idle, home)
      #expect(await home.apus("type", "t", "slow 30: a very long answer", "--enter").status == 0)
      _ = try await becomes(.working, home)
      #expect(await home.apus("interrupt", "t").status == 0)
      _ = try await becomes(.idle, home)
      let stopped = try await home.session("stop", "t")
      #expect(stopped.state == .ended && stopped.verdict.resumable, "\(stopped.verdict)")
      #expect(!Processes.isAlive(agent))
      // What it showed last can still be looked at.
      #expect(await home.apus("screen", "t").status == 0)
    }
  }
}
