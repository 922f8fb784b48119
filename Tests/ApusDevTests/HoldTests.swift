import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Row A4 with the scripted agent: what holds a reload, how long, and who is told.
@Suite struct HoldTests {
  /// A session in this very checkout, in a turn until `path` exists.
  private func turn(_ home: TestHome, _ name: String, until path: String) async throws -> SessionObject {
    let session = try await home.session("new", name, "--here", "--prompt", "hush until \(path)")
    return session
  }

  @Test func `a turn holds every change until it is over, and then one reload loads them`() async throws {
    try await TestHome.withServers { home in
      let go = home.root + "/go"
      let ended = try await home.serving("--", "python3", "plain.py") { _ in
        let session = try await turn(home, "add-auth", until: go)
        let held = try await home.until { $0.holds.count == 1 }
        #expect(held.holds[0].reason == .turn && held.holds[0].id == session.id && held.holds[0].name == "add-auth")
        for text in ["two", "three", "four"] {
          home.edit(text: text)
          try await home.until { $0.pending > 0 && $0.change >= 1 }
        }
        TestHome.write("x", to: home.server + "/more.py")
        let waiting = try await home.until { $0.pending >= 2 }
        #expect(waiting.reloads == 0 && waiting.pid == held.pid)
        let shown = await home.apus("dev", "status", directory: home.server)
        #expect(shown.output.contains("add-auth (\(session.id)) is in a turn") && shown.output.contains("not loaded"))
        TestHome.write("", to: go)
        let after = try await home.until { $0.pending == 0 && $0.health == .healthy && $0.holds.isEmpty }
        #expect(after.reloads == 1)
        #expect(await home.get(after.port)?.hasPrefix("four") == true)
      }
      #expect(ended.errors.contains("add-auth") && ended.errors.contains("wait"))
    }
  }

  @Test func `a session that is killed in its turn holds nothing any more at once`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--settle", "100ms", "--", "python3", "plain.py") { _ in
        let session = try await turn(home, "doomed", until: home.root + "/never")
        try await home.until { $0.holds.count == 1 }
        home.edit(text: "two")
        try await home.until { $0.pending == 1 }
        let agent = try #require(try await home.session("show", session.id).pid)
        let before = Stopwatch()
        kill(Int32(agent), SIGKILL)
        let after = try await home.until { $0.reloads == 1 }
        // Seen from outside, through programs that are started to look; the goal itself is the benchmark's.
        #expect(before.isWithin(2_000), "\(before.elapsed) ms")
        #expect(after.holds.isEmpty)
      }
    }
  }

  @Test func `whoever works elsewhere holds nothing, and whoever works in the watched tree does`() async throws {
    try await TestHome.withServers { home in
      let go = home.root + "/go"
      try await home.serving("--", "python3", "plain.py") { _ in
        // In a worktree of its own.
        _ = try await home.session("new", "apart", "--prompt", "hush until \(go)")
        home.edit(text: "two")
        let reloaded = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(reloaded.holds.isEmpty)
        _ = try await turn(home, "here", until: go)
        let held = try await home.until { !$0.holds.isEmpty }
        #expect(held.holds.map(\.name) == ["here"])
        TestHome.write("", to: go)
        try await home.until { $0.holds.isEmpty }
      }
    }
  }

  @Test func `held as long as it may be a server is reloaded once, and it is said who was still at work`() async throws
  {
    try await TestHome.withServers { home in
      let go = home.root + "/go"
      let ended = try await home.serving("--max-hold", "700ms", "--", "python3", "plain.py") { _ in
        let session = try await turn(home, "busy", until: go)
        try await home.until { $0.holds.count == 1 }
        home.edit(text: "two")
        let forced = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(forced.last?.overdue.map(\.id) == [session.id])
        #expect(forced.lastWords?.contains("still at work: busy (\(session.id)) is in a turn") == true)
        TestHome.write("", to: go)
        try await home.until { $0.holds.isEmpty }
      }
      #expect(ended.errors.contains("still at work: busy"))
    }
  }

  @Test func `a person's hold lasts until it is released, or for its time`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--max-hold", "200ms", "--", "python3", "plain.py") { _ in
        let held = await home.apus("dev", "hold", "--note", "a demo is on", directory: home.server)
        #expect(held.status == 0 && held.output.contains("a demo is on, by a person"))
        home.edit(text: "two")
        let waiting = try await home.until { $0.pending == 1 }
        #expect(waiting.holds.map(\.reason) == [.asked])
        // Longer than any turn may hold it.
        home.edit(text: "three")
        let still = try await home.until { $0.change == 2 }
        #expect(still.reloads == 0)
        #expect(await home.apus("dev", "release", directory: home.server).status == 0)
        try await home.until { $0.reloads == 1 && $0.holds.isEmpty && $0.health == .healthy }
        #expect(await home.apus("dev", "hold", "--for", "300ms", directory: home.server).status == 0)
        home.edit(text: "four")
        let after = try await home.until { $0.reloads == 2 && $0.holds.isEmpty && $0.health == .healthy }
        #expect(await home.get(after.port)?.hasPrefix("four") == true)
      }
    }
  }

  @Test func `an edit outside of every turn holds until the tool is through`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        let session = try await home.session("new", "subagent", "--here")
        let run = "\(home.apusHome)/runs/\(session.id)/\(session.run)"
        func hook(_ event: String) async -> Outcome {
          let report =
            #"{"session_id": "\#(session.conversationID)", "hook_event_name": "\#(event)", "tool_name": "Edit","#
            + #" "tool_use_id": "t1", "cwd": "\#(home.work)", "tool_input": {"file_path": "\#(home.server)/plain.py","#
            + #" "old_string": "one", "new_string": "two"}}"#
          return await Program.run(
            [Checkout.programs + "/apus", "hook"], environment: home.environment.merging(["APUS_RUN": run]) { $1 },
            directory: home.work, input: report)
        }
        #expect(await hook("PreToolUse").status == 0)
        let held = try await home.until { $0.holds.map(\.reason) == [.edit] }
        #expect(held.holds[0].id == session.id)
        home.edit(text: "two")
        let waiting = try await home.until { $0.pending == 1 }
        #expect(waiting.reloads == 0)
        #expect(await hook("PostToolUse").status == 0)
        try await home.until { $0.reloads == 1 && $0.holds.isEmpty }
      }
    }
  }

  @Test func `what a session asked to be held is held no longer than it lives`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        let session = try await home.session("new", "asks", "--here")
        #expect(await home.apus("dev", "hold", "--session", "asks", "--note", "migrating").status == 0)
        let held = try await home.until { $0.holds.map(\.reason) == [.asked] }
        #expect(held.holds[0].id == session.id && held.holds[0].name == "migrating, by asks (\(session.id))")
        // Another session has no say in that.
        _ = try await home.session("new", "other", "--here")
        #expect(await home.apus("dev", "release", "--session", "other").status == 0)
        home.edit(text: "two")
        let waiting = try await home.until { $0.pending == 1 }
        #expect(waiting.holds.count == 1)
        kill(Int32(try #require(try await home.session("show", "asks").pid)), SIGKILL)
        try await home.until { $0.reloads == 1 && $0.holds.isEmpty && $0.health == .healthy }
      }
    }
  }

  @Test func `what git is in the middle of holds, and one reload follows`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        for (sign, name) in [("index.lock", "index.lock"), ("MERGE_HEAD", "merge"), ("rebase-merge", "rebase")] {
          let path = home.work + "/.git/" + sign
          if sign == "rebase-merge" { mkdir(path, 0o755) } else { TestHome.write("", to: path) }
          let before = try await home.until { $0.holds.map(\.name) == [name] }
          #expect(before.holds[0].reason == .vcs)
          home.edit(text: "in \(name)")
          let waiting = try await home.until { $0.pending == 1 }
          #expect(waiting.reloads == before.reloads)
          remove(path)
          try await home.until { $0.reloads == before.reloads + 1 && $0.holds.isEmpty && $0.health == .healthy }
        }
        // A real rebase that stops at a conflict.
        await home.git("commit", "-qam", "mine")
        await home.git("checkout", "-q", "-b", "other", "HEAD~1")
        home.edit(text: "theirs")
        await home.git("commit", "-qam", "theirs")
        _ = await Program.run(["/usr/bin/git", "rebase", "main"], environment: home.environment, directory: home.work)
        let stopped = try await home.until { $0.holds.map(\.name) == ["rebase"] }
        await home.git("rebase", "--abort")
        let after = try await home.until { $0.holds.isEmpty && $0.pending == 0 && $0.health == .healthy }
        #expect(after.reloads <= stopped.reloads + 1)
        #expect(await home.get(after.port)?.hasPrefix("theirs") == true)
      }
    }
  }

  @Test func `a reload that is asked for happens whoever is at work, and its answer says how it went`() async throws {
    try await TestHome.withServers { home in
      let go = home.root + "/go"
      try await home.serving("--", "python3", "plain.py") { _ in
        _ = try await turn(home, "busy", until: go)
        try await home.until { $0.holds.count == 1 }
        home.edit(text: "two")
        try await home.until { $0.pending == 1 }
        let asked = await home.apus("dev", "reload", directory: home.server)
        #expect(asked.status == 0 && asked.output.contains("reloaded at change 1, healthy"))
        TestHome.write("syntax error\n", to: home.server + "/plain.py")
        try await home.until { $0.pending == 1 }
        let failed = await home.apus("dev", "reload", directory: home.server)
        #expect(failed.status == 1 && failed.output.contains("SyntaxError") && failed.output.contains("exit 1"))
        TestHome.write("", to: go)
        try await home.until { $0.holds.isEmpty }
      }
    }
  }

  @Test func `what held when the daemon went holds on, until another says otherwise`() async throws {
    try await TestHome.withServers { home in
      let go = home.root + "/go"
      try await home.serving("--", "python3", "plain.py") { _ in
        _ = try await turn(home, "busy", until: go)
        let held = try await home.until { $0.holds.count == 1 }
        let daemon = try #require(home.daemon())
        Processes.signal(daemon, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
        home.edit(text: "two")
        let after = try await home.until { $0.id == held.id && $0.pending == 1 && $0.holds.map(\.name) == ["busy"] }
        #expect(after.reloads == 0)
        TestHome.write("", to: go)
        try await home.until { $0.reloads == 1 && $0.holds.isEmpty }
      }
    }
  }
}
