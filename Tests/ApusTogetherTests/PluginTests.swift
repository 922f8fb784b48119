import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

@Suite("the plugin for all sessions") struct PluginTests {
  private struct Shown: Decodable {
    struct File: Decodable {
      var path: String
      var state: String
      var text: String?
    }
    struct Registered: Decodable, Equatable {
      var directory: String?
      var installed: Bool
      var enabled: Bool
    }
    var directory: String
    var files: [File]
    var registered: Registered?
  }

  private func claude(_ home: TestHome, _ arguments: String...) async -> Outcome {
    await Program.run([Checkout.claude] + arguments, environment: home.environment, directory: home.work)
  }

  private func plugin(_ home: TestHome) -> String { home.person + "/.local/share/apus/plugin" }

  /// What a plain run of the program says of itself as it begins, and all it says.
  private func plainRun(_ home: TestHome, extra: [String: String] = [:]) async throws -> (begin: JSON, all: String) {
    let outcome = await Program.run(
      [Checkout.claude, "-p", "--output-format", "stream-json", "--verbose", "bash: echo hi then say: done"],
      environment: home.environment.merging(extra) { $1 }, directory: home.work)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let lines = try outcome.output.split(separator: "\n").map { try JSONText.decode(JSON.self, from: Array($0.utf8)) }
    let begin = try #require(lines.first { $0["subtype"]?.string == "init" })
    #expect(lines.last?["result"]?.string == "done")
    return (begin, outcome.output)
  }

  @Test func `shown it changes nothing`() async throws {
    try await TestHome.with { home in
      for act in ["install", "uninstall", "show"] {
        let shown: Shown = try await home.json("plugin", act, "--print")
        #expect(shown.directory == plugin(home) && shown.files.count == 5 && shown.registered == nil)
        #expect(shown.files.allSatisfy { $0.state == "missing" && $0.text?.isEmpty == false })
      }
      let page = await home.apus("plugin", "install", "--print").output
      #expect(page.contains("hooks/hooks.json") && page.contains("lock_acquire"))
      #expect(Disk.everything(below: home.person).allSatisfy { $0.path == home.person } && home.processes().isEmpty)
    }
  }

  @Test func `installed twice it is there once, plain sessions have it, and it goes without a trace`() async throws {
    try await TestHome.withRepository(agent: Checkout.claude) { home in
      let before = await home.footprint()
      let first: Shown = try await home.json("plugin", "install")
      #expect(first.files.allSatisfy { $0.state == "created" })
      let whole = Shown.Registered(directory: plugin(home), installed: true, enabled: true)
      #expect(first.registered == whole)
      for path in [plugin(home), plugin(home) + "/apus"] {
        let checked = await claude(home, "plugin", "validate", "--strict", path)
        #expect(checked.status == 0, "\(checked.output)")
      }
      let written = Disk.everything(below: plugin(home)).map(\.path)
      let second: Shown = try await home.json("plugin", "install")
      #expect(second.files.allSatisfy { $0.state == "unchanged" } && second.registered == whole)
      #expect(Disk.everything(below: plugin(home)).map(\.path) == written)
      #expect(Disk.everything(below: home.person + "/.local/share/apus").count == written.count + 1)

      let (begin, _) = try await plainRun(home)
      let servers = begin["mcp_servers"]?.array ?? []
      #expect(
        servers.map { $0["name"]?.string } == ["plugin:apus:apus"] && servers.first?["status"]?.string == "connected")
      let tools = begin["tools"]?.array?.compactMap(\.string).filter { $0.hasPrefix("mcp__") } ?? []
      #expect(tools.count == 10 && tools.contains("mcp__plugin_apus_apus__lock_acquire"))
      #expect(begin["skills"]?.array?.contains(.string("apus:apus")) == true)
      // What Apus starts has ours already.
      let (inside, _) = try await plainRun(home, extra: ["APUS_RUN": home.apusHome + "/runs/none/1"])
      #expect(inside["tools"]?.array?.contains { $0.string?.hasPrefix("mcp__") == true } == false)

      let gone: Shown = try await home.json("plugin", "uninstall")
      #expect(gone.files.allSatisfy { $0.state == "removed" })
      #expect(gone.registered == Shown.Registered(directory: nil, installed: false, enabled: false))
      #expect(!Disk.isThere(home.person + "/.local/share/apus"))
      for path in Disk.everything(below: home.person + "/.claude").map(\.path) where path.contains("/plugins/") {
        #expect(
          !TestHome.text(path).contains("apus@") && !path.dropFirst(home.person.count).contains("/apus"), "\(path)")
      }
      #expect(!TestHome.text(home.person + "/.claude/settings.json").contains("apus"))
      let again: Shown = try await home.json("plugin", "uninstall")
      #expect(again.files.allSatisfy { $0.state == "missing" })
      #expect(try await plainRun(home).begin["mcp_servers"]?.array?.isEmpty == true)
      #expect(await home.footprint() == before)
    }
  }

  @Test func `plain sessions run its hooks, ours do not run them twice`() async throws {
    try await TestHome.with { home in
      let _: Shown = try await home.json("plugin", "install")
      // What each hook would run is written down in its place: the list is read where it lies.
      let path = plugin(home) + "/apus/hooks/hooks.json"
      let program = home.root + "/heard"
      TestHome.write("#!/bin/sh\necho \"$1 $(cat)\" >> \(home.root)/log\n", to: program)
      chmod(program, 0o755)
      let text = TestHome.text(path)
      let command = try #require(text.firstMatch(of: /exec '([^']+)' hook/)).1
      TestHome.write(text.replacing(String(command), with: program), to: path)
      _ = try await plainRun(home)
      let heard = TestHome.text(home.root + "/log")
      // Those it does not wait for may be cut off by the end of a run that prints (measured on 2.1.329).
      for event in ["SessionStart", "UserPromptSubmit", "PreToolUse", "SessionEnd"] {
        #expect(heard.contains("\"hook_event_name\":\"\(event)\""), "\(event)")
      }
      #expect(
        heard.split(separator: "\n").filter { $0.contains("\"SessionStart\"") }.allSatisfy { $0.hasPrefix("hook {") })
      unlink(home.root + "/log")
      _ = try await plainRun(home, extra: ["APUS_RUN": "/x/y/1"])
      #expect(TestHome.text(home.root + "/log").isEmpty)
      // A file somebody changed is put right.
      let mended: Shown = try await home.json("plugin", "install")
      #expect(mended.files.filter { $0.state == "changed" }.map(\.path) == ["apus/hooks/hooks.json"])
      #expect(TestHome.text(path) == text)
    }
  }

  @Test func `without the program, or where the name is taken, nothing is written`() async throws {
    try await TestHome.with { home in
      let (missing, code) = try await home.failure("plugin", "install", extra: ["APUS_CLAUDE": home.root + "/none"])
      #expect(missing.code == .agentMissing && code == 5 && missing.hint != nil)
      // One that accepts nothing.
      let refusing = home.root + "/claude"
      TestHome.write(
        "#!/bin/sh\n[ \"$2 $3\" = 'validate --strict' ] && { echo 'no good'; exit 1; }\necho '[]'\n", to: refusing)
      chmod(refusing, 0o755)
      let (refused, _) = try await home.failure("plugin", "install", extra: ["APUS_CLAUDE": refusing])
      #expect(refused.code == .agentError && refused.summary.contains("no good"))
      let other = home.root + "/other"
      mkdir(other, 0o755)
      mkdir(other + "/.claude-plugin", 0o755)
      TestHome.write(
        #"{"name":"apus","owner":{"name":"x"},"plugins":[]}"#, to: other + "/.claude-plugin/marketplace.json")
      #expect(await claude(home, "plugin", "marketplace", "add", other).status == 0)
      for act in ["install", "uninstall"] {
        let (taken, code) = try await home.failure("plugin", act)
        #expect(taken.code == .nameTaken && code == 4 && taken.summary.contains(other))
      }
      #expect(await claude(home, "plugin", "marketplace", "list", "--json").output.contains(other))
      #expect(Disk.everything(below: home.person + "/.local").filter { $0.path.contains("plugin") }.isEmpty)
    }
  }
}
