import ApusTerminal
import ApusTestKit
import Testing

@Suite("the scanner of terminal output") struct EscapeScannerTests {
  /// Tokens in a form to compare. Text and malformed bytes that follow one another are one.
  static func tokens(_ chunks: [ArraySlice<UInt8>]) -> [String] {
    var scanner = EscapeScanner()
    var all: [String] = []
    var text: [UInt8] = []
    for chunk in chunks {
      chunk.withUnsafeBufferPointer { buffer in
        scanner.scan(buffer) { token in
          if token.kind == .text {
            text += token.bytes
            return
          }
          if !text.isEmpty { all.append("text " + readable(text)) }
          text = []
          all.append(describe(token))
        }
      }
    }
    if !text.isEmpty { all.append("text " + readable(text)) }
    if scanner.pendingBytes > 0 { all.append("pending \(scanner.pendingBytes)") }
    return all
  }

  static func describe(_ token: EscapeToken) -> String {
    func character(_ byte: UInt8) -> String { byte == 0 ? "" : byte == 0xFF ? "*" : String(Unicode.Scalar(byte)) }
    switch token.kind {
    case .rejected: return "rejected"
    case .control: return "control \(token.final)"
    case .malformed: return "malformed \(token.bytes.count)"
    case .text: return "text"
    case .escape: return "escape \(character(token.intermediate))\(character(token.final))"
    case .csi:
      let parameters = String(decoding: token.parameters, as: UTF8.self)
      return "csi \(character(token.prefix))\(parameters)\(character(token.intermediate))\(character(token.final))"
    case .dcs:
      return
        "dcs \(character(token.prefix))\(String(decoding: token.parameters, as: UTF8.self))\(character(token.intermediate))"
        + "\(character(token.final)) \(String(decoding: token.payload, as: UTF8.self))"
    case .osc, .apc, .pm, .sos: return "\(token.kind) " + String(decoding: token.payload, as: UTF8.self)
    }
  }

  static func tokens(_ text: String) -> [String] { tokens([bytes(text)[...]]) }

  @Test(arguments: [
    ("plain", ["text plain"]), ("a\r\nb", ["text a", "control 13", "control 10", "text b"]),
    ("\u{1B}[1;31mx", ["csi 1;31m", "text x"]), ("\u{1B}[?25l", ["csi ?25l"]), ("\u{1B}[4:3m", ["csi 4:3m"]),
    ("\u{1B}[2 q\u{1B}[!p", ["csi 2 q", "csi !p"]), ("\u{1B}(0\u{1B}7", ["escape (0", "escape 7"]),
    ("\u{1B}]0;ü\u{07}", ["osc 0;ü"]), ("\u{1B}]0;t\u{1B}\\", ["osc 0;t"]), ("\u{9D}0;t\u{9C}", ["osc 0;t"]),
    ("\u{9B}5A\u{85}", ["csi 5A", "escape E"]), ("\u{1B}P1;2$qm\u{1B}\\", ["dcs 1;2$q m"]),
    ("\u{1B}_G\u{1B}\\\u{1B}^p\u{07}\u{1B}Xs\u{07}", ["apc G", "pm p", "sos s"]),
    ("\u{1B}[3\u{18}x", ["rejected", "control 24", "text x"]), ("\u{1B}]0;t\u{1A}", ["rejected", "control 26"]),
    ("\u{1B}[3\u{1B}[4A", ["rejected", "csi 4A"]), ("\u{1B}]0;t\u{1B}[4A", ["rejected", "csi 4A"]),
    ("\u{1B}[3\n1m", ["control 10", "csi 31m"]), ("\u{1B}[1<2mx", ["rejected", "text x"]),
    ("\u{1B}[3é", ["rejected", "text é"]), ("\u{1B}[?1 2h", ["rejected"]), ("\u{1B}[1", ["pending 3"]),
    ("\u{1B}]2;\u{9B}4A", ["rejected", "csi 4A"]), ("\u{1B} !F", ["escape *F"]), ("x\u{1B}", ["text x", "pending 1"]),
    ("\u{1B}\u{7F}[A\u{7F}", ["csi A", "control 127"]),
  ])
  func `output is cut into what a terminal sees in it`(_ text: String, _ expected: [String]) {
    #expect(Self.tokens(text) == expected)
  }

  @Test(
    arguments: [
      ([0x80], ["malformed 1"]), ([0xE2, 0x82, 0x41], ["malformed 2", "text A"]),
      ([0xC0, 0xAF], ["malformed 1", "malformed 1"]),
      ([0xED, 0xA0, 0x80], ["malformed 1", "malformed 1", "malformed 1"]), ([0xE2, 0x82], ["pending 2"]),
      ([0xE2, 0x82, 0x1B, 0x5B, 0x41], ["malformed 2", "csi A"]), ([0xF5, 0x80], ["malformed 1", "malformed 1"]),
      ([0x9B, 0x41], ["malformed 1", "text A"]), ([0xF0, 0x9F, 0x99, 0x82], ["text 🙂"]),
    ] as [([UInt8], [String])])
  func `bytes that are no characters are told apart`(_ input: [UInt8], _ expected: [String]) {
    #expect(Self.tokens([input[...]]) == expected)
  }

  @Test(arguments: 1...40) func `a split at every byte gives the same tokens`(_ seed: Int) {
    var streams = Streams(UInt64(seed))
    let all = streams.stream(60)
    let whole = Self.tokens([all[...]])
    for at in 0...all.count { #expect(Self.tokens([all[..<at], all[at...]]) == whole, "cut at \(at)") }
    #expect(Self.tokens(all.indices.map { all[$0...$0] }) == whole)
    for _ in 0..<8 { #expect(Self.tokens(streams.cut(all)) == whole) }
  }

  @Test(arguments: 1...40) func `the stream can be cut before what is pending`(_ seed: Int) {
    var streams = Streams(UInt64(seed) + 500)
    let all = streams.stream(50)
    let whole = Self.tokens([all[...]])
    for at in 0...all.count {
      var scanner = EscapeScanner()
      all[..<at].withUnsafeBufferPointer { scanner.scan($0) { _ in } }
      let boundary = at - scanner.pendingBytes
      // One text is two where the cut is inside it; what a byte breaks off ends before that byte.
      let isWhole = { (token: String) in !["text", "malformed", "rejected"].contains { token.hasPrefix($0) } }
      let before = Self.tokens([all[..<boundary]]).filter { isWhole($0) && !$0.hasPrefix("pending") }
      let after = Self.tokens([all[boundary...]]).filter(isWhole)
      #expect(before + after == whole.filter(isWhole), "cut at \(at)")
      #expect(Self.tokens([all[..<boundary], scanner.pending[...], all[at...]]) == whole, "resumed at \(at)")
    }
  }

  @Test func `a string without end is passed over and not kept`() {
    var scanner = EscapeScanner()
    var told: [String] = []
    func scan(_ bytes: [UInt8]) {
      bytes.withUnsafeBufferPointer { scanner.scan($0) { told.append(Self.describe($0)) } }
    }
    scan(bytes("\u{1B}]0;"))
    let filler = [UInt8](repeating: 0x61, count: 100_000)
    for _ in 0..<30 { scan(filler) }
    #expect(told.isEmpty)
    #expect(scanner.pendingBytes == 3_000_004)
    #expect(scanner.pending.count < 10)
    scan(bytes("\u{07}\u{1B}[A"))
    #expect(told == ["rejected", "csi A"])
    #expect(scanner.pendingBytes == 0)
  }

  @Test(arguments: [EscapeScanner.longestString - 5, EscapeScanner.longestString - 4])
  func `how long a string may be does not depend on the chunks`(_ length: Int) {
    let all = bytes("\u{1B}]2;") + [UInt8](repeating: 0x61, count: length) + [0x07]
    let expected = length == EscapeScanner.longestString - 5 ? "osc" : "rejected"
    for chunks in [[all[...]], [all[..<9], all[9...]], [all[..<(all.count - 1)], all[(all.count - 1)...]]] {
      #expect(Self.tokens(chunks).map { String($0.prefix { $0 != " " }) } == [expected])
    }
  }

  @Test(arguments: ["\u{1B}\u{07}]0;t", "\u{1B}[3\n1", "\u{9B}3\n", "\u{1B}\n", "\u{1B}]0;t\u{1B}", "é\u{1B} \n"])
  func `what is pending can be handed to another scanner`(_ text: String) {
    var scanner = EscapeScanner()
    bytes(text).withUnsafeBufferPointer { scanner.scan($0) { _ in } }
    var other = EscapeScanner()
    scanner.pending.withUnsafeBufferPointer { other.scan($0) { _ in Issue.record("a token") } }
    #expect(other.pending == scanner.pending)
    let rest = bytes("A\u{07}\u{1B}\\x")
    #expect(Self.tokens([scanner.pending[...], rest[...]]).last == "text x")
  }

  @Test func `parameters are read one by one`() {
    var scanner = EscapeScanner()
    bytes("\u{1B}[;7:3;;999999999999m").withUnsafeBufferPointer { buffer in
      scanner.scan(buffer) { token in
        #expect(token.parameter(0) == nil)
        #expect(token.parameter(1) == 7)
        #expect(token.parameter(2) == nil)
        #expect(token.parameter(3) == 99_999_999)
        #expect(token.parameter(4) == nil)
      }
    }
  }
}
