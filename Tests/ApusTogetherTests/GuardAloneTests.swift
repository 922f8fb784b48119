import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Hooks where no daemon answers: guards and strict claims refuse and say why, everything else goes on at once.
@Suite struct GuardAloneTests {
  private static let settings = #"{"guards": {"docker compose *": "docker"}, "claims": "strict"}"#

  private func hook(_ home: TestHome, _ session: SessionObject, _ tool: String, _ input: String) async -> Outcome {
    let report =
      #"{"session_id":"\#(session.conversationID)","hook_event_name":"PreToolUse","tool_name":"\#(tool)","#
      + #""tool_input":\#(input),"tool_use_id":"t1","cwd":"\#(session.directory)"}"#
    return await home.apus("hook", input: report, extra: ["APUS_RUN": home.runDirectory(session)])
  }

  @Test func `without a daemon guards refuse and say why, and what only informs lets the call go`() async throws {
    try await TestHome.withRepository(settings: Self.settings) { home in
      let made = try await home.session("new", "one")
      let file = #"{"file_path":"\#(home.work)/shared.txt"}"#
      #expect(await hook(home, made, "Edit", file).status == 0)
      let stopped = try #require(home.daemon())
      // It is there and does not answer: no new one can be started meanwhile.
      kill(stopped.pid, SIGSTOP)
      defer { kill(stopped.pid, SIGCONT) }
      let refusals: [(String, String, String)] = [
        ("Bash", #"{"command":"cd x && docker compose up"}"#, "needs the lock docker"),
        ("Bash", #"{"command":"git push -f"}"#, "push without force"),
        ("Edit", file, "files that others have claimed"), ("Write", file, "files that others have claimed"),
      ]
      for (tool, input, reason) in refusals {
        let outcome = await hook(home, made, tool, input)
        #expect(outcome.status == 2 && outcome.errors.contains(reason), "\(tool) \(input): \(outcome)")
        #expect(outcome.output.isEmpty)
      }
      for (tool, input) in [("Bash", #"{"command":"ls"}"#), ("Read", file), ("mcp__x__y", "{}"), ("Bash", "{}")] {
        let since = Stopwatch()
        let outcome = await hook(home, made, tool, input)
        #expect(outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty, "\(tool): \(outcome)")
        #expect(since.isWithin(5_000), "\(since.elapsed) ms")
      }
    }
  }

  @Test func `a repository that is not strict and guards nothing refuses nothing`() async throws {
    try await TestHome.withRepository(settings: #"{"guards": {"forcePush": false}}"#) { home in
      let made = try await home.session("new", "one")
      #expect(await hook(home, made, "Read", "{}").status == 0)
      let daemon = try #require(home.daemon())
      kill(daemon.pid, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      for (tool, input) in [
        ("Bash", #"{"command":"docker compose up"}"#), ("Bash", #"{"command":"git push -f"}"#),
        ("Edit", #"{"file_path":"x"}"#),
      ] {
        #expect(await hook(home, made, tool, input).status == 0, "\(tool)")
      }
    }
  }
}
