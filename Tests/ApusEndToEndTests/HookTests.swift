import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// `apus hook`, which agents wait for: quick, silent, and nothing it was told is lost.
@Suite struct HookTests {
  static let stop = #"{"session_id":"c","hook_event_name":"Stop","last_assistant_message":"x"}"#
  static let prompt = #"{"session_id":"c","hook_event_name":"UserPromptSubmit","prompt":"x"}"#
  static let start = #"{"session_id":"c","hook_event_name":"SessionStart","source":"startup"}"#

  /// Calls it as an agent of that run does; says what it did and how long that took, in milliseconds.
  private func hook(_ home: TestHome, _ run: String?, _ report: String) async -> (outcome: Outcome, took: Int64) {
    let since = apus_monotonic_milliseconds()
    let outcome = await home.apus("hook", input: report, extra: run.map { ["APUS_RUN": $0] } ?? [:])
    return (outcome, apus_monotonic_milliseconds() - since)
  }

  private func expectSilent(_ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(
      outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty,
      "\(outcome.status) \(outcome.output) \(outcome.errors)", sourceLocation: sourceLocation)
  }

  private func end(_ daemon: ProcessMark?) throws {
    let daemon = try #require(daemon)
    Processes.signal(daemon, SIGKILL)
    #expect(ended(daemon.pid, start: daemon.start))
  }

  @Test func `every run is told to report, by a file of its own that only its owner reads`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let path = home.runDirectory(made) + "/settings.json"
      #expect(Disk.mode(path) == 0o600)
      #expect(TestHome.text(path).contains("exec '\(Disk.realPath(Checkout.programs))/apus' hook"))
      let arguments = TestHome.text("/proc/\(try #require(made.pid))/cmdline").split(separator: "\0")
      #expect(arguments.contains { $0 == "--settings=\(path)" })
    }
  }

  @Test func `a report is taken in at once, and nothing is left of it`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let spool = home.runDirectory(made) + "/hooks"
      for report in [Self.stop, "", "garbage {{{", "{\"a\":", String(repeating: "x", count: 1 << 20)] {
        // Where the daemon was held up for long, the next one finds what the last one left.
        let isTaken = await eventually(seconds: 240) {
          expectSilent(await hook(home, home.runDirectory(made), report).outcome)
          return !Disk.isThere(spool)
        }
        #expect(isTaken, "\(report.prefix(20))")
      }
      // The stream tells what a headless run does; hooks change nothing of it.
      let after = try await home.session("show", "one")
      #expect(after.activity == .idle && after.activitySource == "stream")
    }
  }

  @Test func `outside of a run, and for another's, it does nothing`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      expectSilent(await hook(home, nil, Self.start).outcome)
      expectSilent(await hook(home, "", Self.start).outcome)
      #expect(home.daemon() == nil)
      Disk.makeDirectory(home.root + "/foreign/1")
      Disk.makeDirectory(home.apusHome + "/runs/a/1")
      symlink(home.root + "/foreign", home.apusHome + "/runs/b")
      let foreign = [
        home.root + "/foreign/1", home.apusHome + "/runs/../../foreign/1", home.apusHome + "/runs/b/1", "/", "relative",
        home.apusHome + "/runs/nobody/1", home.apusHome,
      ]
      for directory in foreign {
        expectSilent(await hook(home, directory, Self.start).outcome)
        #expect(home.daemon() == nil, "\(directory)")
      }
      #expect(!Disk.everything(below: home.root + "/foreign").contains { !$0.isDirectory })
      // A file of somebody's where the report should go is not followed.
      symlink(home.root + "/foreign/stolen", home.apusHome + "/runs/a/1/hooks")
      expectSilent(await hook(home, home.apusHome + "/runs/a/1", Self.stop).outcome)
      #expect(!Disk.isThere(home.root + "/foreign/stolen"))
    }
  }

  @Test func `without a daemon a report waits in the run's directory, and the next daemon takes it in`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let run = home.runDirectory(made)
      try end(home.daemon())
      for report in [Self.stop, "{\n  \"session_id\": \"c\"\r\n}", "garbage"] {
        expectSilent(await hook(home, run, report).outcome)
      }
      let lines = TestHome.text(run + "/hooks").split(separator: "\n")
      #expect(lines.count == 3 && lines[0].hasSuffix(Self.stop))
      #expect(Disk.mode(run + "/hooks") == 0o600)
      #expect(home.daemon() == nil)
      Disk.write(Array(TestHome.text(run + "/hooks").utf8) + Array("torn 12".utf8), to: run + "/hooks")
      #expect(await home.apus("list").status == 0)
      #expect(!Disk.isThere(run + "/hooks"))
      #expect(home.daemonLog().contains("1 unreadable lines"))
      #expect(try await home.session("send", "one", "say: on", "--wait").result == "on")
    }
  }

  @Test func `a conversation that begins starts the daemon, and does not wait for it`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      try end(home.daemon())
      expectSilent(await hook(home, home.runDirectory(made), Self.start).outcome)
      #expect(await eventually { home.daemon() != nil })
      #expect(await eventually { !Disk.isThere(home.runDirectory(made) + "/hooks") })
      #expect(try await home.session("show", "one").state == .running)
    }
  }

  @Test func `a daemon that hangs holds nobody up, and hears it later`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let spool = home.runDirectory(made) + "/hooks"
      let daemon = try #require(home.daemon())
      Processes.signal(daemon, SIGSTOP)
      // A busy machine holds programs up: what one takes that has nothing to do is no time of its own.
      var times: [Int64] = []
      let isQuick = await eventually(seconds: 20) {
        let idle = await hook(home, nil, Self.start).took
        let (outcome, took) = await hook(home, home.runDirectory(made), Self.start)
        expectSilent(outcome)
        times.append(took - idle)
        return took - idle <= 100
      }
      #expect(isQuick, "\(times)")
      #expect(TestHome.text(spool).split(separator: "\n").count == times.count)
      Processes.signal(daemon, SIGCONT)
      expectSilent(await hook(home, home.runDirectory(made), Self.stop).outcome)
      #expect(await eventually { !Disk.isThere(spool) })
      #expect(home.daemon() == daemon)
    }
  }

  @Test func `what a hook gave up waiting for is told to the next one`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let daemon = try #require(home.daemon())
      #expect(await home.apus("tell", "one", "the API moved").status == 0)
      Processes.signal(daemon, SIGSTOP)
      expectSilent(await hook(home, home.runDirectory(made), Self.prompt).outcome)
      Processes.signal(daemon, SIGCONT)
      #expect(await eventually { !Disk.isThere(home.runDirectory(made) + "/hooks") })
      var told: [String] = []
      let isTold = await eventually {
        told.append(await hook(home, home.runDirectory(made), Self.prompt).outcome.output)
        return told.last?.contains("the API moved") == true
      }
      #expect(isTold, "\(told)")
      // Once.
      expectSilent(await hook(home, home.runDirectory(made), Self.prompt).outcome)
    }
  }

  @Test func `twenty megabytes are cut down to their head, as a whole object`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let run = home.runDirectory(made)
      let head = #"{"session_id":"c","n": 12 ,"ok":true,"hook_event_name":"PostToolUse","tool_name":"Re\"ad","#
      let large = head + #""tool_input":{"a":[1]},"tool_response":""# + String(repeating: "y", count: 20 << 20) + #""}"#
      expectSilent(await hook(home, run, large).outcome)
      try end(home.daemon())
      expectSilent(await hook(home, run, large).outcome)
      let line = TestHome.text(run + "/hooks").split(separator: "\n").first.map { String($0) } ?? ""
      let report = line.split(separator: " ", maxSplits: 2).last.map { Array($0.utf8) } ?? []
      let json: JSON = try JSONText.decode(from: report)
      #expect(json["hook_event_name"]?.string == "PostToolUse" && json["tool_name"]?.string == #"Re"ad"#)
      #expect(json["n"]?.integer == 12 && json["ok"]?.bool == true && json["tool_response"] == nil)
    }
  }

  @Test func `an agent that never closes its end is not waited for`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      let environment = home.environment.merging(["APUS_RUN": home.runDirectory(made)]) { $1 }
      let since = apus_monotonic_milliseconds()
      let program = try Running([Checkout.programs + "/apus", "hook"], environment: environment, directory: home.work)
      await program.say(Self.stop)
      #expect(try await program.finish().status == 0)
      #expect(apus_monotonic_milliseconds() - since < 20_000)
      await program.release()
    }
  }

  @Test func `a report of a run that is over is of no use to anybody`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let made = try await home.session("new", "one")
      #expect(await home.apus("stop", "one").status == 0)
      expectSilent(await hook(home, home.runDirectory(made), Self.stop).outcome)
      #expect(!Disk.isThere(home.runDirectory(made) + "/hooks"))
    }
  }

  @Test func `people are not shown it, and who asks for it is`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      #expect(await !home.apus("--help").output.contains("hook"))
      let help = await home.apus("hook", "--help")
      #expect(help.status == 0 && help.output.contains("APUS") == false && help.output.contains("80 ms"))
    }
  }

  @Test func `the real program reports, and a headless run tells the same as ever`() async throws {
    try await TestHome.with { home in
      let made = try await home.session(
        "new", "one", "--permission-mode", "bypassPermissions", "--prompt", "bash: true then say: done", "--wait")
      #expect(made.result == "done")
      let kinds = try await home.events("one").map(\.type)
      #expect(
        kinds == [
          "created", "prompt.accepted", "run.started", "agent.ready", "prompt.started", "turn.began", "said", "said",
          "said", "said", "turn.ended", "prompt.finished",
        ])
      let log = TestHome.text(home.apusHome + "/apusd.log")
      #expect(!log.contains("error"))
      // With the daemon gone what it says stays, in its own words.
      try end(home.daemon())
      let agent = try #require(made.agentMark)
      Processes.signal(agent, SIGTERM)
      #expect(ended(agent.pid, start: agent.start))
      #expect(TestHome.text(home.runDirectory(made) + "/hooks").contains(#""hook_event_name":"SessionEnd""#))
    }
  }
}
