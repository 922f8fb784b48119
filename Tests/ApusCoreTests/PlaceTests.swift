import ApusCore
import Testing

@Suite("places: names, paths, ports, what may go") struct PlaceTests {
  // MARK: branches

  @Test func `a branch is called by its day, or by its kind in the repository's own pattern`() {
    func name(_ kind: Place.Kind?, _ patterns: [String: String] = [:]) -> String {
      BranchName.of("add-auth", kind: kind, date: "20251025", patterns: patterns)
    }
    #expect(name(nil) == "session-20251025-add-auth")
    #expect(
      Place.Kind.allCases.map { name($0) } == [
        "feature/add-auth", "fix/add-auth", "hotfix/add-auth", "experiment/add-auth", "docs/add-auth",
      ])
    #expect(name(.bug, ["bug": "bugs/{date}/{name}", "docs": "x/{name}"]) == "bugs/20251025/add-auth")
  }

  // MARK: components

  @Test(arguments: [
    (["server/"], "server/a.txt", true), (["server"], "server/a/b.txt", true), (["server/"], "server2/a.txt", false),
    (["server/"], "serve", false), (["README.md"], "README.md", true), (["."], "anything", true), ([], "a", false),
    (["ui/", "./docs/"], "docs/x", true), (["a/b/"], "a/c", false),
  ])
  func `a file is in a component or outside`(paths: [String], file: String, isIn: Bool) {
    #expect(Overlap.holds(paths, file) == isIn)
  }

  @Test(arguments: [
    (["server/"], ["ui/"], false), (["server/"], ["server/api/"], true), (["server/api"], ["server/"], true),
    (["serve"], ["server"], false), (["."], ["x/"], true), ([], ["x/"], false), (["a/", "b/"], ["c/", "b/d/"], true),
  ])
  func `components meet where one holds a path of the other`(one: [String], other: [String], meet: Bool) {
    #expect(Overlap.meet(one, other) == meet)
    #expect(Overlap.meet(other, one) == meet)
  }

  // MARK: removing

  @Test func `each obstacle is overruled by its own flag and by no other`() {
    var seen = Removal.Seen()
    seen.living = ["run 1 is live"]
    seen.uncommitted = ["a", "b", "c", "d"]
    seen.untracked = ["e"]
    seen.unpushed = 2
    #expect(Removal.decide(seen, overruled: []).map(\.obstacle) == [.live, .uncommitted, .untracked, .unpushed])
    for obstacle in Removal.Obstacle.allCases {
      let left = Removal.decide(seen, overruled: [obstacle]).map(\.obstacle)
      #expect(left == Removal.Obstacle.allCases.filter { $0 != obstacle })
    }
    #expect(Removal.decide(seen, overruled: Set(Removal.Obstacle.allCases)).isEmpty)
    #expect(Removal.decide(Removal.Seen(), overruled: []).isEmpty)
    let refusal = Removal.refusal("x", Removal.decide(seen, overruled: [.live]))
    #expect(refusal.code == .workUnsaved)
    #expect(refusal.summary.contains("4 uncommitted files (a, b, c, …), 1 untracked file (e), 2 commits not pushed"))
    #expect(refusal.hint?.contains("--discard-uncommitted --discard-unpushed") == true)
  }

  // MARK: ports

  @Test func `the preferred port comes first, then the next, each once, and none that cannot be had`() {
    let choice = PortChoice(ephemeral: 32768...60999, reserved: [3002])
    let all = Array(choice.candidates(preferred: 3000))
    #expect(all.prefix(3) == [3000, 3001, 3003])
    #expect(Set(all).count == all.count)
    #expect(all.contains(1024) && all.contains(2999) && all.contains(65535))
    for never in [80, 1023, 2049, 3002, 6000, 6667, 10080, 32768, 40000, 60999] { #expect(!all.contains(never)) }
    #expect(Array(choice.candidates(preferred: 80)).first == 1024)
    #expect(Array(choice.candidates(preferred: 40000)).first == 61000)
    #expect(Array(choice.candidates(preferred: 65535)).prefix(2) == [65535, 1024])
  }

  // MARK: what an agent is told

  @Test func `an agent is told of its branch, component, ports and neighbours`() {
    var place = Place(repository: "/r/.git", checkout: "/r")
    place.branch = "feature/x"
    place.base = "main"
    place.component = "server"
    place.paths = ["src/server/"]
    place.ports = ["PORT": 3001, "DB_PORT": 5433]
    let alone = OpeningContext.text("x", place, neighbours: [])
    for told in ["feature/x", "main", "server: src/server/", "DB_PORT=5433, PORT=3001", "Nobody else"] {
      #expect(alone.contains(told), "\(told)")
    }
    let many = (0..<20).map {
      OpeningContext.Neighbour(name: "n\($0)", branch: "b\($0)", component: $0 == 0 ? "ui" : nil, paths: [])
    }
    let crowded = OpeningContext.text("x", place, neighbours: many)
    #expect(crowded.contains("n0 on b0 in ui; n1 on b1"))
    #expect(crowded.contains("and 8 more"))
    #expect(!crowded.contains("n12 "))
  }

  @Test func `a record of a place keeps what it has, and an older one still loads`() throws {
    var place = Place(repository: "/r/.git", checkout: nil)
    place.ports = ["PORT": 3000]
    place.tests = Place.TestOutcome(passed: true, seconds: 1.5, tree: "abc")
    place.mergedAt = 12
    #expect(try JSONText.decode(Place.self, from: JSONText.encode(place)) == place)
    let old = try JSONText.decode(Place.self, from: Array(#"{"repository":"/r/.git"}"#.utf8))
    #expect(old == Place(repository: "/r/.git", checkout: nil))
  }
}
