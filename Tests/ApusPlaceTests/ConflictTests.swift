import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Rows C9 and C10: who would conflict with whom, and approaches side by side.
@Suite struct ConflictTests {
  private func three(_ home: TestHome) async throws -> [String] {
    var places: [String] = []
    for name in ["a", "b", "c"] { places.append(try #require(try await home.session("new", name).worktree)) }
    return places
  }

  @Test func `pairs and bases are told with their files, what is not committed included`() async throws {
    try await TestHome.withRepository { home in
      let places = try await three(home)
      let none: ConflictsReply = try await home.json("conflicts")
      #expect((none.pairs, none.conflicts.count) == (6, 0))

      await home.commit("shared.txt", "one\nof a\nthree\n", in: places[0])
      TestHome.write("one\nof b\nthree\n", to: places[1] + "/shared.txt")
      TestHome.write("of b\n", to: places[1] + "/new.txt")
      TestHome.write("of c\n", to: places[2] + "/new.txt")
      let found: ConflictsReply = try await home.json("conflicts")
      #expect(
        found.conflicts == [
          ConflictObject(between: ["a", "b"], files: ["shared.txt"], withBase: false),
          ConflictObject(between: ["b", "c"], files: ["new.txt"], withBase: false),
        ])
      let rows: [SessionObject] = try await home.json("list")
      let marks = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.conflicts) })
      #expect(marks == ["a": ["b"], "b": ["a", "c"], "c": ["b"]])
      #expect(await home.apus("list").output.contains("⚠"))

      await home.commit("shared.txt", "one\nof the base\nthree\n", in: home.work)
      let based: ConflictsReply = try await home.json("conflicts")
      #expect(based.conflicts.contains(ConflictObject(between: ["a", "main"], files: ["shared.txt"], withBase: true)))

      // Seen from another repository there are none of these.
      let other = home.root + "/other"
      await home.makeRepository(other, settings: nil)
      let elsewhere: ConflictsReply = try await home.json("conflicts", directory: other)
      #expect(elsewhere.pairs == 0)
    }
  }

  @Test func `looking touches no worktree, index, ref or object`() async throws {
    try await TestHome.withRepository { home in
      let places = try await three(home)
      await home.commit("shared.txt", "one\nof a\nthree\n", in: places[0])
      TestHome.write("one\nof b\nthree\n", to: places[1] + "/shared.txt")
      TestHome.write("loose\n", to: places[2] + "/loose.txt")
      #expect(await home.apus("list").status == 0)
      func everything() async -> String {
        // Git says of objects it has that they are still wanted (their time); that is all it may do to them.
        let script = """
          find .git \(places.joined(separator: " ")) -path .git/objects -prune -o -printf '%p %T@ %s\\n' | sort
          find .git/objects -type f -printf '%p %s\\n' | sort
          find .git -name index -exec sha1sum {} +
          """
        return await Program.run(["/bin/sh", "-c", script], environment: home.environment, directory: home.work).output
      }
      let before = await everything()
      let found: ConflictsReply = try await home.json("conflicts")
      #expect(found.conflicts.count == 1)
      #expect(await home.apus("list").status == 0)
      let after = await everything()
      let other = Set(after.split(separator: "\n")).symmetricDifference(before.split(separator: "\n"))
      #expect(other.isEmpty, "\(other)")
      #expect(
        await Program.run(["/bin/ls", home.apusHome + "/scratch"], environment: home.environment, directory: "/").output
          .isEmpty)
    }
  }

  @Test func `two approaches are compared, and one is kept over the other`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "test ! -e ui/broken.txt"}"#) { home in
      let places = try await three(home)
      await home.commit("server/x.txt", "1\n2\n3\n", in: places[0])
      await home.commit("ui/broken.txt", "1\n", in: places[1])
      TestHome.write("loose\n", to: places[1] + "/loose.txt")
      let plain: [ComparedObject] = try await home.json("compare", "a", "b")
      #expect(plain.map(\.files) == [["server/x.txt"], ["loose.txt", "ui/broken.txt"]])
      #expect(plain.map(\.added) == [3, 1])
      #expect(plain.map(\.commits) == [1, 1])
      #expect(plain.allSatisfy { $0.testsPassed == nil })
      let tested: [ComparedObject] = try await home.json("compare", "a", "b", "--test")
      #expect(tested[0].testsPassed == true)
      let again: [ComparedObject] = try await home.json("compare", "a", "b")
      #expect(again[0].testsPassed == true)
      // An outcome says nothing of what came after it.
      await home.commit("server/y.txt", "y\n", in: places[0])
      let later: [ComparedObject] = try await home.json("compare", "a", "b")
      #expect(later[0].testsPassed == nil)
      #expect(await home.apus("compare", "a", "b").output.contains("not run"))

      let (refused, code) = try await home.failure("keep", "a", "--over", "b")
      #expect((refused.code, code) == (.sessionLive, 4))
      #expect(try await home.session("show", "b").state == .running)
      for name in ["b", "c"] { #expect(await home.apus("stop", name).status == 0) }
      #expect(await home.apus("keep", "a", "--over", "b", "c").status == 0)
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.map(\.name) == ["a"])
      #expect(Disk.isThere(places[1] + "/loose.txt"), "nothing is deleted")
    }
  }
}
