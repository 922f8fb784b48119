import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Rows A4, A7, A8 with the real claude: it edits, nothing reloads meanwhile, and it hears what became of it.
@Suite struct SessionServerTests {
  /// What a session was told by hooks so far, as it stands in its transcript.
  private func transcript(_ home: TestHome, _ session: String) async throws -> String {
    TestHome.text(try #require(try await home.session("show", session).verdict.path))
  }

  /// Speaks to it until its hooks told it that; they wait for a moment only, so that on a busy machine a later one may.
  private func hears(_ home: TestHome, _ name: String, _ words: String) async throws -> String {
    var told = ""
    let isTold = try await eventually {
      _ = try await home.session("send", name, "say: heard", "--wait")
      told = try await transcript(home, name)
      return told.contains(words)
    }
    return try #require(isTold ? told : nil, "it was not told: \(words)")
  }

  @Test func `twenty seconds of edits by a real session are one reload after them, and none during`() async throws {
    try await TestHome.withServers(agent: Checkout.claude) { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        let first = try await home.until { $0.health == .healthy }
        let steps = (1...20).map { number in
          "bash: sed -i 's/^TEXT.*/TEXT = \"v\(number)\"/' server/plain.py then wait 1"
        }
        let session = try await home.session(
          "new", "editor", "--here", "--permission-mode", "bypassPermissions", "--prompt",
          steps.joined(separator: " then ") + " then say: done")
        let held = try await home.until(seconds: 30) { $0.change >= 10 }
        #expect(held.reloads == 0 && held.pid == first.pid && held.holds.map(\.id) == [session.id])
        let done = try await home.session("wait", "editor")
        #expect(done.activity == .idle)
        let after = try await home.until { $0.reloads > 0 && $0.health == .healthy && $0.holds.isEmpty }
        // Its editor writes beside the file first, which may be seen as well.
        #expect(after.change >= 20 && after.pending == 0 && after.reloads == 1)
        #expect(await home.get(after.port)?.hasPrefix("v20") == true)
        // Whatever comes late would be a second one.
        home.edit(text: "by hand")
        let last = try await home.until { $0.change > after.change && $0.pending == 0 && $0.health == .healthy }
        #expect(last.reloads == 2)
        // Its next hook tells it, once, and nothing else was said meanwhile.
        _ = try await hears(home, "editor", "Development server plain (port \(first.port ?? 0)) reloaded at change")
      }
    }
  }

  @Test func `a session that breaks the server hears its last lines, and one that did not hears nothing`() async throws
  {
    try await TestHome.withServers(agent: Checkout.claude, slots: 2) { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        _ = try await home.session(
          "new", "apart", "--permission-mode", "bypassPermissions", "--prompt", "say: hello", "--wait")
        _ = try await home.session(
          "new", "breaker", "--here", "--permission-mode", "bypassPermissions", "--prompt",
          "edit server/plain.py: raise SystemExit('no such table') then say: done", "--wait")
        let failed = try await home.until { $0.health == .failed }
        #expect(failed.lines.contains { $0.contains("no such table") })
        // Tried again meanwhile, and told once.
        try await home.until { $0.reloads >= 3 }
        let told = try await hears(home, "breaker", "Development server")
        _ = try await home.session("send", "apart", "say: heard", "--wait")
        #expect(told.contains("did not come up at change ") && told.contains("(exit 1)"))
        #expect(told.contains("> no such table"))
        let notices: [NoticeObject] = try await home.json("inbox", "--all", "--session", "breaker")
        #expect(notices.filter { $0.kind == "dev" }.count == 1, "\(notices.map(\.text))")
        #expect(try await !transcript(home, "apart").contains("Development server"))
      }
    }
  }

  @Test func `a session asks how the server is, and has its change loaded in its own turn`() async throws {
    try await TestHome.withServers(agent: Checkout.claude) { home in
      try await home.serving("--name", "api", "--", "python3", "plain.py") { _ in
        let first = try await home.until { $0.health == .healthy }
        let done = try await home.session(
          "new", "asker", "--here", "--permission-mode", "bypassPermissions", "--prompt",
          #"bash: sed -i s/^TEXT.*/TEXT=\"two\"/ server/plain.py then tool mcp__apus__dev_status {} then "#
            + #"tool mcp__apus__dev_reload {"name": "api"} then bash: python3 -c "import urllib.request as u; "#
            + #"print('GOT', u.urlopen('http://127.0.0.1:\#(first.port ?? 0)').read())" then say: done"#, "--wait")
        #expect(done.result == "done")
        let told = try await transcript(home, "asker")
        #expect(told.contains("api on port \(first.port ?? 0): healthy"))
        #expect(told.contains("asker (\(done.id)) is in a turn"))
        #expect(told.contains("GOT b'two "))
        let after = try await home.until { $0.pending == 0 && $0.reloads == 1 }
        #expect(after.holds.isEmpty)
      }
    }
  }

  @Test func `a plain claude with our hooks holds as well, until its turn or its process is over`() async throws {
    try await TestHome.withServers(agent: Checkout.claude) { home in
      let command = #"[ -n \"$APUS_RUN\" ] || exec '\#(Checkout.programs)/apus' hook"#
      func hook(_ more: String) -> String { #"[{"hooks":[{"type":"command","command":"\#(command)"\#(more)}]}]"# }
      let hooks = home.root + "/hooks.json"
      TestHome.write(
        #"{"hooks":{"SessionStart":\#(hook("")),"UserPromptSubmit":\#(hook("")),"PreToolUse":\#(hook(#","timeout":60"#)),"#
          + #""Stop":\#(hook("")),"SessionEnd":\#(hook(""))}}"#, to: hooks)
      try await home.serving("--", "python3", "plain.py") { _ in
        let claude = try Running(
          [
            Checkout.claude, "-p", "--permission-mode", "bypassPermissions", "--settings", hooks, "--output-format",
            "stream-json", "--verbose",
            #"bash: sed -i s/^TEXT.*/TEXT=\"two\"/ server/plain.py then wait 60 then say: never"#,
          ], environment: home.environment, directory: home.work)
        await claude.closeInput()
        let held = try await home.until { $0.pending > 0 && !$0.holds.isEmpty }
        #expect(held.holds[0].reason == .turn && held.holds[0].name.hasPrefix("claude-") && held.reloads == 0)
        let before = Stopwatch()
        claude.kill()
        let after = try await home.until { $0.reloads == 1 && $0.holds.isEmpty }
        #expect(before.isWithin(2_000) && after.pending == 0, "\(before.elapsed) ms")
        await claude.release()
      }
    }
  }
}
