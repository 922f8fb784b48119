import Testing

@Suite("the style of tests") struct TestStyleTests {
  @Test func `no test waits for time`() throws {
    #expect(
      try House.offences(House.tests, #"Task\.sleep|\busleep\(|\bnanosleep\(|\bsleep\(|Thread\.sleep|asyncAfter"#) == []
    )
  }

  @Test func `every test is a sentence`() {
    for file in House.tests {
      var isTest = false
      for (number, text) in file.code {
        if text.contains("@Test") { isTest = true }
        guard isTest, text.contains("func ") else { continue }
        #expect(text.contains("func `"), "\(file.path):\(number)")
        isTest = false
      }
    }
  }

  @Test func `every sentence is said once`() {
    var seen: [String: String] = [:]
    for file in House.tests {
      for line in file.lines {
        guard let match = line.firstMatch(of: /func `([^`]+)`/) else { continue }
        let name = String(match.1)
        #expect(seen[name] == nil, "\(name): \(seen[name] ?? "") and \(file.path)")
        seen[name] = file.path
      }
    }
    #expect(seen.count > 200)
  }

  @Test func `there is one way of testing`() throws {
    #expect(try House.offences(House.tests, #"^import XCTest"#) == [])
  }

  @Test func `no test is switched off`() throws {
    #expect(try House.offences(House.tests, #"\.disabled\(|withKnownIssue"#) == [])
  }

  @Test func `recordings are small`() {
    for file in House.files("Tests", ["jsonl", "events"]) { #expect(file.text.utf8.count < 20_000, "\(file.path)") }
  }
}
