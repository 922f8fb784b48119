import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C12: git tells a file changed in the second it was written out, and no longer than before, by its content alone.
@Suite struct SameSecondTests {
  /// Changes `shared.txt` so that its size and all times git looks at stay those in the index.
  private func change(_ home: TestHome, _ worktree: String, _ word: String) async {
    await home.git("config", "core.trustctime", "false", directory: worktree)
    let done = await home.shell(
      "cp -p shared.txt '\(home.root)/times' && printf 'one\\n\(word)\\nthree\\n' > shared.txt"
        + " && touch -r '\(home.root)/times' shared.txt \"$(git rev-parse --git-path index)\"", directory: worktree)
    #expect(done.status == 0, "\(done.errors)")
  }

  @Test func `a change of the same second and size conflicts, and is kept when its place goes`() async throws {
    try await TestHome.withRepository { home in
      for (name, word) in [("one", "1wo"), ("two", "2wo")] {
        let made = try await home.session("new", name)
        await change(home, try #require(made.worktree), word)
      }
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.map(\.dirty) == [true, true])
      let found: ConflictsReply = try await home.json("conflicts")
      #expect(found.conflicts.map(\.files) == [["shared.txt"]])

      let refused = await home.apus("remove", "one", "--stop")
      #expect(refused.status == 4)
      #expect(await home.apus("remove", "one", "--stop", "--discard-uncommitted").status == 0)
      let kept = await home.git("for-each-ref", "--format=%(refname)", "refs/apus/rescue")
      #expect(await home.git("show", kept + ":shared.txt") == "one\n1wo\nthree")
    }
  }
}
