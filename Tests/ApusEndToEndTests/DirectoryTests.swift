import ApusAgents
import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Whatever a directory is called, its session is found on disk where Claude Code really wrote it, and goes on there.
@Suite struct DirectoryTests {
  /// A directory of a test: what it stands for, and where it is.
  private struct Place {
    var what: String
    var path: String
  }

  @Test func `every kind of directory is resumable where claude wrote, and resumes`() async throws {
    try await TestHome.with { home in
      let places = try await makePlaces(home)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, place) in places.enumerated() {
          if index >= 3 { try await group.next() }
          group.addTask { try await flight(home, place, name: "place-\(index)") }
        }
        try await group.waitForAll()
      }
      let all = try await home.json("list", directory: "/")
      #expect(all.array?.count == places.count)
    }
  }

  private func flight(_ home: TestHome, _ place: Place, name: String) async throws {
    // A shell says in PWD by which name its user came here.
    let made = try await home.session(
      "new", name, "--here", "--prompt", "say: first \(name)", "--wait", extra: ["PWD": place.path],
      directory: place.path)
    #expect(made.result == "first \(name)", "\(place.what)")
    #expect(Array(made.directory.utf8) == Array(place.path.utf8), "\(place.what)")
    let stopped = try await home.session("show", name)
    let path = try expectSound(home, stopped.verdict, place, made)
    #expect(await home.apus("stop", name).status == 0)
    let bytes = Disk.size(path)
    try expectSound(home, try await home.verdict(name), place, made)

    let resumed = try await home.session("resume", name, "say: second \(name)", "--wait", directory: "/")
    #expect(resumed.result == "second \(name)", "\(place.what)")
    #expect(resumed.conversationID == made.conversationID)
    #expect(Array(resumed.directory.utf8) == Array(place.path.utf8), "\(place.what)")
    #expect(try expectSound(home, resumed.verdict, place, made) == path, "\(place.what): another file")
    #expect(Disk.size(path) > bytes, "\(place.what): the same file went on")
    #expect(await home.apus("stop", name).status == 0)
  }

  @discardableResult
  private func expectSound(
    _ home: TestHome, _ verdict: Verdict, _ place: Place, _ session: SessionObject
  ) throws -> String {
    #expect(verdict.resumable, "\(place.what): \(String(describing: verdict.reason))")
    #expect(verdict.warnings == [], "\(place.what)")
    let path = try #require(verdict.path, "\(place.what)")
    let slug = ClaudePlaces.slug(realPath: Disk.realPath(place.path))
    let guess = "\(home.claudeDirectory)/projects/\(slug)/\(session.conversationID).jsonl"
    #expect(Array(path.utf8) == Array(guess.utf8), "\(place.what)")
    #expect(Disk.size(path) > 100, "\(place.what)")
    let written = String(decoding: Disk.bytes(path), as: UTF8.self)
    #expect(written.contains("first \(session.name)"), "\(place.what)")
    return path
  }

  private func makePlaces(_ home: TestHome) async throws -> [Place] {
    var places = [
      Place(what: "underscore", path: "under_score"), Place(what: "dot", path: "dotted.name"),
      Place(what: "space", path: "with a space"), Place(what: "composed é", path: "caf\u{E9}"),
      Place(what: "decomposed é", path: "cafe\u{301}"), Place(what: "Japanese", path: "日本"),
      Place(what: "emoji", path: "x🙂y"), Place(what: "upper case", path: "UPPER Case"),
    ].map { Place(what: $0.what, path: home.work + "/" + $0.path) }
    for units in [200, 201, 412] { places.append(Place(what: "\(units) units", path: long(home.work, units, "p"))) }
    places.append(Place(what: "201 units with emoji", path: long(home.work, 201, "🙂")))
    for place in places { Disk.makeDirectory(place.path) }
    Disk.makeDirectory(home.work + "/real")
    symlink(home.work + "/real", home.work + "/link")
    places.append(Place(what: "symlink", path: home.work + "/link"))
    let git = await home.shell(
      """
      git init -q -b main repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first \
        && git worktree add -q ../tree.1 -b side
      """)
    try #require(git.status == 0, "\(git.errors)")
    places.append(Place(what: "git worktree", path: home.work + "/tree.1"))
    return places
  }

  /// A path of exactly so many UTF-16 units, its parts no longer than a file system takes.
  private func long(_ base: String, _ units: Int, _ letter: String) -> String {
    var path = base
    while path.utf16.count < units {
      path += "/"
      var part = 0
      while path.utf16.count < units, part < 50 || units - path.utf16.count < 3 {
        let left = units - path.utf16.count
        path += left >= letter.utf16.count ? letter : "p"
        part += 1
      }
    }
    return path
  }
}
