import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C10: two approaches side by side; then one is kept.
@Suite struct CompareTests {
  private func compare(_ home: TestHome, _ more: String...) async throws -> [String: ComparedObject] {
    let outcome = await home.run(["compare", "a", "b", "--json"] + more)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let all = try JSONText.decode([ComparedObject].self, from: Array(outcome.output.utf8))
    #expect(all.map(\.name) == ["a", "b"])
    return Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
  }

  @Test func `two approaches are compared by commits, lines, files and conflicts`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      await home.commit("shared.txt", "one\na\nb\nc\nthree\n", in: a.directory)
      await home.commit("server/new.txt", "1\n2\n", in: a.directory)
      await home.commit("shared.txt", "one\n", in: b.directory)
      TestHome.write("changed\n", to: b.directory + "/ui/b.txt")
      TestHome.write("loose\n", to: b.directory + "/loose.txt")
      // What the base did since is neither's work.
      await home.commit("docs/base.md", "base\n", in: home.work)
      let found = try await compare(home)
      let (one, two) = (try #require(found["a"]), try #require(found["b"]))
      #expect((one.commits, one.added, one.removed) == (2, 5, 1))
      #expect(one.files == ["server/new.txt", "shared.txt"])
      #expect((two.commits, two.added, two.removed) == (1, 1, 3))
      #expect(two.files == ["loose.txt", "shared.txt", "ui/b.txt"])
      #expect(one.conflicts == ["b"])
      #expect(two.conflicts == ["a"])
      #expect(one.branch == a.branch)
      #expect(one.testsPassed == nil)
      let table = await home.apus("compare", "a", "b")
      #expect(table.output.contains("+5 −1"))
      #expect(table.output.contains("not run"))
      #expect(await home.apus("compare", "a").status == 2)
      #expect(await home.apus("compare", "a", "nobody").status == 3)
    }
  }

  @Test func `an outcome of the tests holds for the tree it was had on, and for no other`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "test ! -e broken.txt"}"#) { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      await home.commit("broken.txt", "x\n", in: b.directory)
      var found = try await compare(home, "--test")
      #expect(found["a"]?.testsPassed == true)
      #expect(found["b"]?.testsPassed == false)
      found = try await compare(home)
      #expect(found["a"]?.testsPassed == true)
      #expect(found["b"]?.testsPassed == false)
      // Not committed, or committed: it is another tree.
      TestHome.write("changed\n", to: a.directory + "/ui/b.txt")
      await home.git("rm", "--quiet", "broken.txt", directory: b.directory)
      await home.git("commit", "--quiet", "--amend", "--allow-empty", "-m", "mended", directory: b.directory)
      found = try await compare(home)
      #expect(found["a"]?.testsPassed == nil)
      #expect(found["b"]?.testsPassed == nil)
      found = try await compare(home, "--test")
      #expect(found["b"]?.testsPassed == true)
    }
  }

  @Test func `keeping one archives the others, and deletes nothing of theirs`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      let c = try await home.quiet("c")
      let tip = await home.commit("shared.txt", "b\n", in: b.directory)
      TestHome.write("loose\n", to: b.directory + "/loose.txt")
      let before = await home.footprint()
      #expect(await home.apus("keep", "a", "--over", "b", "c").output == "b is archived\nc is archived\n")
      #expect(await home.footprint() == before)
      #expect(await home.head(b.directory) == tip)
      #expect(TestHome.text(b.directory + "/loose.txt") == "loose\n")
      let left: [SessionObject] = try await home.json("list")
      #expect(left.map(\.name) == ["a"])
      #expect(try await home.problems().isEmpty)
      // Removing one of them is as careful as ever.
      #expect(await home.apus("remove", b.id).status == 4)
      #expect(await home.apus("remove", c.id).status == 0)
      #expect(!Disk.isThere(c.directory))
      #expect(try await home.problems().isEmpty)
      #expect(Disk.isThere(a.directory))
    }
  }

  @Test func `a live session is not archived for another, and then none is`() async throws {
    try await TestHome.withRepository { home in
      for name in ["a", "b"] { _ = try await home.quiet(name) }
      _ = try await home.session("new", "c")
      let (failure, code) = try await home.failure("keep", "a", "--over", "b", "c")
      #expect(code == 4)
      #expect(failure.code == .sessionLive)
      #expect(failure.hint == "stop it first: `apus stop c`")
      #expect(try await home.session("show", "b").state != .archived)
      #expect(await home.apus("keep", "a", "--over", "a").status == 2)
      #expect(await home.apus("keep", "a").status == 2)
      #expect(await home.apus("keep", "c", "--over", "b").status == 0)
    }
  }
}
