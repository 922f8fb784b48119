import ApusTestKit
import Testing

@testable import ApusAgents

@Suite("where Claude Code keeps transcripts") struct ClaudePlacesTests {
  /// Measured on 2.1.329 (real-cli §3).
  @Test(arguments: [
    ("/srv/demo/p3/a_b", "-srv-demo-p3-a-b"), ("/srv/demo/p3/a-b", "-srv-demo-p3-a-b"),
    ("/srv/demo/p3/v1.2/.hidden", "-srv-demo-p3-v1-2--hidden"), ("/srv/demo/p3/with space", "-srv-demo-p3-with-space"),
    ("/srv/demo/p3/caf\u{E9}", "-srv-demo-p3-caf-"), ("/srv/demo/p3/cafe\u{301}x", "-srv-demo-p3-cafe-x"),
    ("/srv/demo/p3/日本", "-srv-demo-p3---"), ("/srv/demo/p3/x😀y", "-srv-demo-p3-x--y"),
    ("/srv/demo/p3/UPPER/CamelCase", "-srv-demo-p3-UPPER-CamelCase"), ("/srv/demo/p3/real", "-srv-demo-p3-real"),
    ("/srv/demo/p3/wt/feat", "-srv-demo-p3-wt-feat"), ("/repo/.claude/worktrees/x", "-repo--claude-worktrees-x"),
    ("/", "-"),
  ])
  func `a directory's name is made of its path`(_ path: String, _ name: String) {
    #expect(ClaudePlaces.slug(realPath: path) == name)
  }

  private func path(_ length: Int) -> String { "/srv/demo/p3/" + String(repeating: "d", count: length - 13) }

  @Test func `two hundred units are the most that is kept whole`() {
    let whole = ClaudePlaces.slug(realPath: path(200))
    #expect(whole.count == 200 && whole.hasPrefix("-srv-demo-p3-ddd"))
  }

  @Test(arguments: [201, 202, 230, 412, 4_000]) func `a longer path ends in a hash of all of it`(_ length: Int) {
    let name = ClaudePlaces.slug(realPath: path(length))
    #expect(name.prefix(201) == ClaudePlaces.slug(realPath: path(200)) + "-")
    let hash = name.dropFirst(201)
    #expect((1...6).contains(hash.count))
    #expect(hash.allSatisfy { ("0"..."9").contains($0) || ("a"..."z").contains($0) })
    #expect(name != ClaudePlaces.slug(realPath: path(length + 1)))
  }

  @Test func `the hash is of the path, not of the name`() {
    let slash = ClaudePlaces.slug(realPath: path(201) + "/x")
    let dash = ClaudePlaces.slug(realPath: path(201) + "-x")
    #expect(slash.prefix(201) == dash.prefix(201) && slash != dash)
    // Worked out by hand: h = h·31 + unit over 32 bits, its magnitude in base 36.
    #expect(ClaudePlaces.slug(realPath: path(201)).hasSuffix("-ns3h7r"))
  }

  @Test func `units are counted, not letters`() {
    let name = ClaudePlaces.slug(realPath: "/" + String(repeating: "😀", count: 100))
    #expect(name.hasPrefix(String(repeating: "-", count: 201)) && name.count > 201)
    #expect(ClaudePlaces.slug(realPath: "/" + String(repeating: "😀", count: 99)) == String(repeating: "-", count: 199))
  }

  @Test func `days to keep are the person's, else thirty`() throws {
    let place = try TemporaryDirectory()
    #expect(ClaudePlaces.retentionDays(configuration: place.path) == 30)
    for (text, days) in [
      (#"{"cleanupPeriodDays": 5}"#, 5), (#"{"cleanupPeriodDays": 99999}"#, 99_999), (#"{"cleanupPeriodDays": 0}"#, 30),
      (#"{"cleanupPeriodDays": -3}"#, 30), (#"{"cleanupPeriodDays": "5"}"#, 30), ("{}", 30), ("nonsense", 30), ("", 30),
      (#"{"cleanupPeriodDays": 9223372036854775807}"#, Int.max),
    ] {
      try place.write("settings.json", text)
      #expect(ClaudePlaces.retentionDays(configuration: place.path) == days, "\(text)")
    }
  }
}
