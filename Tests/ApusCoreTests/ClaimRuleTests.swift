import ApusCore
import ApusTestKit
import Testing

private func claim(_ path: String = "src/a.swift", _ functions: [String]? = nil, asked: Bool = false) -> Claim {
  Claim(
    path: path, session: "e1b2", checkout: "/shop", source: asked ? .asked : .edit, since: 0, lastEdit: 228,
    functions: functions)
}

private func decide(_ meetings: [ClaimMeeting], strict: Bool = false) -> ClaimAnswer {
  ClaimRule.decide(meetings, strict: strict, now: 240) { $0 == "e1b2" ? "improve-feeds" : nil }
}

private func wrong() { Issue.record("another answer") }

@Suite("what a session is answered before it edits") struct ClaimRuleTests {
  @Test func `nothing met is allowed`() {
    #expect(decide([]) == .allow)
    #expect(decide([], strict: true) == .allow)
  }

  @Test func `other functions are a warning to read again`() {
    #expect(
      decide([.conflict(claim("src/a.swift", ["parse()"]), .otherFunctions)])
        == .warn(
          "improve-feeds (e1b2) is editing src/a.swift, other functions (\"parse()\"), for 4 min, last 12 s ago:"
            + " read the file again before you edit, and leave alone what is theirs."))
  }

  @Test func `the same function is refused with who and what to do`() {
    #expect(
      decide([.conflict(claim(), .sameFunction(["parse()"]))])
        == .deny(
          "improve-feeds (e1b2) is editing src/a.swift, the same function (\"parse()\"), for 4 min, last 12 s ago."
            + " Not edited: work on something else until it is committed or released. `apus tell e1b2 …` asks them."))
  }

  @Test func `strict refuses any conflict and no merge`() {
    guard case .warn = decide([.conflict(claim(), .unknown)]) else { return wrong() }
    for overlap in [ClaimOverlap.unknown, .otherFunctions, .sameFunction(["f"])] {
      guard case .deny = decide([.conflict(claim(asked: true), overlap)], strict: true) else {
        return wrong()
      }
    }
    #expect(
      decide([.merge(claim())], strict: true)
        == .warn(
          "improve-feeds (e1b2) is changing src/a.swift in another worktree (for 4 min, last 12 s ago):"
            + " keep your change small, it will have to be merged with theirs."))
  }

  @Test func `others' words are quoted, on one line and not at length`() {
    let names = [String](repeating: "f\n\u{1B}[31m" + String(repeating: "x", count: 500), count: 9)
    for answer in [
      decide([.conflict(claim("a\nb", names), .otherFunctions)]),
      decide([.conflict(claim("a\nb"), .sameFunction(names))]),
    ] {
      switch answer {
      case .allow: Issue.record("allowed")
      case .warn(let text), .deny(let text):
        #expect(!text.contains("\n") && !text.contains("\u{1B}"))
        #expect(text.count < 800)
        #expect(text.contains("and 6 more"))
      }
    }
  }

  @Test func `many claims are told in a few lines`() {
    let many = (0..<50).map { ClaimMeeting.conflict(claim("f\($0)"), .unknown) }
    guard case .warn(let text) = decide(many) else { return wrong() }
    #expect(text.split(separator: "\n").count == 4)
    #expect(text.contains("47 more claims"))
  }
}

/// The same rules, by going through all claims each time.
private struct SlowBook {
  var claims: [Claim] = []

  mutating func touch(_ path: String, _ session: String, _ checkout: String, _ source: Claim.Source, _ now: Moment) {
    let index = claims.firstIndex { $0.session == session && $0.checkout == checkout && $0.glob.literal == path }
    if let index {
      claims[index].lastEdit = now
      if claims[index].source == .disk || claims[index].source == .file { claims[index].source = source }
      return
    }
    let own = claims.filter {
      $0.session == session && $0.checkout == checkout && $0.source == .asked && $0.glob.matches(path)
    }
    claims.append(
      Claim(
        path: path, session: session, checkout: checkout, isShared: !own.isEmpty && own.allSatisfy(\.isShared),
        source: source, since: now, lastEdit: now))
  }

  mutating func add(_ path: String, _ session: String, _ checkout: String, _ isShared: Bool, _ now: Moment) throws {
    let glob = try Glob(path)
    let isRefused = claims.contains {
      $0.session != session && ($0.checkout == checkout || $0.source == .asked) && !($0.isShared && isShared)
        && Self.meet($0, glob)
    }
    if isRefused { return }
    if let index = claims.firstIndex(where: { $0.session == session && $0.checkout == checkout && $0.glob == glob }) {
      claims[index].path = path
      claims[index].source = .asked
      claims[index].isShared = isShared
      return
    }
    claims.append(
      Claim(
        path: path, session: session, checkout: checkout, isShared: isShared, source: .asked, since: now,
        lastEdit: now))
  }

  static func meet(_ claim: Claim, _ glob: Glob) -> Bool {
    claim.source == .asked ? claim.glob.meets(glob) : glob.matches(claim.path)
  }

  mutating func drop(_ condition: (Claim) -> Bool) { claims.removeAll(where: condition) }
}

@Suite("the book of claims against a slow one") struct ClaimModelTests {
  private static let paths = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "[a]"]
  private static let patterns = ["a/*", "**/c", "{a,e}/*", "a/[b-c]", "*", "e/?"]

  @Test(arguments: 1...40)
  func `any order of events leaves what the slow book has`(_ seed: UInt64) throws {
    var random = Seeded(seed)
    var book = ClaimBook()
    var slow = SlowBook()
    for step in 1...400 {
      let now = Double(step)
      let (path, session) = (random.pick(Self.paths), random.pick(["s1", "s2", "s3"]))
      let checkout = random.pick(["/m", "/w"])
      switch random.below(10) {
      case 0...3:
        let source = random.pick([Claim.Source.edit, .disk])
        book.touch(path, by: session, checkout: checkout, source: source, now: now)
        slow.touch(path, session, checkout, source, now)
      case 4, 5:
        let isShared = random.chance(50)
        let asked = random.chance(50) ? random.pick(Self.patterns) : Glob.escaped(path)
        _ = try book.add([asked], by: session, checkout: checkout, isShared: isShared, now: now)
        try slow.add(asked, session, checkout, isShared, now)
      case 6:
        book.committed([path], in: checkout)
        slow.drop { $0.checkout == checkout && $0.source != .asked && $0.path == path }
      case 7:
        book.clean(checkout, dirty: [path], began: now - 5)
        slow.drop {
          $0.checkout == checkout && $0.source != .asked && $0.lastEdit < now - 5 && $0.path != path
            && !$0.path.hasPrefix(path + "/")
        }
      case 8:
        book.expire(now: now, after: 30)
        slow.drop { $0.source != .asked && $0.lastEdit + 30 <= now }
      default:
        if random.chance(50) {
          book.sessionEnded(session)
          slow.drop { $0.session == session }
        } else {
          book.release([Glob.escaped(path)], by: session)
          slow.drop { claim in
            claim.session == session && claim.glob.literal.map { $0 == path || $0.hasPrefix(path + "/") } ?? false
          }
        }
      }
      expectSame(book, slow, random.pick(Self.paths + Self.patterns), random.pick(["s1", "s2", "s3"]), checkout)
    }
  }

  private func expectSame(_ book: ClaimBook, _ slow: SlowBook, _ text: String, _ session: String, _ checkout: String) {
    func order(_ one: Claim, _ two: Claim) -> Bool {
      (one.path, one.session, one.checkout) < (two.path, two.session, two.checkout)
    }
    #expect(book.claims.sorted(by: order) == slow.claims.sorted(by: order))
    guard let glob = try? Glob(text) else { return }
    let met = slow.claims.filter { $0.session != session && SlowBook.meet($0, glob) }
    let found = book.check(glob, by: session, checkout: checkout)
    let hasShared = slow.claims.contains { $0.session == session && $0.isShared && $0.source == .asked }
    #expect(hasShared || found.count == met.count)
    for meeting in found {
      switch meeting {
      case .conflict(let claim, _): #expect(claim.checkout == checkout)
      case .merge(let claim): #expect(claim.checkout != checkout)
      }
    }
  }
}
