import ApusCore
import ApusTestModels
import ApusTestKit
import Testing

@Suite("patterns of paths") struct GlobTests {
  @Test(arguments: [
    ("src", "src src/a.swift src/a/b", "srca sr a/src"),
    ("src/", "src src/a", "srca"),
    ("./src//./a", "src/a src/a/b", "src/b src"),
    (".", "a a/b .git", ""),
    ("src/*", "src/a src/a/b src/.a", "src a srca/b"),
    ("src/**", "src src/a src/a/b", "a srca"),
    ("**", "a a/b/c", ""),
    ("**/a", "a b/a b/c/a b/a/d", "b ba b/ba"),
    ("a/**/b", "a/b a/x/b a/x/y/b a/b/c", "a a/x ab"),
    ("a**b", "ab axxb a**b", "a/b a/x/b"),
    ("*", "a a/b .x", ""),
    ("*.swift", "a.swift .swift a.swift/b", "a/b.swift a.swif"),
    ("a?c", "abc aäc a?c", "ac a/c abbc"),
    ("a[b-d]e", "abe ace ade", "aae aee a/e ae"),
    ("a[!b-d]e", "aae aee aäe", "abe a/e"),
    ("a[^b]e", "ace a^e", "abe a/e"),
    ("a[]x]", "a] ax", "a ay"),
    ("a[!]]", "ax", "a]"),
    ("a[-x]", "a- ax", "ay"),
    ("a[x-]", "a- ax", "ay"),
    (#"a[\]\-z]"#, "a] a- az", "ay"),
    ("[😀-😂]", "😁", "a 😃"),
    ("{a,b/c}/d", "a/d b/c/d a/d/e", "b/d a b/c"),
    ("a{,b}c", "ac abc", "abbc a"),
    ("a/{,b}", "a a/b a/c", "b"),
    ("{a,{b,{c,{d,e}}}}", "a b c d e", "f"),
    ("{**/x,y}/z", "x/z a/x/z y/z", "a/y/z x"),
    ("a,b}", "a,b}", "a b"),
    (#"\*\?\[\{\\"#, #"*?[{\ *?[{\/a"#, "a"),
    (#"app/\[id\]/page.tsx"#, "app/[id]/page.tsx", "app/i/page.tsx"),
    ("ü*", "ü über", "u\u{308}"),
  ])
  func `a pattern matches what it says and all below`(_ text: String, _ inside: String, _ outside: String) throws {
    let glob = try Glob(text)
    for path in inside.split(separator: " ") { #expect(glob.matches(String(path)), "\(text) and \(path)") }
    for path in outside.split(separator: " ") { #expect(!glob.matches(String(path)), "\(text) and \(path)") }
  }

  @Test(arguments: [
    ("src/*.ts", "src/a*"), ("src/**/test_*.py", "src/api/**"), ("**/*.sql", "db/**"),
    ("app/[a-m]*.swift", "app/*view.swift"), ("src", "src/a/*.c"), ("src/*.c", "src/a.c/b"), ("*/a", "b/*"),
    ("**/a", "a/**"), ("{a,b}c", "[b-z]c"), ("a*b*c", "ab*bc"), (".", "**/x"), ("a/b", "a"), ("[!a]", "b"),
    ("*/x", "a"), ("**/*.sql", "db/*.py"), ("a?", "?b/c"), ("src/{a,b}/*", "src/b/c/d"), ("x/**/y/**/z", "x/z/y/z"),
  ])
  func `patterns with a path in common meet`(_ one: String, _ two: String) throws {
    #expect(try Glob(one).meets(Glob(two)))
    #expect(try Glob(two).meets(Glob(one)))
  }

  @Test(arguments: [
    ("src", "srca"), ("src/*.ts", "src/*.js"), ("a/b", "a/c"), ("*.c", "a/*.h/x"), ("[a-m]*", "[n-z]*"),
    ("*.sql", "db/*.py"), ("a?", "a"), ("a*b", "b*"), ("{a,b}", "{c,d}"), ("src/a/**", "src/b/**"),
    ("x/[!a]", "x/a"), ("ab*", "a[!b]*"), ("a/*/c", "a/b/d"),
  ])
  func `patterns without a path in common do not meet`(_ one: String, _ two: String) throws {
    #expect(try !Glob(one).meets(Glob(two)))
    #expect(try !Glob(two).meets(Glob(one)))
  }

  @Test(arguments: [
    "", "/a", "..", "a/../b", "a/..", "[", "a[b", "[z-a]", "[/]", "[[:alpha:]]", "{", "{a,b", #"a\"#, "{{{{{a}}}}}",
    "a\0b", "[!\u{1}-\u{10FFFF}]", String(repeating: "a", count: 4097), String(repeating: "*a", count: 513),
  ])
  func `what is no pattern is refused with a reason`(_ text: String) {
    let failure = #expect(throws: Failure.self) { try Glob(text) }
    #expect(failure?.code == .usage)
    #expect(failure?.hint != nil)
  }

  @Test(arguments: ["a", "a/b.swift", "app/[id]/page.tsx", #"*?[{}]\"#, "a b", "ä/😀", "a,b"])
  func `an escaped path means itself`(_ path: String) throws {
    let glob = try Glob(Glob.escaped(path))
    #expect(glob.literal == path)
    #expect(glob == Glob(path: path))
    #expect(glob.matches(path) && glob.matches(path + "/below") && !glob.matches(path + "x"))
  }

  @Test func `a path is told from a pattern`() throws {
    #expect(try Glob("src/./a//").literal == "src/a")
    #expect(try Glob(".").literal == "")
    for text in ["a*", "a?", "[a]", "{a}", "**"] { #expect(try !Glob(text).isLiteral) }
    #expect(Glob(path: "a*").isLiteral)
  }

  @Test func `the longest patterns meet without delay`() throws {
    let long = [
      String(repeating: "*a", count: 512), String(repeating: "*?", count: 512), String(repeating: "{,a}", count: 256),
      String(repeating: "**/a/", count: 204), String(repeating: "{a,*}b", count: 170),
      "{" + String(repeating: "{a,*},", count: 146) + "b}" + String(repeating: "*[!a-c]", count: 20),
      "[" + String(repeating: "ac", count: 500) + "]",
    ]
    let globs = try long.map { try Glob($0) }
    let path = Glob(path: String(repeating: "ab/", count: 1365))
    let cost = cpuTime {
      for one in globs {
        for two in globs + [path] { #expect(one.meets(two) == two.meets(one)) }
        _ = one.matches(path.text)
      }
    }
    #expect(cost < .seconds(30))
  }

  @Test func `garbage is refused or meets itself`() {
    var random = Seeded(8)
    var patterns = 0
    for _ in 0..<50_000 {
      let text = (0..<random.below(12)).map { _ in
        random.pick([
          "*", "**", "?", "[", "]", "!", "^", "-", "{", "}", ",", "\\", "/", ".", "..", "a", "b", "z", "ä", ":",
        ])
      }.joined()
      guard let glob = try? Glob(text) else { continue }
      patterns += glob.isLiteral ? 0 : 1
      if !glob.meets(glob) { Issue.record("\(text) does not meet itself") }
      if let literal = glob.literal, !glob.matches(literal) { Issue.record("\(text) does not match itself") }
    }
    #expect(patterns > 1_000)
  }

  @Test func `a million pairs of patterns meet as the model says`() async throws {
    let outcome = try await aside { try GlobTrials.pairs(1_000_000, seed: 4) }
    #expect(outcome.differences == [])
    #expect(outcome.yes > 100_000 && outcome.yes < 900_000)
  }

  @Test func `patterns match paths as the model says`() async throws {
    let outcome = try await aside { try GlobTrials.paths(300_000, seed: 5) }
    #expect(outcome.differences == [])
    #expect(outcome.yes > 10_000 && outcome.yes < 290_000)
  }

  @Test func `short patterns meet just where a path is found among all`() async throws {
    let outcome = try await aside { try GlobTrials.words(500, seed: 6) }
    #expect(outcome.differences == [])
    #expect(outcome.yes > 50 && outcome.yes < 450)
  }
}
