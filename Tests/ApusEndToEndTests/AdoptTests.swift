import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row F4: sessions that Apus did not start are shown, watched while they live, and taken over once they ended.
@Suite struct AdoptTests {
  private static let conversation = "5fa1ad35-4049-4a43-9a43-c8803a5e41f6"

  /// A process that is on Claude Code's list of those that live, and does nothing.
  private func stranger(_ home: TestHome, status: String = "idle", _ more: String = "") throws -> Running {
    let program = try Running(
      ["/usr/bin/perl", "-e", "sleep 600"], environment: home.environment, directory: home.work)
    try write(home, program, status, more)
    return program
  }

  private func write(_ home: TestHome, _ program: Running, _ status: String, _ more: String = "") throws {
    let mark = try #require(program.mark)
    Disk.makeDirectory(home.claudeDirectory + "/sessions")
    let milliseconds = Int(apus_wall_seconds() * 1000)
    TestHome.write(
      """
      {"pid":\(mark.pid),"procStart":"\(mark.start)","sessionId":"\(Self.conversation)","cwd":"\(home.work)",
      "name":"work-62","kind":"interactive","status":"\(status)","statusUpdatedAt":\(milliseconds)\(more)}
      """, to: home.claudeDirectory + "/sessions/\(mark.pid).json")
  }

  /// A conversation as an agent leaves it.
  private func writeTranscript(_ home: TestHome) {
    let place = home.claudeDirectory + "/projects/-anywhere"
    Disk.makeDirectory(place)
    let lines = ["user", "assistant"].enumerated().map { number, role in
      """
      {"parentUuid":\(number == 0 ? "null" : "\"u0\""),"type":"\(role)","uuid":"u\(number)","cwd":"\(home.work)",
      """.filter { $0 != "\n" } + #""message":{"role":"\#(role)","content":"hello"}}"#
    }
    TestHome.write(lines.joined(separator: "\n") + "\n", to: place + "/\(Self.conversation).jsonl")
  }

  private func list(_ home: TestHome, _ arguments: String...) async throws -> [SessionObject] {
    try JSONText.decode([SessionObject].self, from: Array(await home.run(arguments + ["--json"]).output.utf8))
  }

  @Test func `one that lives is listed with its source, and never among our own`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let stranger = try stranger(home, status: "waiting", #","waitingFor":"permission prompt""#)
      _ = try await home.session("new", "ours")
      let all = try await list(home, "list", "--all")
      #expect(all.map(\.source) == ["apus", "sessions/\(stranger.pid).json"])
      let one = try #require(all.last)
      #expect(one.id == "p\(stranger.pid)" && one.pid == Int(stranger.pid) && one.name == "work-62")
      #expect(one.activity == .needsYou && one.needsWhat == "permission prompt" && one.directory == home.work)
      #expect(one.conversationID == Self.conversation && one.state == .running && !one.verdict.resumable)
      let text = await home.apus("list", "--all", extra: ["COLUMNS": "200"]).output
      #expect(text.contains("ELSEWHERE") && text.contains("needs-you: permission prompt in \(home.work)"), "\(text)")
      #expect(try await list(home, "list").map(\.name) == ["ours"])
      #expect(try await list(home, "list", "--all", "--resumable").isEmpty)
      await stranger.release()
      #expect(try await list(home, "list", "--all").map(\.name) == ["ours"])
    }
  }

  @Test func `one that lives is watched and left alone until it ends, also by the next daemon`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      writeTranscript(home)
      let stranger = try stranger(home, status: "busy")
      let adopted = try await home.session("adopt", String(stranger.pid), "--name", "mine")
      #expect(adopted.name == "mine" && adopted.source == "apus" && adopted.state == .running)
      #expect(adopted.activity == .working && adopted.activitySource == "sessions file")
      #expect(adopted.pid == Int(stranger.pid) && adopted.keeperPID == nil)
      #expect(adopted.verdict.reason == .liveElsewhere)
      #expect(try await list(home, "list", "--all").map(\.name) == ["mine"])

      for words in [
        ["send", "mine", "hello"], ["stop", "mine"], ["permit", "mine", "allow"], ["interrupt", "mine"],
      ] {
        let outcome = await home.run(words)
        #expect(outcome.status == 4 && outcome.errors.contains("it is only watched"), "\(words): \(outcome)")
      }
      for words in [["resume", "mine"], ["adopt", "p\(stranger.pid)"], ["adopt", Self.conversation]] {
        let outcome = await home.run(words)
        #expect(outcome.status == 4 && outcome.errors.contains("mine"), "\(words): \(outcome)")
      }
      #expect(try await home.failure("adopt", Self.conversation).0.code == .conversationHeld)
      #expect(await home.apus("archive", "mine").status == 4)

      try write(home, stranger, "idle")
      #expect(try await home.session("wait", "mine", "--for", "idle").activity == .idle)
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      #expect(try await home.session("show", "mine").activitySource == "sessions file")
      #expect(Processes.isAlive(try #require(stranger.mark)))

      let waits = try home.begin("wait", "mine", "--for", "ended", "--json")
      stranger.kill()
      #expect(try await waits.finish().status == 0)
      await waits.release()
      let after = try await home.session("show", "mine")
      #expect(after.state == .ended && after.pid == nil && after.verdict.resumable)
      #expect(try await home.events("mine").of(.watchEnded).count == 1)
      let resumed = try await home.session("resume", "mine", "say: ours now", "--wait")
      #expect(resumed.result == "ours now" && resumed.run == 1 && resumed.conversationID == Self.conversation)
      await stranger.release()
    }
  }

  @Test func `one that ended while no daemon ran is found ended`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let stranger = try stranger(home)
      _ = try await home.session("adopt", String(stranger.pid))
      #expect(await home.apus("down").status == 0)
      #expect(Processes.isAlive(try #require(stranger.mark)))
      await stranger.release()
      #expect(try await home.session("show", "work-62").state == .ended)
    }
  }

  @Test func `what is not there, or taken, is refused`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let ours = try await home.session("new", "ours", "--prompt", "say: hello", "--wait")
      for which in ["1", "p1", Self.conversation, "../../etc/passwd", "no-such"] {
        let (failure, code) = try await home.failure("adopt", which)
        #expect(failure.code == .sessionNotFound && code == 3, "\(which)")
      }
      let (held, _) = try await home.failure("adopt", ours.conversationID)
      #expect(held.code == .conversationHeld && held.summary.contains("ours"))
      writeTranscript(home)
      #expect(try await home.failure("adopt", Self.conversation, "--name", "ours").0.code == .nameTaken)
      #expect(try await home.session("adopt", Self.conversation).name == "claude-5fa1ad35")
    }
  }

  @Test func `one that was adopted waits for a place as any other, and goes on then`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_MAX_SESSIONS": "1"]) { home in
      writeTranscript(home)
      _ = try await home.session("new", "first")
      _ = try await home.session("adopt", Self.conversation, "--name", "mine")
      #expect(try await home.session("resume", "mine", "say: ours now").state == .queued)
      _ = try await home.session("stop", "first")
      #expect(try await home.session("wait", "mine").conversationID == Self.conversation)
      #expect(try await home.events("mine").answers == ["ours now"])
    }
  }

  // MARK: the real program

  private func claude(_ home: TestHome) async throws -> Running {
    let hand = try Running(
      [
        Checkout.claude, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
      ], environment: home.environment, directory: home.work)
    await hand.say(
      #"{"type":"user","session_id":"","parent_tool_use_id":null,"message":{"role":"user","content":"say: by hand"}}"#)
    while let line = try await hand.line() {
      if String(decoding: line, as: UTF8.self).contains(#""type":"result""#) { break }
    }
    return hand
  }

  @Test func `a claude by hand is watched, and goes on here when it ended`() async throws {
    try await TestHome.with { home in
      let hand = try await claude(home)
      let listed = try await list(home, "list", "--all")
      #expect(listed.map(\.pid) == [Int(hand.pid)] && listed.first?.activity == .idle)
      let adopted = try await home.session("adopt", "p\(hand.pid)", "--name", "mine")
      #expect(adopted.activity == .idle && adopted.conversationID == listed.first?.conversationID)
      await hand.closeInput()
      #expect(try await home.session("wait", "mine", "--for", "ended").state == .ended)
      let resumed = try await home.session("resume", "mine", "say: by apus", "--wait")
      #expect(resumed.result == "by apus" && resumed.conversationID == adopted.conversationID)
      let path = try #require(resumed.verdict.path)
      #expect(TestHome.text(path).contains("by hand") && TestHome.text(path).contains("by apus"))
      await hand.release()
    }
  }

  @Test func `a claude that was killed left enough to go on`() async throws {
    try await TestHome.with { home in
      let hand = try await claude(home)
      hand.kill()
      #expect(ended(hand.pid, start: hand.mark?.start ?? 0))
      #expect(try await list(home, "list", "--all").isEmpty)
      let listed = try await list(home, "adopt")
      #expect(listed.map(\.source) == ["sessions/\(hand.pid).json"] && listed.first?.state == .ended)
      #expect(listed.first?.verdict.resumable == true)
      let adopted = try await home.session("adopt", String(hand.pid), "--name", "mine")
      #expect(adopted.state == .ended && adopted.directory == home.work)
      #expect(try await home.session("resume", "mine", "say: by apus", "--wait").result == "by apus")
      #expect(await home.apus("adopt").output == "Every session of Claude Code here is one of Apus.\n")
      await hand.release()
    }
  }

  @Test func `what only the program itself knows is listed by it, and where it cannot be asked that is said`()
    async throws
  {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let lister = home.work + "/claude"
      let script =
        "if [ \"$1\" = agents ]; then cat \"$HOME/agents.json\"; else exec '\(Checkout.scriptedAgent)' \"$@\"; fi"
      Disk.write("#!/bin/sh\n\(script)\n", to: lister, mode: 0o700)
      let stranger = try Running(["/usr/bin/perl", "-e", "sleep 600"], environment: home.environment, directory: "/")
      let ended = "22222222-4049-4a43-9a43-c8803a5e41f6"
      TestHome.write(
        """
        [{"pid":\(stranger.pid),"cwd":"\(home.work)","sessionId":"\(Self.conversation)","status":"busy","name":"bg"},
        {"id":"22222222","state":"stopped","cwd":"\(home.work)","sessionId":"\(ended)"}]
        """, to: home.person + "/agents.json")
      let extra = ["APUS_CLAUDE": lister]
      let listed = try JSONText.decode(
        [SessionObject].self, from: Array(await home.apus("adopt", "--json", extra: extra).output.utf8))
      #expect(listed.map(\.source) == ["claude agents", "claude agents"])
      #expect(listed.map(\.state) == [.running, .ended] && listed.map(\.id) == ["p\(stranger.pid)", "22222222"])
      // Asking a program takes time: the list does not.
      #expect(try await list(home, "list", "--all").isEmpty)
      let adopted = try await home.session("adopt", Self.conversation, extra: extra)
      #expect(adopted.name == "bg" && adopted.pid == Int(stranger.pid) && adopted.activity == .unknown)
      unlink(home.person + "/agents.json")
      let told = await home.apus("adopt", extra: extra)
      #expect(told.status == 0 && told.errors.contains("note: `claude agents --json` could not be asked"))
      await stranger.release()
    }
  }

  @Test func `a conversation that left only a transcript is found by its id`() async throws {
    try await TestHome.with { home in
      let hand = try await claude(home)
      let entry = home.claudeDirectory + "/sessions/\(hand.pid).json"
      let listed = try await list(home, "adopt")
      #expect(listed.map(\.pid) == [Int(hand.pid)] && listed.first?.source == "sessions/\(hand.pid).json")
      let id = try #require(listed.first?.conversationID)
      await hand.closeInput()
      #expect(try await hand.finish().status == 0)
      await hand.release()
      #expect(!Disk.isThere(entry))
      let adopted = try await home.session("adopt", id)
      #expect(adopted.state == .ended && adopted.directory == home.work && adopted.verdict.resumable)
      #expect(try await home.session("resume", adopted.name, "say: by apus", "--wait").result == "by apus")
    }
  }
}
