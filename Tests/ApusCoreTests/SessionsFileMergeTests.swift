import ApusCore
import ApusTestKit
import Testing

@Suite("sessions.md: what a foreign edit means") struct SessionsFileMergeTests {
  typealias Row = SessionsFile.Row
  typealias Hold = SessionsFile.Hold
  typealias Ours = SessionsFileMerge.Ours

  /// 2026-02-20T11:00:00Z.
  static let now = SessionsFileTests.ten + 3600
  private static func row(_ id: String, _ age: Double, _ editing: String...) -> Row {
    Row(id, started: now - 7200, lastActive: now - age, editing: editing)
  }
  private static func hold(_ id: String, _ age: Double, since: Double = 1000, note: String? = nil) -> Hold {
    Hold(id, note: note, since: now - max(age, since), lastUpdated: now - age)
  }
  private static func file(_ rows: [Row], _ locks: [String: Hold] = [:]) -> SessionsFile {
    .build(previous: nil, locks: locks.map { .init($0, $1) }, rows: rows)
  }
  private static func changes(
    _ base: SessionsFile, _ theirs: SessionsFile, _ ours: Ours = Ours(), earlier: [SessionsFile] = []
  ) -> [ForeignChange] {
    SessionsFileMerge(base: base, earlier: earlier, ours: ours, now: now).changes(in: theirs)
  }

  // MARK: by hand

  /// `0a0a` and `0b0b` are old-style, `c0de` is ours and holds what `mine` says.
  private static let standing = [row("0a0a", 600, "a.py"), row("0b0b", 1790), row("c0de", 9000, "x.py")]
  private static let text = file(standing, ["docker": hold("0a0a", 299, note: "api")]).render()
  private static let update = "2026-02-20T11:00:00Z"
  private static let claim =
    "- **Status:** IN_PROGRESS\n- **Claimed by:** 0b0b\n- **Error:** Type error\n"
    + "- **Since:** \(update)\n- **Last updated:** \(update)"

  private typealias Edit = (old: String, new: String, mine: [String: String], changes: [ForeignChange])
  private static let edits: [Edit] = [
    (
      "x.py |\n", "x.py |\n| 0d0d | \(update) | \(update) | - |\n", [:],
      [.registered(id: "0d0d", started: now, lastActive: now)]
    ),
    (
      "x.py |\n", "x.py |\n| 0d0d | - | \(update) | b.py, c.py |\n", [:],
      [.registered(id: "0d0d", started: now, lastActive: now), .editing(id: "0d0d", paths: ["b.py", "c.py"])]
    ),
    (
      "x.py |\n", "x.py |\n| 0d0d | - | 2027-01-01T00:00:00Z | - |\n", [:],
      [.registered(id: "0d0d", started: now, lastActive: now)]
    ),
    ("10:50:00Z | a.py", "11:00:00Z | a.py", [:], [.touched(id: "0a0a", lastActive: now)]),
    (
      "10:50:00Z | a.py", "10:59:00Z | a.py, b.py", [:],
      [.touched(id: "0a0a", lastActive: now - 60), .editing(id: "0a0a", paths: ["a.py", "b.py"])]
    ),
    ("| a.py", "| -", [:], [.editing(id: "0a0a", paths: [])]),
    ("10:50:00Z | a.py", "10:00:00Z | b.py", [:], [.editing(id: "0a0a", paths: ["b.py"])]),
    ("| 0b0b | 2026-02-20T09:00:00Z | 2026-02-20T10:30:10Z | - |\n", "", [:], [.left(id: "0b0b")]),
    ("- **Status:** IN_PROGRESS", "- **Status:** NONE", [:], [.lockReleased(lock: "docker")]),
    (
      SessionsFileTests.free, claim, [:],
      [.lockTaken(lock: "deploy", by: "0b0b", note: "Type error", since: now, lastUpdated: now)]
    ),
    (
      "T10:55:01Z\n", "T\(update.suffix(9))\n", [:],
      [.lockRenewed(lock: "docker", by: "0a0a", lastUpdated: now, note: "api")]
    ),
    (
      "** api\n", "** api, web\n", [:],
      [.lockRenewed(lock: "docker", by: "0a0a", lastUpdated: now - 299, note: "api, web")]
    ),
    ("by:** 0a0a", "by:** 0b0b", [:], [.refused(lock: "docker", by: "0b0b", heldBy: "0a0a")]),
    (
      "## Active", "## db Lock\n\n\(claim.replacing("Error", with: "Note"))\n\n## Active", [:],
      [.lockTaken(lock: "db", by: "0b0b", note: "Type error", since: now, lastUpdated: now)]
    ),
    ("x.py |", "y.py |", [:], [.rowPutBack(id: "c0de")]),
    ("| c0de | 2026-02-20T09:00:00Z | 2026-02-20T08:30:00Z | x.py |\n", "", [:], [.rowPutBack(id: "c0de")]),
    (SessionsFileTests.free, claim, ["deploy": "c0de"], [.refused(lock: "deploy", by: "0b0b", heldBy: "c0de")]),
    (SessionsFileTests.free, claim.replacing("0b0b", with: "c0de"), [:], [.putBack(lock: "deploy", who: "c0de")]),
    (SessionsFileTests.free, claim.replacing("0b0b", with: "c0de"), ["deploy": "c0de"], []),
    ("", "", [:], []), ("full protocol.", "full protocol.\n\nA word of mine.", ["deploy": "c0de"], []),
  ]

  @Test(arguments: edits.indices) func `an edit by hand means what the protocol says`(n: Int) throws {
    let (old, new, mine, changes) = Self.edits[n]
    let theirs = try SessionsFile.parse(old.isEmpty ? Self.text : Self.text.replacing(old, with: new))
    #expect(old.isEmpty || theirs.render() != Self.text)
    let base = try SessionsFile.parse(Self.text)
    #expect(Self.changes(base, theirs, Ours(sessions: ["c0de"], locks: mine)) == changes)
  }

  @Test func `who comes, edits, claims and leaves in one edit is heard in that order`() {
    let base = Self.file([Self.row("0a0a", 60)], ["deploy": Self.hold("0a0a", 10)])
    #expect(Self.changes(base, Self.file([])) == [.lockReleased(lock: "deploy"), .left(id: "0a0a")])
    let come = Self.file(
      [Self.row("0a0a", 60), Self.row("0b0b", 0, "b")],
      ["deploy": Self.hold("0a0a", 10), "db": Self.hold("0b0b", 0, since: 0)])
    #expect(
      Self.changes(base, come) == [
        .registered(id: "0b0b", started: Self.now - 7200, lastActive: Self.now), .editing(id: "0b0b", paths: ["b"]),
        .lockTaken(lock: "db", by: "0b0b", note: nil, since: Self.now, lastUpdated: Self.now),
      ])
  }

  // MARK: locks

  @Test(arguments: [(299.0, false), (299.9, false), (300, true), (301, true), (86400, true)])
  func `a foreign holder's lock may be taken over after five minutes`(age: Double, isTaken: Bool) {
    let base = Self.file([], ["docker": Self.hold("0a0a", age.rounded(.up))])
    let theirs = Self.file([], ["docker": Self.hold("0b0b", 0, since: 0)])
    let merge = SessionsFileMerge(base: base, ours: Ours(), now: Self.now - age.rounded(.up) + age)
    let moment = Self.now - age.rounded(.up) + age
    #expect(
      merge.changes(in: theirs) == [
        isTaken
          ? .lockTaken(lock: "docker", by: "0b0b", note: nil, since: moment, lastUpdated: moment)
          : .refused(lock: "docker", by: "0b0b", heldBy: "0a0a")
      ])
  }

  @Test(arguments: [1.0, 299, 301, 90_000])
  func `a lock of a live session of ours is put back, however old it looks`(age: Double) {
    let base = Self.file([Self.row("c0de", age)], ["deploy": Self.hold("c0de", age)])
    let ours = Ours(sessions: ["c0de"], locks: ["deploy": "c0de"])
    let taken = Self.file([Self.row("c0de", age)], ["deploy": Self.hold("0b0b", 0)])
    #expect(Self.changes(base, taken, ours) == [.putBack(lock: "deploy", who: "0b0b")])
    #expect(Self.changes(base, Self.file([Self.row("c0de", age)]), ours) == [.putBack(lock: "deploy", who: nil)])
    #expect(Self.changes(base, Self.file([]), ours) == [.rowPutBack(id: "c0de"), .putBack(lock: "deploy", who: nil)])
    let written = Self.file([Self.row("c0de", age)], ["deploy": Self.hold("c0de", 0)])
    #expect(Self.changes(base, written, ours) == [])
  }

  @Test func `a lock that came free since we wrote can be taken, and its release says nothing`() {
    let base = Self.file([], ["deploy": Self.hold("c0de", 10), "docker": Self.hold("dead", 10)])
    let ours = Ours(sessions: ["c0de"], freed: ["docker"])
    let taken = Self.file([], ["deploy": Self.hold("0b0b", 0, since: 0), "docker": Self.hold("0b0b", 0, since: 0)])
    #expect(
      Self.changes(base, taken, ours)
        == ["deploy", "docker"].map {
          .lockTaken(lock: $0, by: "0b0b", note: nil, since: Self.now, lastUpdated: Self.now)
        })
    #expect(Self.changes(base, Self.file([]), ours) == [])
    #expect(Self.changes(base, base, ours) == [])
  }

  @Test func `a stale lock may be released by anybody, beside other changes`() {
    let base = Self.file([Self.row("0b0b", 60)], ["docker": Self.hold("0a0a", 300)])
    #expect(
      Self.changes(base, Self.file([Self.row("0b0b", 0)])) == [
        .touched(id: "0b0b", lastActive: Self.now), .lockReleased(lock: "docker"),
      ])
  }

  // MARK: rows

  @Test func `anybody may set aside rows after thirty minutes, but none of live sessions of ours`() {
    let rows = [Self.row("0a0a", 1799), Self.row("0b0b", 1800), Self.row("0c0c", 9999), Self.row("c0de", 9999)]
    let theirs = Self.file([Self.row("0d0d", 0)])
    let ours = Ours(sessions: ["c0de"])
    #expect(
      Self.changes(Self.file(rows), theirs, ours) == [
        .registered(id: "0d0d", started: Self.now - 7200, lastActive: Self.now), .rowPutBack(id: "c0de"),
        .left(id: "0b0b"), .left(id: "0c0c"),
      ])
    let merge = SessionsFileMerge(base: .template, ours: ours, now: Self.now)
    #expect(rows.map(merge.isInactive) == [false, true, true, false])
  }

  // MARK: stale whole-file writes

  /// First what the writer read, then what we wrote since, then what it wrote; and what is left of that.
  private typealias Stale = (
    read: SessionsFile, base: SessionsFile, theirs: SessionsFile, ours: Ours, changes: [ForeignChange]
  )
  private static let a = row("0a0a", 600), b = row("0b0b", 500, "b"), o = row("c0de", 400)
  private static let nowA = row("0a0a", 0), newB = row("0b0b", 5, "b2")
  private static let touch = ForeignChange.touched(id: "0a0a", lastActive: now)
  private static let live = Ours(sessions: ["c0de"], locks: ["deploy": "c0de"])
  private static let held = hold("c0de", 5), heldB = hold("0b0b", 5)
  private static let stale: [Stale] = [
    // Another came, refreshed, claimed, renewed meanwhile.
    (file([a]), file([a, b]), file([nowA]), Ours(), [touch]),
    (file([a, b]), file([a, newB]), file([nowA, b]), Ours(), [touch]),
    (file([a, b]), file([a, newB]), file([nowA]), Ours(), [touch]),
    (file([a, b]), file([a, b], ["db": heldB]), file([nowA, b]), Ours(), [touch]),
    (
      file([a, b], ["db": hold("0b0b", 90)]), file([a, b], ["db": heldB]), file([nowA, b], ["db": hold("0b0b", 90)]),
      Ours(), [touch]
    ),
    // Another left, or released, meanwhile: it does not come back.
    (file([a, b]), file([a]), file([nowA, b]), Ours(), [touch]),
    (file([a, b], ["db": heldB]), file([a, b]), file([nowA, b], ["db": heldB]), Ours(), [touch]),
    // The writer leaves, and another came meanwhile.
    (file([a]), file([a, b]), file([]), Ours(), [.left(id: "0a0a")]),
    (
      file([a], ["docker": hold("0a0a", 5)]), file([a, b], ["docker": hold("0a0a", 5), "db": heldB]), file([]), Ours(),
      [.lockReleased(lock: "docker"), .left(id: "0a0a")]
    ),
    // The writer comes, and so did another.
    (
      file([b]), file([b, o]), file([b, nowA]), live,
      [.registered(id: "0a0a", started: now - 7200, lastActive: now), .rowPutBack(id: "c0de")]
    ),
    // A session of ours came, refreshed, claimed, released meanwhile.
    (file([a]), file([a, o]), file([nowA]), live, [touch, .rowPutBack(id: "c0de")]),
    (
      file([a, row("c0de", 900)]), file([a, o]), file([nowA, row("c0de", 900)]), live, [touch, .rowPutBack(id: "c0de")]
    ),
    (
      file([a, o]), file([a, o], ["deploy": held]), file([nowA, o]), live, [touch, .putBack(lock: "deploy", who: nil)]
    ),
    (file([a, o], ["db": held]), file([a, o]), file([nowA, o], ["db": held]), live, [touch]),
    // Both claim the same: the first has it.
    (
      file([a, b]), file([a, b], ["db": heldB]), file([a, b], ["db": hold("0a0a", 0)]), Ours(),
      [.refused(lock: "db", by: "0a0a", heldBy: "0b0b")]
    ),
    (
      file([a, o]), file([a, o], ["deploy": held]), file([a, o], ["deploy": hold("0a0a", 0)]), live,
      [.putBack(lock: "deploy", who: "0a0a")]
    ),
    // The same text once more.
    (file([a, b]), file([a, newB, o]), file([a, b]), live, [.rowPutBack(id: "c0de")]),
  ]

  @Test(arguments: stale.indices) func `a stale whole-file write says only what its writer changed`(n: Int) {
    let (read, base, theirs, ours, changes) = Self.stale[n]
    #expect(Self.changes(base, theirs, ours, earlier: [read]) == changes)
    #expect(Self.changes(base, theirs, ours, earlier: [.template, read, base, base]) == changes)
  }

  @Test func `without the version that was read, nothing of others is taken out`() {
    for (_, base, theirs, ours, _) in Self.stale {
      for change in Self.changes(base, theirs, ours) {
        switch change {
        case .left(let id): Issue.record("\(id) left")
        case .lockReleased(let lock): Issue.record("\(lock) was released")
        case .registered, .touched, .editing, .lockTaken, .lockRenewed, .putBack, .refused, .rowPutBack: break
        }
      }
    }
  }

  @Test func `two edits in one look are both heard, when no version we know looks like either`() {
    let base = Self.file([Self.a, Self.b], ["db": Self.heldB])
    let theirs = Self.file([Self.nowA])
    #expect(Self.changes(base, theirs) == [Self.touch])
    let both = [Self.touch, .lockReleased(lock: "db"), .left(id: "0b0b")]
    #expect(Self.changes(base, theirs, earlier: [base]) == both)
    let coming = Self.file([Self.nowA, Self.newB], ["db": Self.hold("0b0b", 0)])
    #expect(
      Self.changes(base, coming) == [
        Self.touch, .touched(id: "0b0b", lastActive: Self.now - 5), .editing(id: "0b0b", paths: ["b2"]),
        .lockRenewed(lock: "db", by: "0b0b", lastUpdated: Self.now, note: nil),
      ])
  }
}
