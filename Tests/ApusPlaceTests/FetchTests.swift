import ApusCore
import ApusTesting
import ApusWire
import Testing

/// Row C2: the base is fetched first, and a network that is down is in nobody's way.
@Suite struct FetchTests {
  /// A home whose repository has a remote, and another clone of that, as of a colleague.
  private func withColleague(_ body: (TestHome, _ origin: String, _ other: String) async throws -> Void) async throws {
    try await TestHome.withRepository { home in
      let (origin, other) = (home.root + "/origin.git", home.root + "/other")
      await home.git("clone", "--quiet", "--bare", home.work, origin)
      await home.git("remote", "add", "origin", origin)
      await home.git("fetch", "--quiet", "origin")
      await home.git("clone", "--quiet", origin, other)
      try await body(home, origin, other)
    }
  }

  private func speaksOfFetching(_ made: SessionObject) -> Bool {
    made.notes?.contains { $0.contains("could not be fetched") } == true
  }

  @Test func `a session begins at what the remote has by now, and main here stays where it is`() async throws {
    try await withColleague { home, _, other in
      let here = await home.git("rev-parse", "main")
      let theirs = await home.commit("ui/b.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", directory: other)
      let made = try await home.session("new", "one")
      #expect(try await home.head(of: made) == theirs)
      #expect(await home.git("rev-parse", "main") == here)
      #expect(made.notes?.first == "\(try #require(made.branch)) begins at main, \(theirs.prefix(10))")
      #expect(!speaksOfFetching(made))
      let rows: [SessionObject] = try await home.json("list")
      #expect(rows.first?.ahead == 0 && rows.first?.behind == 0)
    }
  }

  @Test func `a session begins at what is here where that is further on`() async throws {
    try await withColleague { home, _, _ in
      let here = await home.commit("ui/b.txt", "here\n", in: home.work)
      let made = try await home.session("new", "one")
      #expect(try await home.head(of: made) == here)
      #expect(made.notes?.contains { $0.contains("different ways") } == false)
    }
  }

  @Test func `where main here and at the remote have gone different ways it is told`() async throws {
    try await withColleague { home, _, other in
      await home.commit("ui/b.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", directory: other)
      let here = await home.commit("docs/c.md", "here\n", in: home.work)
      let made = try await home.session("new", "one")
      #expect(try await home.head(of: made) == here)
      #expect(
        made.notes?.contains("main and origin/main have gone different ways; this begins at the local one") == true)
    }
  }

  @Test func `a remote that is down is told, and it goes on from what is here`() async throws {
    try await TestHome.withRepository { home in
      await home.git("remote", "add", "origin", "/nonexistent")
      let made = try await home.session("new", "one")
      #expect(speaksOfFetching(made))
      #expect(try await home.head(of: made) == (await home.git("rev-parse", "main")))
      let told = await home.apus("new", "two")
      #expect(told.status == 0)
      #expect(told.errors.contains("note: origin could not be fetched"))
    }
  }

  @Test func `without a remote nothing is fetched`() async throws {
    try await TestHome.withRepository { home in
      let made = try await home.session("new", "one")
      #expect(!speaksOfFetching(made))
      #expect(made.notes?.contains { $0.contains("remote") } == false)
    }
  }

  @Test func `a base the remote has not is no trouble of the network`() async throws {
    try await withColleague { home, _, _ in
      await home.git("branch", "release")
      let made = try await home.session("new", "one", "--base", "release")
      #expect(made.base == "release")
      #expect(!speaksOfFetching(made), "\(made.notes ?? [])")
      await home.git("branch", "topic")
      #expect(!speaksOfFetching(try await home.session("new", "two", "--on", "topic")))
    }
  }

  @Test func `a base that is named as the remote's is fetched as well`() async throws {
    try await withColleague { home, _, other in
      let theirs = await home.commit("ui/b.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", directory: other)
      let made = try await home.session("new", "one", "--base", "origin/main")
      #expect(made.base == "main")
      #expect(try await home.head(of: made) == theirs)
    }
  }

  @Test func `a base a colleague pushed a moment ago is found`() async throws {
    try await withColleague { home, _, other in
      await home.git("switch", "--quiet", "--create", "release", directory: other)
      let theirs = await home.commit("ui/b.txt", "theirs\n", in: other)
      await home.git("push", "--quiet", "origin", "release", directory: other)
      let made = try await home.session("new", "one", "--base", "release")
      #expect(made.base == "release")
      #expect(try await home.head(of: made) == theirs)
      #expect(await home.git("branch", "--list", "release").isEmpty)
      try await home.leavesNothing(["new", "two", "--base", "nowhere"], .refInvalid)
    }
  }
}
