import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C9: which sessions would conflict if they were merged now, without anything being touched.
@Suite struct ConflictsTests {
  private func conflicts(_ home: TestHome) async throws -> [String: [String]] {
    let reply: ConflictsReply = try await home.json("conflicts")
    return Dictionary(
      uniqueKeysWithValues: reply.conflicts.map {
        ($0.between.joined(separator: " × ") + ($0.withBase ? " (base)" : ""), $0.files)
      })
  }

  @Test func `three sessions are six pairs, those with their base among them`() async throws {
    try await TestHome.withRepository { home in
      for name in ["a", "b", "c"] { _ = try await home.quiet(name) }
      let reply: ConflictsReply = try await home.json("conflicts")
      #expect(reply == ConflictsReply(pairs: 6, conflicts: []))
      #expect(await home.apus("conflicts").output == "No conflicts among 6 pairs.\n")
    }
  }

  @Test func `sessions that changed the same lines conflict pair by pair, and with a base that changed them`()
    async throws
  {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      let c = try await home.quiet("c")
      await home.commit("shared.txt", "one\na\nthree\n", in: a.directory)
      await home.commit("ui/b.txt", "a\n", in: a.directory)
      await home.commit("shared.txt", "one\nb\nthree\n", in: b.directory)
      await home.commit("ui/b.txt", "b\n", in: b.directory)
      await home.commit("server/a.txt", "c\n", in: c.directory)
      #expect(try await conflicts(home) == ["a × b": ["shared.txt", "ui/b.txt"]])
      await home.commit("server/a.txt", "base\n", in: home.work)
      #expect(try await conflicts(home) == ["a × b": ["shared.txt", "ui/b.txt"], "c × main (base)": ["server/a.txt"]])
      let rows: [SessionObject] = try await home.json("list")
      #expect(
        Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.conflicts) }) == [
          "a": ["b"], "b": ["a"], "c": ["main"],
        ])
      let said = await home.apus("conflicts")
      #expect(said.output == "⚠ a × b\n    shared.txt\n    ui/b.txt\n⚠ c × main (its base)\n    server/a.txt\n")
    }
  }

  @Test func `what is not committed counts, and so does what git does not know yet`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      TestHome.write("one\na\nthree\n", to: a.directory + "/shared.txt")
      TestHome.write("one\nb\nthree\n", to: b.directory + "/shared.txt")
      #expect(try await conflicts(home) == ["a × b": ["shared.txt"]])
      for (made, name) in [(a, "a"), (b, "b")] { TestHome.write(name + "\n", to: made.directory + "/ui/loose.txt") }
      #expect(try await conflicts(home) == ["a × b": ["shared.txt", "ui/loose.txt"]])
      // Ignored files are nobody's work.
      for (made, name) in [(a, "a"), (b, "b")] { TestHome.write(name + "\n", to: made.directory + "/x.log") }
      await home.git("checkout", "--quiet", "--", "shared.txt", directory: b.directory)
      #expect(try await conflicts(home) == ["a × b": ["ui/loose.txt"]])
    }
  }

  @Test func `a change of the same length in the same second as a commit is seen`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      await home.commit("shared.txt", "one\nBBB\nthree\n", in: b.directory)
      #expect(await home.changeAtOnce("shared.txt", "one\nAAA\nthree\n", in: a.directory))
      #expect(try await conflicts(home) == ["a × b": ["shared.txt"]])
    }
  }

  @Test func `what is merged conflicts with nobody any more`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      await home.commit("shared.txt", "one\na\nthree\n", in: a.directory)
      await home.commit("shared.txt", "one\nb\nthree\n", in: b.directory)
      #expect(try await conflicts(home) == ["a × b": ["shared.txt"]])
      #expect(await home.apus("merge", "a").status == 0)
      #expect(try await conflicts(home) == ["b × main (base)": ["shared.txt"]])
      #expect(await home.apus("sync", "b").status == 4)
      TestHome.write("one\nboth\nthree\n", to: b.directory + "/shared.txt")
      await home.git("add", "shared.txt", directory: b.directory)
      #expect(await home.apus("sync", "b", "--continue").status == 0)
      #expect(try await conflicts(home).isEmpty)
      #expect(await home.apus("merge", "b").status == 0)
      let reply: ConflictsReply = try await home.json("conflicts")
      #expect(reply == ConflictsReply(pairs: 0, conflicts: []))
    }
  }

  @Test func `computing conflicts writes nothing into the repository or a worktree`() async throws {
    try await TestHome.withRepository { home in
      let a = try await home.quiet("a")
      let b = try await home.quiet("b")
      await home.commit("shared.txt", "one\na\nthree\n", in: a.directory)
      await home.commit("server/b.txt", "b\n", in: b.directory)
      TestHome.write("one\nb\nthree\n", to: b.directory + "/shared.txt")
      TestHome.write("loose\n", to: b.directory + "/loose.txt")
      // As after a checkout: git would like to write down that the file is the same.
      Disk.age(a.directory + "/server/a.txt", days: 1)
      var before: [String] = []
      for directory in [home.work, a.directory, b.directory] { before.append(await home.listing(directory)) }
      #expect(try await conflicts(home) == ["a × b": ["shared.txt"]])
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.allSatisfy { $0.conflicts?.count == 1 })
      var after: [String] = []
      for directory in [home.work, a.directory, b.directory] { after.append(await home.listing(directory)) }
      #expect(after == before)
      #expect(Disk.everything(below: home.apusHome + "/scratch").count <= 1)
    }
  }
}
