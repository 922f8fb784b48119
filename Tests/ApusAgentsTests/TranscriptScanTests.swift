import ApusCore
import ApusTestKit
import Testing

@testable import ApusAgents

@Suite("the soundness of a transcript") struct TranscriptScanTests {
  private func scan(_ bytes: [UInt8]) throws -> TranscriptContent {
    let place = try TemporaryDirectory()
    try place.write("t.jsonl", bytes)
    guard let content = TranscriptScan.scan(path: place.path + "/t.jsonl") else { throw TestFailure("unreadable") }
    return content
  }

  private func scan(_ text: String) throws -> TranscriptContent { try scan(Array(text.utf8)) }

  private func content(
    lines: Int, unreadable: Int = 0, torn: Bool = false, missing: Int = 0
  ) -> TranscriptContent {
    var content = TranscriptContent()
    content.conversationLines = lines
    content.unreadableLines = unreadable
    content.tornTail = torn
    content.missingParents = missing
    return content
  }

  private let healthy = Transcripts.lines()

  @Test func `a healthy transcript has nothing to complain about`() throws {
    #expect(try scan(Transcripts.text(healthy)) == content(lines: 6))
    #expect(try scan(healthy.joined(separator: "\r\n") + "\r\n") == content(lines: 6))
    #expect(try scan("\n" + healthy.joined(separator: "\n\n") + "\n \n") == content(lines: 6))
  }

  @Test func `a whole last line without its end is whole`() throws {
    #expect(try scan(healthy.joined(separator: "\n")) == content(lines: 6))
  }

  @Test func `a torn tail is told apart from what is torn within`() throws {
    let text = Transcripts.text(healthy)
    #expect(try scan(String(text.dropLast(10))) == content(lines: 6, torn: true))
    // Resumed after that: the torn line stays where it is.
    #expect(try scan(text.dropLast(10) + "\n" + text) == content(lines: 12, unreadable: 1))
    #expect(try scan(text.dropLast(10) + "\n") == content(lines: 6, torn: true))
  }

  @Test func `a tail of NULs is a torn tail, NULs within are a line that cannot be read`() throws {
    let text = Array(Transcripts.text(healthy).utf8)
    let nothing = [UInt8](repeating: 0, count: 4_096)
    #expect(try scan(text + nothing) == content(lines: 6, torn: true))
    #expect(try scan(text + nothing + [10] + text) == content(lines: 12, unreadable: 1))
    #expect(try scan(Array(text.dropLast(30)) + nothing) == content(lines: 6, torn: true))
  }

  @Test func `garbage within is counted, line by line`() throws {
    var lines = healthy
    lines.insert("garbage", at: 3)
    lines.insert(#"{"type":"user""#, at: 5)
    lines.insert(#"{"type":"user"}}"#, at: 6)
    lines.insert("[1,2]", at: 7)
    #expect(try scan(Transcripts.text(lines)) == content(lines: 6, unreadable: 4))
  }

  @Test func `a transcript cut in the middle misses what its lines continue`() throws {
    var lines = healthy
    lines.remove(at: 4)
    #expect(try scan(Transcripts.text(lines)) == content(lines: 5, missing: 1))
    #expect(try scan(Transcripts.text(Array(healthy[4...]))) == content(lines: 4, missing: 1))
    #expect(try scan(Transcripts.text([healthy[1], healthy[3], healthy[5]])) == content(lines: 2, missing: 2))
  }

  @Test func `lines that stand in another order miss nothing`() throws {
    #expect(try scan(Transcripts.text(healthy.reversed())) == content(lines: 6))
  }

  @Test func `nothing, and what is not a conversation, hold no conversation`() throws {
    #expect(try scan("") == content(lines: 0))
    #expect(try scan("\n\n\n") == content(lines: 0))
    #expect(try scan(Transcripts.text([healthy[0], healthy[8]])) == content(lines: 0))
    #expect(try scan(#"{"x":"user","message":{"type":"user"},"a":["type","user"]}"#) == content(lines: 0))
    #expect(try scan([UInt8](repeating: 0, count: 500)) == content(lines: 0, torn: true))
  }

  @Test func `a line longer than any buffer is one line`() throws {
    let long = #"{"type":"user","uuid":"x","message":"\#(String(repeating: "y\\\"", count: 400_000))"}"#
    #expect(try scan(Transcripts.text([long] + healthy + [long])) == content(lines: 8))
  }

  @Test func `cut at any byte it is healthy or torn, and never more`() throws {
    let text = Array(Transcripts.text(healthy).utf8)
    let place = try TemporaryDirectory()
    for cut in 0...text.count {
      try place.write("t.jsonl", text[..<cut])
      let content = try #require(TranscriptScan.scan(path: place.path + "/t.jsonl"))
      let whole = text[..<cut].split(separator: 10)
      let isTorn = cut > 0 && text[cut - 1] != 10 && (cut == text.count || text[cut] != 10)
      #expect(content.tornTail == isTorn, "cut at \(cut)")
      #expect(content.unreadableLines == 0 && content.missingParents == 0 && content.conversationLines <= whole.count)
    }
  }

  @Test func `with bytes spoilt anywhere it is read to its end`() throws {
    var random = Seeded(93)
    let text = Array(Transcripts.text(healthy).utf8)
    for _ in 0..<500 {
      var spoilt = text
      for _ in 0...random.below(8) { spoilt[random.below(spoilt.count)] = UInt8(random.below(256)) }
      let content = try scan(spoilt)
      #expect(content.conversationLines <= 6 && content.unreadableLines >= 0)
    }
  }

  @Test func `what is not there or no file is nil`() throws {
    let place = try TemporaryDirectory()
    #expect(TranscriptScan.scan(path: place.path + "/none") == nil)
    #expect(TranscriptScan.scan(path: place.path) == nil)
  }
}
