import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Rows C7, C11: what is looked for over branches, commits, work log and transcripts; the work log's own command.
@Suite struct FindTests {
  private func find(_ home: TestHome, _ text: String...) async throws -> [FoundObject] {
    let outcome = await home.run(["find", "--json"] + text)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try JSONText.decode([FoundObject].self, from: Array(outcome.output.utf8))
  }

  @Test func `a word is found in branches, commits, the work log, names and transcripts`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.session(
        "new", "walrus-pool", "--issue", "none", "--prompt", "say: the Walrus swims", "--wait")
      let b = try await home.session(
        "new", "b", "--kind", "bug", "--issue", "feed the walrus", "--prompt", "say: nothing", "--wait")
      await home.commit("ui/w.txt", "w\n", in: b.directory, message: "teach WALRUS to dive")
      await home.git("branch", "old/walrus")
      let found = try await find(home, "walrus")
      #expect(Set(found.map(\.kind)) == ["session", "branch", "commit", "work log", "transcript"])
      #expect(found.filter { $0.kind == "session" }.map(\.name) == ["walrus-pool"])
      let branches = found.filter { $0.kind == "branch" }
      #expect(Set(branches.map(\.name)) == ["old/walrus", a.branch ?? ""])
      #expect(branches.first { $0.name == a.branch }?.session == "walrus-pool")
      #expect(found.filter { $0.kind == "commit" }.map(\.text) == ["teach WALRUS to dive"])
      #expect(Set(found.filter { $0.kind == "work log" }.map(\.name)) == ["walrus-pool", "b"])
      let said = found.filter { $0.kind == "transcript" }
      #expect(said.map(\.name) == ["walrus-pool"])
      #expect(said.first?.text.contains("Walrus") == true)
      // Several words are one text; what is nowhere is said.
      #expect(try await find(home, "to", "dive").map(\.kind) == ["commit"])
      #expect(await home.apus("find", "no such thing").output == "Nothing found.\n")
      // It is text, not an expression.
      #expect(try await find(home, "W.LRUS").isEmpty)
    }
  }

  @Test func `without a text the branches, the open entries and the graph are shown`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a", "--component", "server")
      let b = try await home.quiet("b")
      await home.commit("server/new.txt", "new\n", in: a.directory, message: "add new")
      #expect(await home.apus("work-log", "b", "--status", "done").status == 0)
      let found = try await find(home)
      let branches = found.filter { $0.kind == "branch" }
      #expect(branches.map(\.name) == ["main", a.branch ?? "", b.branch ?? ""])
      #expect(branches.map(\.session) == [nil, "a", "b"])
      let open = found.filter { $0.kind == "work log" }
      #expect(open.map(\.name) == ["a"])
      #expect(open.first?.text == "\(a.branch ?? ""), server, IN PROGRESS")
      #expect(found.contains { $0.kind == "graph" && $0.text.contains("add new") })
      let outside = await home.apus("find", directory: home.root)
      #expect(outside.status == 1)
      #expect(outside.errors.contains("is in no git repository"))
    }
  }

  @Test func `the work log is moved by hand, and shows what is open`() async throws {
    try await TestHome.withRepository { home in
      let path = home.work + "/WORK_LOG.md"
      let a = try await home.quiet("a", "--eta", "3 hours", "--files", "server/a.txt,server/b.txt")
      _ = try await home.quiet("b")
      var entries: [WorkLog.Entry] = try await home.json("work-log")
      #expect(entries.map(\.title) == ["a", "b"])
      #expect(entries.first?.branch == a.branch)
      #expect(entries.first?.eta == "3 hours")
      #expect(entries.first?.files == ["server/a.txt", "server/b.txt"])
      for (word, status) in [("needs-review", "NEEDS REVIEW"), ("blocked", "BLOCKED"), ("in-progress", "IN PROGRESS")] {
        let before = TestHome.text(path)
        #expect(await home.apus("work-log", "a", "--status", word).status == 0)
        entries = try await home.json("work-log")
        #expect(entries.map(\.status) == [status, "IN PROGRESS"])
        #expect(TestHome.text(path) != before)
      }
      #expect(await home.apus("work-log", "a", "--status", "done").status == 0)
      entries = try await home.json("work-log")
      #expect(entries.map(\.title) == ["b"])
      #expect(await home.apus("work-log", "a").status == 2)
      #expect(await home.apus("work-log", "--status", "done").status == 2)
      #expect(await home.apus("work-log", "a", "--status", "perhaps").status == 2)
      // Nobody's to commit.
      #expect(await home.status().isEmpty)
    }
  }

  @Test func `a removal and an undo are told in the work log`() async throws {
    try await TestHome.withRepository { home in
      let path = home.work + "/WORK_LOG.md"
      _ = try await home.quiet("a")
      #expect(await home.apus("remove", "a").status == 0)
      let text = TestHome.text(path)
      #expect(text.contains("- **Status**: BLOCKED"))
      let kept = try #require(try await home.rescues().first)
      #expect(text.contains("kept as `\(kept.id)`"))
    }
  }
}
