import ApusCore
import ApusTestKit
import Testing

@Suite("env files") struct EnvFileTests {
  private func read(_ text: String) throws -> EnvFile { try EnvFile(text, path: "/r/.env") }

  @Test(arguments: [
    ("A=b", "b"), ("A=", ""), ("  A = b  ", "b"), ("\tA=b\t", "b"), ("export A=b", "b"), ("export   A=b", "b"),
    ("A=b c", "b c"), ("A=b=c", "b=c"), ("A=b # c", "b"), ("A=b\t# c", "b"), ("A=b#c", "b#c"), ("A=#c", ""),
    ("A=é😀", "é😀"), ("A=$HOME", "$HOME"), ("A=\\n", "\\n"), ("A=it's", "it's"), ("A=http://x/#y", "http://x/#y"),
    ("A=\"b\"", "b"), ("A=\"b # c\"", "b # c"), ("A=\"b\" # c", "b"), ("A=\"\"", ""),
    ("A=\"a\\nb\\tc\\rd\"", "a\nb\tc\rd"),
    ("A=\"a\\\"b\\\\c\\$d\"", "a\"b\\c$d"), ("A=\"\\q\"", "\\q"), ("A=\"it's\"", "it's"), ("A=\"é😀\"", "é😀"),
    ("A='b'", "b"), ("A='a\\nb'", "a\\nb"), ("A='say \"x\"'", "say \"x\""), ("A='b # c'", "b # c"), ("A= 'b'", "b"),
  ])
  func `a value is what its line says`(_ line: String, _ value: String) throws {
    let file = try read(line)
    #expect(file["A"] == value)
    #expect(file.problems.isEmpty && file.entries.count == 1)
  }

  @Test func `blank lines and comments are nothing`() throws {
    let file = try read("\n  \n# A=1\n   # B=2\n\t\n")
    #expect(file.entries.isEmpty && file.problems.isEmpty)
  }

  @Test func `lines that end as on Windows are the same lines`() throws {
    let file = try read("A=1\r\nB=\"2\"\r\n\r\n# c\r\nC='3' \r\nD=4\r")
    #expect(file.entries.mapValues(\.value) == ["A": "1", "B": "2", "C": "3", "D": "4"])
    #expect(file.entries.mapValues(\.line) == ["A": 1, "B": 2, "C": 5, "D": 6])
    #expect(file.problems.isEmpty)
  }

  @Test func `a byte-order mark is no part of the first name`() throws {
    #expect(try read("\u{FEFF}A=1\nB=2").entries.mapValues(\.value) == ["A": "1", "B": "2"])
    #expect(try read("\u{FEFF}# comment\nexport B=2").entries.mapValues(\.value) == ["B": "2"])
  }

  @Test func `a quoted value may go over lines, and those after it keep their numbers`() throws {
    let file = try read("A=\"one\ntwo\n\nthree\" # end\nB='x\ny'\nC=3")
    #expect(file["A"] == "one\ntwo\n\nthree" && file["B"] == "x\ny")
    #expect(file.entries.mapValues(\.line) == ["A": 1, "B": 5, "C": 7])
  }

  @Test func `the last of several counts`() throws {
    let file = try read("A=1\nA=2\n")
    #expect(file["A"] == "2" && file.entries["A"]?.line == 2)
  }

  @Test func `what makes no sense is a problem with its line, and the rest is read`() throws {
    let file = try read("A=1\nnonsense\n=x\n1B=2\nC D=3\nE=\"x\" y\nF=5\n\u{1B}[2J=1")
    #expect(file.entries.mapValues(\.value) == ["A": "1", "E": "x", "F": "5"])
    #expect(file.problems.map(\.line) == [2, 3, 4, 5, 6, 8])
    #expect(file.problems.allSatisfy { $0.text.unicodeScalars.allSatisfy { $0.value >= 32 } })
  }

  @Test(arguments: ["A=1\nB=\"never\nC=2\n", "\nB='never", "\nB=\"a\\\"", "\nB=\"a\\"])
  func `a quote that is never closed is an error with file, line and name`(_ text: String) throws {
    let failure = #expect(throws: Failure.self) { try read(text) }
    #expect(failure?.code == .configurationInvalid)
    #expect(failure?.summary == "/r/.env:2: the quote of B is never closed")
    #expect(failure?.hint?.contains("line 2") == true)
  }

  @Test func `any text is read or refused`() {
    var random = Seeded(71)
    let parts = [
      "A", "=", "\"", "'", "\\", "\n", "\r\n", " ", "#", "export ", "é", "\u{301}", "\u{FEFF}", "\0", "B_1", "$",
    ]
    for _ in 0..<10_000 {
      let text = (0..<random.below(24)).map { _ in random.pick(parts) }.joined()
      _ = try? read(text)
    }
  }
}
