import ApusTerminal
import ApusTestKit
import Testing

@Suite("what may reach a person's terminal") struct PassFilterTests {
  static func pass(_ text: String, clipboard: Bool = true) -> String {
    var filter = PassFilter(clipboard: clipboard)
    return readable(filter.pass(bytes(text)))
  }

  @Test(arguments: [
    "text, ünï, 世界 🙂", "\u{07}\u{08}\t\n\u{0B}\u{0C}\r\u{0E}\u{0F}\u{00}\u{7F}", "\u{1B}7\u{1B}8\u{1B}=\u{1B}>",
    "\u{1B}D\u{1B}E\u{1B}H\u{1B}M\u{1B}Nx\u{1B}Ox\u{1B}c", "\u{1B}(0\u{1B})B\u{1B}*A\u{1B}+0\u{1B}-A",
    "\u{1B}#8\u{1B}%G",
    "\u{1B}[m\u{1B}[1;38;2;1;2;3;4:3m", "\u{1B}[2;3H\u{1B}[A\u{1B}[B\u{1B}[C\u{1B}[D\u{1B}[E\u{1B}[F\u{1B}[5G\u{1B}[5d",
    "\u{1B}[J\u{1B}[2J\u{1B}[3J\u{1B}[K\u{1B}[?J\u{1B}[?K\u{1B}[4X",
    "\u{1B}[2L\u{1B}[2M\u{1B}[2@\u{1B}[2P\u{1B}[2S\u{1B}[2T",
    "\u{1B}[2;9r\u{1B}[r\u{1B}[s\u{1B}[u\u{1B}[3b\u{1B}[g\u{1B}[I\u{1B}[Z\u{1B}[!p\u{1B}[4 q\u{1B}[1\"q\u{1B}[2'}",
    "\u{1B}[?1h\u{1B}[?1049h\u{1B}[?25l\u{1B}[?1000;1002;1003;1006h\u{1B}[?2004h\u{1B}[?1004h\u{1B}[?2026h\u{1B}[?2031h",
    "\u{1B}[4h\u{1B}[20l\u{1B}[!p\u{1B}[?3;4l\u{1B}[4l\u{1B}>",
    "\u{1B}[c\u{1B}[0c\u{1B}[>c\u{1B}[=c\u{1B}[>q\u{1B}[5n\u{1B}[6n\u{1B}[?6n\u{1B}[?996n\u{1B}[?2026$p\u{1B}[4$p",
    "\u{1B}[>1u\u{1B}[<u\u{1B}[=5;1u\u{1B}[?u\u{1B}[>4;2m\u{1B}[>4m\u{1B}[>4n\u{1B}[?4m",
    "\u{1B}[22;0t\u{1B}[23;2t\u{1B}[22t",
    "\u{1B}]0;t\u{07}\u{1B}]1;i\u{1B}\\\u{1B}]2;ü\u{07}",
    "\u{1B}]4;1;?\u{07}\u{1B}]10;?\u{07}\u{1B}]11;#fff\u{07}\u{1B}]19;x\u{07}",
    "\u{1B}]5;0;red\u{07}\u{1B}]104\u{07}\u{1B}]104;1\u{07}\u{1B}]112\u{07}\u{1B}]119\u{07}",
    "\u{1B}]7;file:///tmp\u{07}",
    "\u{1B}]8;id=1;https://example.org/a?b\u{1B}\\x\u{1B}]8;;\u{1B}\\\u{1B}]8;;file:///tmp/x\u{07}",
    "\u{1B}]9;done\u{07}\u{1B}]9;4;1;50\u{07}\u{1B}]9;3 files\u{07}", "\u{1B}]52;c;aGVsbG8=\u{07}\u{1B}]52;;\u{07}",
    "\u{1B}]133;A\u{07}\u{1B}]777;notify;a;b\u{07}\u{1B}]99;i=1;hello\u{1B}\\\u{1B}]7501;?\u{07}",
    "\u{1B}_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\u{1B}\\",
    "\u{1B}P+q544e;524742\u{1B}\\", "\u{1B}P0;1;0q\"1;1;8;8#0;2;0;0;0#0~~@@vv\n$-\u{1B}\\",
  ])
  func `what programs write passes byte for byte`(_ text: String) {
    #expect(Self.pass("<\(text)>") == readable(bytes("<\(text)>")))
  }

  @Test(arguments: [
    // Titles and windows told or moved.
    "\u{1B}[20t", "\u{1B}[21t", "\u{1B}[11t", "\u{1B}[14t", "\u{1B}[18t", "\u{1B}[8;50;100t", "\u{1B}[3;0;0t",
    "\u{1B}[2t",
    "\u{1B}[>2t", "\u{1B}[>0T", "\u{1B}[22;0;3t", "\u{1B}[1;1;1;1;1T",
    // Settings told, keys redefined, the screen's content told, printing, the keyboard locked.
    "\u{1B}P$qm\u{1B}\\", "\u{1B}P$q\"p\u{1B}\\", "\u{1B}P0;1|17/6c73\u{1B}\\", "\u{1B}[i", "\u{1B}[5i", "\u{1B}[?5i",
    "\u{1B}[1;1;1;1;9;9*y", "\u{1B}[x", "\u{1B}[2h", "\u{1B}[12l", "\u{1B}[?1s", "\u{1B}[?1r", "\u{05}",
    // The clipboard read, and its number in disguise.
    "\u{1B}]52;c;?\u{07}", "\u{1B}]52;?\u{1B}\\", "\u{1B}]052;c;?\u{07}", "\u{1B}]52;c;?=\u{07}",
    "\u{1B}]+52;c;aa\u{07}",
    "\u{1B}]52;c;a a\u{07}", "\u{1B}]52;c;aGVs\n\u{07}", "\u{1B}]52;x;aGVs\u{07}", "\u{9D}52;c;?\u{9C}",
    // Fonts, files, programs, what only one terminal knows.
    "\u{1B}]50;fixed\u{07}", "\u{1B}]1337;File=inline=1:aa\u{07}", "\u{1B}]46;/tmp/log\u{07}", "\u{1B}]3;X=Y\u{07}",
    "\u{1B}]9;7;sh\u{07}", "\u{1B}]9;6;macro\u{07}", "\u{1B}]777;precmd\u{07}", "\u{1B}]P1ff0000\u{07}",
    "\u{1B}]60\u{07}",
    "\u{1B}]8;;javascript:alert(1)\u{07}", "\u{1B}]8;;ssh://-oProxyCommand=x\u{07}", "\u{1B}]8;;http://a b\u{07}",
    "\u{1B}]2;a\u{0A}b\u{07}", "\u{1B}]0\u{07}", "\u{1B}]\u{07}",
    // Through a multiplexer, pictures of other kinds, privacy messages.
    "\u{1B}Ptmux;\u{1B}\\", "\u{1B}P\u{1B}\\", "\u{1B}_Ga=T;aa\u{1B}\\", "\u{1B}_Gi=1;aa\u{1B}\\",
    "\u{1B}_Ga=q,t=f;L2V0Yw==\u{1B}\\", "\u{1B}_Ga=q,t=t;aa\u{1B}\\", "\u{1B}_Ga=q,a=T;aa\u{1B}\\",
    "\u{1B}_Ga=q;a a\u{1B}\\", "\u{1B}_Ga=q;aa\u{07}", "\u{1B}_Ga=q,i=x;aa\u{1B}\\", "\u{1B}_Ga=q;a;a\u{1B}\\",
    "\u{1B}^x\u{07}", "\u{1B}Xx\u{1B}\\",
    "\u{1B}P=1s\u{1B}\\",
    // Other ways of reading what follows.
    "\u{1B}%@", "\u{1B}[?2l", "\u{1B}[?38h", "\u{1B}[61\"p", "\u{1B} G", "\u{1B}[?46h", "\u{1B}[?1001h", "\u{1B}[?3h",
    "\u{1B}[?1000;46h", "\u{1B}k", "\u{1B}[?1:2h",
    // Cut off.
    "\u{1B}[3\u{1B}7\u{1B}8", "\u{1B}]2;t\u{1B}7\u{1B}8", "\u{1B}[1<2m", "\u{1B}[?1 1h",
  ])
  func `what could do harm does not pass`(_ text: String) {
    let passed = Self.pass("<\(text)>").replacing("␛7␛8", with: "")
    #expect(passed == "<>")
  }

  @Test func `the clipboard can be closed to writing too`() {
    #expect(Self.pass("a\u{1B}]52;c;aGVsbG8=\u{07}b", clipboard: false) == "ab")
  }

  @Test func `what terminals disagree on comes out in one form`() {
    #expect(Self.pass("\u{9B}1mx\u{85}\u{9D}2;t\u{9C}") == "␛[1mx␛E␛]2;t␛\\")
    #expect(Self.pass("\u{1B}P+q41\u{07}\u{1B}]2;t\u{9C}") == "␛P+q41␛\\␛]2;t␛\\")
    #expect(Self.pass("\u{1B}[3\n1m") == "\n␛[31m")
  }

  @Test func `bytes that are no characters come out as one that is`() {
    var filter = PassFilter()
    #expect(filter.pass([0x61, 0x9B, 0x35, 0x6E, 0xC0, 0x9B, 0xE2, 0x82]) == bytes("a\u{FFFD}5n\u{FFFD}\u{FFFD}"))
    #expect(filter.pendingBytes == 2)
    #expect(filter.pass([0xAC]) == bytes("€"))
  }

  @Test func `an unfinished sequence is held back until it is whole`() {
    var filter = PassFilter()
    #expect(filter.pass(bytes("a\u{1B}[3")) == bytes("a"))
    #expect(filter.pendingBytes == 3)
    #expect(filter.pass(bytes("1m\u{1B}]2;t")) == bytes("\u{1B}[31m"))
    #expect(filter.pass(bytes("itle\u{1B}")).isEmpty)
    #expect(filter.pass(bytes("\\b")) == bytes("\u{1B}]2;title\u{1B}\\b"))
  }

  @Test func `a huge string neither passes nor is kept`() {
    var filter = PassFilter()
    var output = filter.pass(bytes("a\u{1B}]52;c;"))
    for _ in 0..<25 { output += filter.pass([UInt8](repeating: 0x41, count: 100_000)) }
    output += filter.pass(bytes("\u{07}b"))
    #expect(output == bytes("ab"))
  }

  @Test(arguments: 1...60) func `what passes passes again, and any cut lies between sequences`(_ seed: Int) {
    var streams = Streams(UInt64(seed) + 9000)
    let all = streams.stream(80)
    var whole = PassFilter()
    let passed = whole.pass(all)
    var again = PassFilter()
    #expect(again.pass(passed) == passed)
    #expect(again.pendingBytes == 0)
    var inPieces = PassFilter()
    var pieces: [UInt8] = []
    for chunk in streams.cut(all) {
      pieces += inPieces.pass(chunk)
      #expect(EscapeScannerTests.tokens([pieces[...]]).last?.hasPrefix("pending") != true)
    }
    #expect(pieces == passed)
  }

  @Test(arguments: 1...200) func `no question about the clipboard gets out of any noise`(_ seed: Int) {
    var random = Seeded(UInt64(seed))
    let bits =
      [
        "\u{1B}", "]", "52", ";", "c", "?", "\u{07}", "\\", "\u{9D}", "\u{9C}", "P", "q", "\u{18}", "[", "x", "tmux;",
        "0", "é",
      ]
      .map { bytes($0) } + [[0x9D], [0xC2], [0xE2, 0x82], [0x9C]]
    var filter = PassFilter()
    var output: [UInt8] = []
    for _ in 0..<400 { output += filter.pass(random.pick(bits)) }
    for token in EscapeScannerTests.tokens([output[...]]) {
      #expect(!(token.hasPrefix("osc 52") && token.contains("?")), "\(readable(output))")
      #expect(!token.hasPrefix("malformed") && !token.hasPrefix("rejected"))
    }
    #expect(String(validating: output, as: UTF8.self) != nil)
  }
}
