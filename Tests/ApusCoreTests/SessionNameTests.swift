import ApusCore
import ApusTestKit
import Testing

@Suite("names and ids of sessions") struct SessionNameTests {
  @Test(arguments: ["a", "A", "0", "fix-parser", "v1.2_x", "9..", "a" + String(repeating: "-", count: 63)])
  func `a name of letters, digits, dots, underscores and dashes is taken`(_ name: String) throws {
    try SessionName.check(name)
  }

  @Test(arguments: [
    "", " ", "-a", ".a", "_a", "..", "a b", "a/b", "a\n", "a\0", "é", "名", "a😀", "--help", "a:b", "a*", "$(x)",
    "\u{1B}[2J",
    String(repeating: "a", count: 65),
  ])
  func `any other is refused with the rule and an example`(_ name: String) {
    let failure = #expect(throws: Failure.self) { try SessionName.check(name) }
    #expect(failure?.code == .nameInvalid && failure?.code.exitCode == 2)
    #expect(failure?.hint?.contains("apus new") == true)
    #expect(failure?.summary.unicodeScalars.allSatisfy { $0.value >= 32 } == true)
    #expect((failure?.summary.count ?? 999) < 120)
  }

  @Test func `every single byte is taken or refused by the rule alone`() {
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-".unicodeScalars)
    for value in UInt32(0)..<256 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isTaken = (try? SessionName.check("a" + String(scalar))) != nil
      #expect(isTaken == allowed.contains(scalar), "\(value)")
    }
  }

  @Test func `foreign text is made fit for one line of a terminal`() {
    #expect(SessionName.printable("plain é 名 😀") == "plain é 名 😀")
    #expect(SessionName.printable("a\u{1B}[31mb\r\n\t\u{7F}\u{9B}c") == "a?[31mb????" + "?c")
    #expect(SessionName.printable("abc\u{202E}def\u{2066}") == "abc?def?")
    for value in Array(UInt32(0)..<32) + Array(UInt32(127)..<160) {
      #expect(SessionName.printable(Unicode.Scalar(value).map { String($0) } ?? "?") == "?")
    }
  }

  @Test func `a short id has four digits, and more only where four are taken`() {
    let random: UInt64 = 0xa7f3_0123_4567_89ab
    #expect(ShortID.choose(random: random) { _ in false } == "a7f3")
    #expect(ShortID.choose(random: random) { $0 == "a7f3" } == "a7f30")
    #expect(ShortID.choose(random: random) { $0.count < 16 } == "a7f30123456789ab")
    #expect(ShortID.choose(random: 0) { _ in false } == "0000")
    #expect(ShortID.choose(random: 15) { $0.count < 16 } == "000000000000000f")
  }

  @Test func `where all its digits are taken the next number serves`() {
    #expect(ShortID.choose(random: 15) { $0.hasPrefix("0000") && $0 != "0000000000000010" } == "0000000000000010")
    #expect(ShortID.choose(random: .max) { $0.hasPrefix("f") } == "0000")
  }

  @Test func `ten thousand sessions have ten thousand short ids`() {
    var random = Seeded(61)
    var taken: Set<String> = []
    for _ in 0..<10_000 {
      let id = ShortID.choose(random: random.next()) { taken.contains($0) }
      #expect(taken.insert(id).inserted && id.count >= 4)
      #expect(id.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) })
    }
    #expect(taken.filter { $0.count > 6 }.isEmpty)
  }
}
