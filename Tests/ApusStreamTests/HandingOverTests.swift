import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row F11: who comes to an agent that lives.
@Suite struct HandingOverTests {
  private func killed(_ home: TestHome, _ options: String, _ prompt: String, until kind: String) async throws
    -> SessionObject
  {
    try await Backend.with(home, options) { backend in
      await backend.program.say(prompt)
      try await backend.hear(kind) { kind != "SystemMessage" || $0.subtype == "init" }
      Processes.signal(backend.client, SIGKILL)
    }
    return try await home.only()
  }

  /// What tools answered, as the transcript has it.
  private static func results(_ home: TestHome) -> [String] {
    let files = Disk.everything(below: home.claudeDirectory + "/projects").map(\.path).filter { $0.hasSuffix(".jsonl") }
    return files.flatMap { Disk.bytes($0).split(separator: 10) }
      .compactMap { try? JSONText.decode(JSON.self, from: $0)["message"]?["content"]?.array }
      .flatMap { blocks in
        blocks.filter { $0["type"]?.string == "tool_result" }
          .compactMap { $0["content"]?.string ?? $0["content"]?.array?.first?["text"]?.string }
      }
  }

  @Test func `what the agent asked a client that is gone is asked the next one, whose own turn comes after`()
    async throws
  {
    try await TestHome.with { home in
      let left = try await killed(
        home, #"{"asks": true, "silent": true}"#, "bash: touch made then say: old turn", until: "asked")
      let waiting = try await home.wait(left.id, .needsYou)
      #expect(waiting.needs.first?.tool == "Bash")
      try await Backend.with(home, #"{"asks": true, "resume": "\#(left.conversationID)"}"#) { backend in
        let heard = try await backend.ask("say: new turn")
        #expect(heard.first?.is == "asked" && heard.compactMap(\.text) == ["new turn"], "\(heard)")
        #expect(Disk.isThere(home.work + "/made"))
      }
      #expect(
        try home.chain(left.conversationID).filter { !$0.isEmpty }
          == ["bash: touch made then say: old turn", "old turn", "say: new turn", "new turn"])
    }
  }

  @Test func `a tool of a client that is gone is called at the next one`() async throws {
    try await TestHome.with { home in
      let left = try await killed(
        home, #"{"sums": true, "silent": true}"#, #"tool mcp__sums__add {"a": 2, "b": 3} then say: old turn"#,
        until: "called")
      try await Backend.with(home, #"{"sums": true, "resume": "\#(left.conversationID)"}"#) { backend in
        let heard = try await backend.ask(#"tool mcp__sums__add {"a": 4, "b": 5} then say: new turn"#)
        #expect(heard.filter { $0.is == "called" }.count == 2 && heard.compactMap(\.text) == ["new turn"], "\(heard)")
      }
      #expect(Self.results(home) == ["5", "9"])
      #expect(try await home.only().pid == left.pid)
    }
  }

  @Test func `a hook that was not answered fails as the agent has it, and the old turn ends`() async throws {
    try await TestHome.with { home in
      let left = try await killed(
        home, #"{"hooks": true, "silent": true, "allowed_tools": ["Bash"]}"#, "bash: touch made then say: old turn",
        until: "hooked")
      try await Backend.with(
        home, #"{"hooks": true, "allowed_tools": ["Bash"], "resume": "\#(left.conversationID)"}"#
      ) { backend in
        let heard = try await backend.ask("bash: echo x then say: new turn")
        #expect(heard.filter { $0.is == "hooked" }.count == 1 && heard.compactMap(\.text) == ["new turn"], "\(heard)")
      }
      #expect(try await home.only().pid == left.pid)
    }
  }

  @Test func `a person answers for a client that is gone, and speaks in its place, but not beside one`() async throws {
    try await TestHome.with { home in
      let left = try await killed(
        home, #"{"asks": true, "silent": true}"#, "bash: touch made then say: old turn", until: "asked")
      let allowed = await home.apus("permit", left.id, "allow")
      #expect(allowed.status == 0, "\(allowed.errors)")
      _ = try await home.wait(left.id, .idle)
      let said = try await home.session("send", left.id, "say: from a person", "--wait")
      #expect(said.result == "from a person")
      try await Backend.with(home, #"{"asks": true, "resume": "\#(left.conversationID)"}"#) { backend in
        let (failure, _) = try await home.failure("send", left.id, "say: beside")
        #expect(failure.code == .sessionLive && failure.summary.contains("process \(backend.client.pid)"), "\(failure)")
        await backend.program.say("slow 60: never said")
        try await backend.hear("SystemMessage") { $0.subtype == "init" }
        #expect(await home.apus("interrupt", left.id).status == 0)
        let result = try await backend.hear("ResultMessage")
        #expect(result.subtype == "error_during_execution")
        #expect(try await backend.ask("say: on").last?.result == "on")
      }
      #expect(try await home.only().pid == left.pid)
    }
  }

  @Test func `a second client is refused, a fork is another process, other arguments another run`() async throws {
    try await TestHome.with(slots: 2) { home in
      try await Backend.with(home) { backend in
        #expect(try await backend.ask("say: one").last?.result == "one")
        let one = try await home.only()
        let second = try Backend.begin(home, #"{"resume": "\#(one.conversationID)"}"#)
        var refusals: [Heard] = []
        while let heard = try await Backend.next(second) { refusals.append(heard) }
        await second.release()
        #expect(refusals.contains { $0.text?.contains("process \(backend.client.pid)") == true }, "\(refusals)")
        #expect(
          refusals.last?.is == "failed" && refusals.last?.text?.contains("exit code 1") == true
            || refusals.last?.text?.contains("code: 1") == true, "\(refusals)")
        try await Backend.with(home, #"{"resume": "\#(one.conversationID)", "fork_session": true}"#) { fork in
          let heard = try await fork.ask("say: forked")
          #expect(heard.last?.result == "forked" && heard.last?.session_id != one.conversationID)
        }
        #expect(try await backend.ask("say: two").last?.session_id == one.conversationID)
        backend.program.kill()
      }
      let all = try JSONText.decode(
        [SessionObject].self, from: Array(await home.apus("list", "--json").output.utf8))
      let one = try #require(all.min { $0.createdAt < $1.createdAt })
      #expect(all.count == 2 && one.run == 1)
      try await Backend.with(home, #"{"resume": "\#(one.conversationID)", "system_prompt": "Be brief."}"#) { backend in
        #expect(try await backend.ask("say: three").last?.session_id == one.conversationID)
        let again = try await home.session("show", one.id)
        #expect(again.run == 2 && again.agentMark != one.agentMark && one.agentMark.map(Processes.isAlive) != true)
      }
    }
  }

  @Test func `a daemon that is killed and one that comes do not disturb a stream`() async throws {
    try await TestHome.with { home in
      try await Backend.with(home) { backend in
        #expect(try await backend.ask("say: one").last?.result == "one")
        await backend.program.say("slow 1: across the end of a daemon")
        try await backend.hear("SystemMessage") { $0.subtype == "init" }
        if let daemon = home.daemon() { Processes.signal(daemon, SIGKILL) }
        #expect(try await backend.hear("ResultMessage").result == "across the end of a daemon")
        #expect(try await backend.ask("say: without one").last?.result == "without one")
        let session = try await home.only()
        #expect(session.state == .running && session.activity == .idle)
        let (failure, _) = try await home.failure("send", session.id, "say: beside")
        #expect(failure.code == .sessionLive)
        #expect(try await backend.ask("say: with the next").last?.result == "with the next")
        await backend.program.say("!close")
        #expect(try await backend.hear("closed").code == 0)
        #expect(try await home.session("wait", session.id, "--for", "ended").state == .ended)
      }
    }
  }
}
