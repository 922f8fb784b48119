import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B8: what a limit does to runs, and what is told of it.
@Suite struct LimitTests {
  @Test func `a run that takes too much memory is ended, the others are not`() async throws {
    let extra = [
      "APUS_MAX_RUN_MEMORY_MB": "80.5", "APUS_IDLE_MINUTES": "0.02", "PERSIST_CLAUDE_SESSIONS": "true",
    ]
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: extra) { home in
      _ = try await home.session("new", "small", "--prompt", "say: little", "--wait")
      _ = try await home.session("new", "large", "--prompt", "take 120")
      let ended = try await home.session("wait", "large", "--for", "ended")
      #expect(ended.state == .ended && ended.ending == .exit(0))
      #expect(ended.problem?.code == .limitReached)
      #expect(ended.problem?.summary.contains("80 MB are allowed") == true, "\(ended.problem?.summary ?? "")")
      #expect(ended.problem?.hint?.contains("maxRunMemoryMB") == true)
      let reached = try await home.events("large").of(.limitReached)
      #expect(reached.map { $0.detail["limit"]?.string } == ["memory"])
      #expect(reached.first?.detail["bytes"]?.integer ?? 0 > 120 << 20)
      #expect(reached.first?.detail["allowed"]?.integer == Int64(80.5 * 1_048_576))
      #expect(home.daemonLog().contains("large: ended by a limit: it took"))
      #expect(try await home.session("show", "small").activity == .idle)
      #expect(try await home.events("small").of(.limitReached).isEmpty)
      #expect(try await home.session("resume", "large", "say: lighter", "--wait").result == "lighter")
    }
  }

  @Test func `what idles for too long is ended, unless it persists or works`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_IDLE_MINUTES": "0.015"]) { home in
      let stays = ["PERSIST_CLAUDE_SESSIONS": "true"]
      _ = try await home.session("new", "kept", "--prompt", "say: here", "--wait", extra: stays)
      _ = try await home.session("new", "busy", "--prompt", "hush until \(home.work)/go")
      _ = try await home.session("new", "asks", "--prompt", "ask: rm -r build")
      // One after another, so that the others were looked at more than once.
      for name in ["one", "two"] {
        _ = try await home.session("new", name, "--prompt", "say: done", "--wait")
        let ended = try await home.session("wait", name, "--for", "ended")
        #expect(ended.ending == .exit(0) && ended.problem == nil && !ended.interrupted)
        let reached = try await home.events(name).of(.limitReached)
        #expect(reached.map { $0.detail["limit"]?.string } == ["idle"])
        #expect(reached.first?.detail["seconds"]?.double ?? 0 >= 0.9)
        #expect(ended.verdict.resumable)
      }
      for (name, activity) in [("kept", Activity.idle), ("busy", .working), ("asks", .needsYou)] {
        #expect(try await home.session("show", name).activity == activity, "\(name)")
        #expect(try await home.events(name).of(.limitReached).isEmpty, "\(name)")
      }
      TestHome.write("", to: home.work + "/go")
      #expect(try await home.session("wait", "busy", "--for", "ended").ending == .exit(0))
    }
  }

  @Test func `what works in silence needs you, and goes on by itself`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STALLED_MINUTES": "0.01"]) { home in
      _ = try await home.session("new", "talks", "--prompt", "count until \(home.work)/go every 20")
      let began = try await home.session("new", "one", "--prompt", "hush until \(home.work)/go")
      let stalled = try await home.session("wait", "one", "--for", "needs-you")
      #expect(stalled.state == .running && stalled.pid == began.pid && stalled.needs.isEmpty)
      #expect(stalled.needsWhat?.hasPrefix("stalled: silent for ") == true)
      #expect(await home.apus("list").output.contains("stalled: silent for"))
      #expect(await home.apus("show", "one").output.contains("stalled: silent for"))
      // A daemon that comes later knows it too, and does not say it again.
      #expect(await home.apus("restart").status == 0)
      #expect(try await home.session("show", "one").activity == .needsYou)
      #expect(try await home.session("show", "talks").activity == .working)
      TestHome.write("", to: home.work + "/go")
      #expect(try await home.session("wait", "one", "--for", "idle").needsWhat == nil)
      let events = try await home.events("one")
      #expect(events.answers == ["awake"])
      #expect(events.of(.limitReached).map { $0.detail["limit"]?.string } == ["stalled"])
      #expect(try await home.events("talks").of(.limitReached).isEmpty)
    }
  }

  @Test func `where all together take too much the next one waits until they take less`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_MAX_TOTAL_MEMORY_MB": "100"]) { home in
      _ = try await home.session("new", "large", "--prompt", "take 150", "--wait")
      let waits = try await home.session("new", "next", "--prompt", "say: hello")
      #expect(waits.state == .queued)
      #expect(waits.queue?.reason.contains("of 100 MB of memory are taken") == true, "\(waits.queue?.reason ?? "")")
      _ = try await home.session("stop", "large")
      #expect(try await home.session("wait", "next").activity == .idle)
      #expect(try await home.events("next").answers == ["hello"])
    }
  }
}
