import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row B6: after a mass death what was running is found, shown and brought back.
@Suite struct RecoverTests {
  /// What other work does to this machine is not this suite's concern.
  private static func spaced(_ seconds: String) -> [String: String] {
    ["APUS_RECOVER_SPACING_SECONDS": seconds, "APUS_RECOVER_MAX_LOAD": "0"]
  }

  private func killKeepers(_ home: TestHome, _ names: [String]) async throws {
    for name in names {
      let keeper = try #require(try await home.session("show", name).keeperMark)
      Processes.signal(keeper, SIGKILL)
    }
    for name in names { #expect(try await home.session("wait", name, "--for", "ended").state == .lost) }
  }

  private func items(_ home: TestHome, _ arguments: String...) async throws -> ([RecoverItem], Int32) {
    let outcome = await home.run(["recover", "--json"] + arguments)
    return (try JSONText.decode([RecoverItem].self, from: Array(outcome.output.utf8)), outcome.status)
  }

  @Test func `what was lost is shown first, then started one after another`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.spaced("0.3")) { home in
      #expect(await home.apus("recover").output == "Nothing to recover: no session was lost or cut off.\n")
      let names = ["a", "b", "c"]
      _ = try await home.session("new", "a", "--prompt", "say: a", "--wait")
      for name in ["b", "c", "stopped", "by-hand"] {
        _ = try await home.session("new", name, "--prompt", "hush until \(home.work)/go")
      }
      _ = try await home.session("new", "runs", "--prompt", "say: fine", "--wait")
      for name in ["b", "c", "stopped", "by-hand"] {
        try await home.follow(name) { feed in _ = try await feed.until(.promptStarted) }
      }
      _ = try await home.session("stop", "stopped")
      try await killKeepers(home, names)
      // One whose agent alone was killed was cut off as well.
      let agent = try #require(try await home.session("show", "by-hand").agentMark)
      Processes.signal(agent, SIGKILL)
      #expect(try await home.session("wait", "by-hand", "--for", "ended").state == .ended)

      let shown = await home.apus("recover")
      #expect(shown.status == 0)
      for name in names + ["by-hand"] { #expect(shown.output.contains("  \(name) "), "\(shown.output)") }
      #expect(shown.output.contains("4 of 4 can be recovered: apus recover --yes"))
      #expect(!shown.output.contains("stopped") && !shown.output.contains("runs"))
      let (planned, code) = try await items(home)
      #expect(code == 0 && planned.map(\.name).sorted() == ["a", "b", "by-hand", "c"])
      #expect(planned.allSatisfy { $0.outcome == .planned && $0.how == "headless" && $0.verdict.resumable })
      #expect(planned.first { $0.name == "by-hand" }?.happened == .cutOff)
      #expect(planned.first { $0.name == "b" }?.happened == .lost)
      #expect(try await home.session("show", "a").run == 1)

      let (done, end) = try await items(home, "--yes")
      #expect(end == 0 && done.map(\.name) == planned.map(\.name))
      #expect(done.allSatisfy { $0.outcome == .resumed && $0.problem == nil })
      var starts: [EventObject] = []
      for item in done { starts.append(try #require(try await home.events(item.name).of(.runStarted).last)) }
      #expect(starts.map(\.run) == [2, 2, 2, 2])
      for (one, next) in zip(starts, starts.dropFirst()) {
        #expect(Self.seconds(next.at) - Self.seconds(one.at) >= 0.29, "\(one.at) \(next.at)")
      }
      TestHome.write("", to: home.work + "/go")
      for name in ["b", "c", "by-hand"] {
        #expect(try await home.session("wait", name).activity == .idle)
        #expect(try await home.events(name).answers == ["awake"])
      }
      #expect(try await home.session("show", "stopped").run == 1)
      #expect(try await items(home).0.isEmpty)
    }
  }

  /// Of the minute.
  private static func seconds(_ iso: String) -> Double {
    let parts = iso.dropLast().split(separator: ":").suffix(2).compactMap { Double($0) }
    return parts[0] * 60 + parts[1]
  }

  @Test func `a cause that concerns all stops it, and those not started are told`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.spaced("20")) { home in
      let names = ["a", "b", "c"]
      for name in names {
        _ = try await home.session("new", name, "--prompt", "fail 401 if \(home.work)/expired")
        try await home.follow(name) { feed in _ = try await feed.until(.promptStarted) }
      }
      try await killKeepers(home, names)
      TestHome.write("", to: home.work + "/expired")
      let (done, code) = try await items(home, "--yes")
      #expect(code == 5)
      #expect(done.map(\.outcome) == [.failed, .notStarted, .notStarted])
      #expect(done.allSatisfy { $0.problem?.code == .agentLogin && $0.problem?.hint?.contains("/login") == true })
      for item in done.dropFirst() { #expect(try await home.session("show", item.name).state == .lost) }
      let told = await home.apus("recover", done[1].name)
      #expect(told.output.contains("1 of 1 can be recovered: apus recover \(done[1].name) --yes"))
    }
  }

  @Test func `one that cannot be resumed is told, and the next one is tried`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.spaced("0.3")) { home in
      for name in ["fine", "gone"] { _ = try await home.session("new", name, "--prompt", "say: \(name)", "--wait") }
      try await killKeepers(home, ["fine", "gone"])
      let path = try #require(try await home.verdict("gone").path)
      #expect(await eventually { home.daemonLog().contains("is lost; nothing of it is left") })
      #expect(unlink(path) == 0)
      #expect(await home.apus("recover").output.contains("1 of 2 can be recovered"))
      let told = await home.apus("recover", "--yes")
      #expect(told.status == 1)
      #expect(told.output.contains("gone: failed: gone cannot be resumed: session_file_missing"), "\(told.output)")
      #expect(told.output.contains("fine: resumed\n"))
      #expect(try await home.session("show", "fine").state == .running)
      // What nothing happened to is not touched.
      let (items, code) = try await items(home, "--yes", "fine")
      #expect(code == 1 && items.first?.problem?.code == .sessionLive && items.first?.outcome == .failed)
      #expect(try await home.failure("recover", "nobody").0.code == .sessionNotFound)
    }
  }

  @Test func `it goes on when whoever asked for it leaves`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.spaced("20")) { home in
      let names = ["a", "b", "c"]
      for name in names { _ = try await home.session("new", name, "--prompt", "say: \(name)", "--wait") }
      try await killKeepers(home, names)
      let caller = try home.begin("recover", "--yes")
      #expect(try await caller.line() != nil)
      let (busy, code) = try await home.failure("recover", "--yes")
      #expect(busy.code == .sessionLive && code == 4)
      caller.kill()
      await caller.release()
      for name in names {
        #expect(
          await eventually(seconds: 180) { (try? await home.session("show", name))?.state == .running }, "\(name)")
      }
    }
  }

  @Test func `what was lost in a terminal comes back in one`() async throws {
    try await TestHome.with(agent: Checkout.terminalAgent, extra: Self.spaced("0.1")) { home in
      _ = try await home.session("new", "one", "--terminal")
      try await killKeepers(home, ["one"])
      #expect(try await items(home).0.map(\.how) == ["terminal"])
      #expect(try await items(home, "--yes").0.map(\.outcome) == [.resumed])
      let back = try await home.session("show", "one")
      #expect(back.state == .running && back.terminal && back.run == 2)
    }
  }

  @Test func `what the machine ended on its own way down is recovered, what a person ended is not`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.spaced("0.3")) { home in
      for end in ["signal", "down"] {
        _ = try await home.session("new", end, "--prompt", "hush")
        try await home.follow(end) { feed in _ = try await feed.until(.promptStarted) }
        if end == "down" {
          #expect(await home.apus("down").status == 0)
        } else {
          let daemon = try #require(home.daemon())
          Processes.signal(daemon, SIGTERM)
          #expect(ended(daemon.pid, start: daemon.start))
        }
        #expect(try await home.session("show", end).interrupted)
      }
      #expect(try await items(home).0.map(\.name) == ["signal"])
    }
  }
}
