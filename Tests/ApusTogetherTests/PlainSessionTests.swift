import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E1: a claude that nobody of ours started, with our hooks (as the plugin brings them): it is registered without
/// being asked, obeys guards, claims what it edits, and is woken at rest.
@Suite struct PlainSessionTests {
  private static let repository = #"{"guards": {"docker compose *": {"lock": "docker", "wait": 0.2}}}"#

  /// What the plugin says, as a settings file.
  private func settings(_ home: TestHome) -> String {
    let command = #"[ -n \"$APUS_RUN\" ] || exec '\#(Checkout.programs)/apus' hook"#
    func hook(_ more: String) -> String { #"[{"hooks":[{"type":"command","command":"\#(command)"\#(more)}]}]"# }
    let path = home.root + "/hooks.json"
    TestHome.write(
      #"{"hooks":{"SessionStart":\#(hook("")),"UserPromptSubmit":\#(hook("")),"PreToolUse":\#(hook(#","timeout":60"#)),"#
        + #""PostToolUse":\#(hook(#","async":true"#)),"SessionEnd":\#(hook("")),"#
        + #""Stop":\#(hook(#","async":true,"asyncRewake":true,"timeout":600"#))}}"#, to: path)
    return path
  }

  private func claude(_ home: TestHome, _ prompt: String) async -> Outcome {
    await Program.run(
      [
        Checkout.claude, "-p", "--permission-mode", "bypassPermissions", "--settings", settings(home),
        "--output-format",
        "stream-json", "--verbose", prompt,
      ], environment: home.environment.merging(home.withDocker) { $1 }, directory: home.work, input: "", seconds: 60)
  }

  @Test func `a plain claude is registered, claims, obeys guards, and is over when its process is`() async throws {
    try await TestHome.withRepository(agent: Checkout.claude, settings: Self.repository, slots: 2) { home in
      home.makeDocker(seconds: 0)
      let holder = try await home.session("new", "one", extra: ["APUS_CLAUDE": Checkout.scriptedAgent])
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one", "--note", "api").status == 0)
      let plain = await claude(
        home,
        "edit ui/plain.txt: x then bash: apus list --json > \(home.root)/seen.json; apus claim list --json > "
          + "\(home.root)/claims.json then bash: docker compose up then bash: git push -f origin x then say: done")
      #expect(plain.status == 0, "\(plain.errors)")
      #expect(plain.output.contains("docker is held by one"))
      #expect(plain.output.contains("push without force"))
      #expect(home.dockerSaid.isEmpty)
      let seen: [SessionObject] = try JSONText.decode(from: Array(TestHome.text(home.root + "/seen.json").utf8))
      let registered = try #require(seen.first { $0.id != holder.id })
      #expect(registered.name.hasPrefix("claude-") && registered.id.count == 4 && registered.state == .running)
      let claims: [ClaimObject] = try JSONText.decode(from: Array(TestHome.text(home.root + "/claims.json").utf8))
      #expect(claims.map(\.path) == ["ui/plain.txt"])
      #expect(claims.map(\.id) == [registered.id])
      let isOver = try await eventually { try await home.session("show", registered.id).state == .ended }
      #expect(isOver)
      let left: [ClaimObject] = try await home.json("claim", "list")
      #expect(left.isEmpty)
      let locks: [LockObject] = try await home.json("lock", "list")
      #expect(locks.map(\.queue.count) == [0])
    }
  }

  @Test func `at rest in its terminal it is woken when its turn has come`() async throws {
    try await TestHome.withRepository(agent: Checkout.claude, settings: Self.repository, slots: 2) { home in
      home.makeDocker(seconds: 0)
      home.onboard()
      _ = try await home.session("new", "one", extra: ["APUS_CLAUDE": Checkout.scriptedAgent])
      #expect(await home.apus("lock", "acquire", "docker", "--session", "one").status == 0)
      let command = "exec '\(Checkout.claude)' --settings '\(settings(home))' --permission-mode manual"
      try await Pane.with(home, extra: home.withDocker, command: command) { pane in
        try await pane.see("manual mode on")
        await pane.type("bash: docker compose up then say: at rest")
        try await pane.see("docker compose up")
        await pane.press("Enter")
        try await pane.see("● at rest")
        // The daemon it waited with may go: the next one knows.
        let daemon = try #require(home.daemon())
        kill(daemon.pid, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
        #expect(await home.apus("lock", "release", "docker", "--session", "one").status == 0)
        try await pane.see("Stop hook feedback")
        let sessions: [SessionObject] = try await home.json("list")
        let plain = try #require(sessions.first { $0.name != "one" })
        let told = try await eventually(seconds: 20) {
          try await home.transcript(plain.name).contains("docker is yours for the next 2 minutes")
        }
        #expect(told)
        // The same for a session of ours in a terminal is the same hook.
      }
    }
  }
}
