import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C12: what was kept goes by age alone, after a plan, and merged places only where nothing is lost.
@Suite struct GarbageTests {
  private let now = ["APUS_KEEP_DAYS": "0"]

  private func plan(_ home: TestHome, _ more: String...) async throws -> (items: [GarbageObject], status: Int32) {
    let outcome = await home.run(["gc", "--json"] + more)
    return (try JSONText.decode([GarbageObject].self, from: Array(outcome.output.utf8)), outcome.status)
  }

  @Test func `rescues go when they are old enough, and not before they were shown`() async throws {
    try await TestHome.withRepository(extra: now) { home in
      let made = try await home.quiet("a")
      await home.commit("server/new.txt", "new\n", in: made.directory)
      #expect(await home.apus("remove", "a", "--discard-unpushed").status == 0)
      let kept = try #require(try await home.rescues().first)
      #expect(try await plan(home, "--older-than", "1").items.isEmpty)
      let shown = try await plan(home)
      #expect(shown.status == 0)
      #expect(shown.items.filter { $0.kind == "rescue" }.map(\.what) == [kept.ref])
      #expect(shown.items.allSatisfy { $0.result == nil })
      #expect(await home.apus("gc").output.contains("Let it go: apus gc --yes"))
      #expect(await home.git("rev-parse", kept.ref) == kept.commit)
      let done = try await plan(home, "--yes")
      #expect(done.status == 0)
      #expect(done.items.allSatisfy { $0.result == "removed" })
      #expect(try await home.rescues().isEmpty)
      #expect(await home.git("for-each-ref", "refs/apus").isEmpty)
      #expect(await home.apus("undo").status == 3)
      #expect(await home.apus("gc").output == "Nothing is old enough to go.\n")
    }
  }

  @Test func `merged places go when nothing in them would be lost`() async throws {
    try await TestHome.withRepository(extra: now) { home in
      var made: [String: SessionObject] = [:]
      for name in ["clean", "dirty", "unmerged"] {
        let session = try await home.quiet(name)
        await home.commit("server/\(name).txt", "\(name)\n", in: session.directory)
        if name != "unmerged" { #expect(await home.apus("merge", name).status == 0) }
        made[name] = session
      }
      let alive = try await home.session("new", "alive")
      await home.commit("ui/alive.txt", "alive\n", in: alive.directory)
      #expect(await home.apus("merge", "alive").status == 0)
      let dirty = try #require(made["dirty"])
      TestHome.write("loose\n", to: dirty.directory + "/loose.txt")
      let places = try await plan(home).items.filter { $0.kind == "place" }.map(\.what)
      #expect(Set(places) == ["worktree and branch of clean", "worktree and branch of dirty"])
      let done = try await plan(home, "--yes")
      #expect(done.status == 1)
      let results = Dictionary(uniqueKeysWithValues: done.items.map { ($0.what, $0.result ?? "") })
      #expect(results["worktree and branch of clean"] == "removed")
      #expect(
        results["worktree and branch of dirty"]?.hasPrefix("kept: dirty has work that exists nowhere else") == true)
      #expect(TestHome.text(dirty.directory + "/loose.txt") == "loose\n")
      #expect(!Disk.isThere(try #require(made["clean"]).directory))
      #expect(Disk.isThere(try #require(made["unmerged"]).directory))
      #expect(Disk.isThere(alive.directory))
      #expect(try await home.session("show", "alive").pid == alive.pid)
    }
  }
}
