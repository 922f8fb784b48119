import ApusTerminal
import ApusTestKit
import Testing

@Suite("the modes of a terminal") struct TerminalModesTests {
  static func modes(_ text: String) -> TerminalModes {
    var modes = TerminalModes()
    modes.feed(bytes(text))
    return modes
  }

  /// Modes in a form to compare: the bytes that lead into them.
  static func words(_ modes: TerminalModes) -> String { readable(modes.setting) }

  @Test(arguments: [
    ("\u{1B}[?1000;1006h", "␛[?1000h␛[?1006h"), ("\u{1B}[?1003h\u{1B}[?1000h", "␛[?1003h␛[?1000h"),
    ("\u{1B}[?25l", "␛[?25l"),
    ("\u{1B}[?25l\u{1B}[?25h", ""), ("\u{1B}[?1049h", "␛[?1049h"), ("\u{1B}[?47h", "␛[?47h"),
    ("\u{1B}[?1049h\u{1B}[?1049l", ""),
    ("\u{1B}[4h\u{1B}[20h", "␛[4h␛[20h"), ("\u{1B}=", "␛="), ("\u{1B}=\u{1B}>", ""), ("\u{1B}[3;9r", "␛[3;9r"),
    ("\u{1B}[3;9r\u{1B}[r", ""), ("\u{1B}(0\u{0E}", "␛(0\u{0E}"), ("\u{1B}[4 q", "␛[4 q"),
    ("\u{1B}[>1u\u{1B}[>5u", "␛[>1u␛[>5u"),
    ("\u{1B}[>1u\u{1B}[>5u\u{1B}[<u", "␛[>1u"), ("\u{1B}[=5;1u\u{1B}[=2;2u\u{1B}[=1;3u", "␛[=6;1u"),
    ("\u{1B}[>1u\u{1B}[?1049h\u{1B}[>3u", "␛[>1u␛[?1049h␛[>3u"), ("\u{1B}[>4;2m", "␛[>4;2m"),
    ("\u{1B}[>4;2m\u{1B}[>4m", ""),
    ("\u{1B}]0;t\u{07}", "␛]0;t␛\\"), ("\u{1B}]2;t\u{07}\u{1B}]1;i\u{07}", "␛]1;i␛\\␛]2;t␛\\"),
    ("\u{1B}]2;a\u{07}\u{1B}[22t\u{1B}]2;b\u{07}", "␛]2;a␛\\␛[22;0t␛]2;b␛\\"),
    ("\u{1B}]2;a\u{07}\u{1B}[22t\u{1B}]2;b\u{07}\u{1B}[23t", "␛]2;a␛\\"),
    ("\u{1B}]4;1;red;2;#fff\u{07}\u{1B}]10;a;b\u{07}", "␛]4;1;red␛\\␛]4;2;#fff␛\\␛]10;a␛\\␛]11;b␛\\"),
    ("\u{1B}]4;1;red;2;blue\u{07}\u{1B}]104;1\u{07}", "␛]4;2;blue␛\\"),
    ("\u{1B}]11;a\u{07}\u{1B}]111\u{07}\u{1B}]12;?\u{07}", ""),
    ("\u{1B}]7;file:///x\u{07}", "␛]7;file:///x␛\\"), ("\u{1B}]8;;http://a\u{07}", "␛]8;;http://a␛\\"),
    ("\u{1B}]8;;http://a\u{07}\u{1B}]8;;\u{07}", ""), ("\u{1B}]9;4;1;5\u{07}", "␛]9;4;1;5␛\\"),
    ("\u{1B}]9;4;1;5\u{07}\u{1B}]9;4;0\u{07}", ""),
    ("\u{1B}[?1;25;66l\u{1B}=\u{1B}[4h\u{1B}[2;3r\u{1B}(0\u{1B}[!p", ""),
    ("\u{1B}[?1003;2004h\u{1B}[>1u\u{1B}[?1049h\u{1B}c", ""),
    ("\u{1B}7\u{1B}[?6h\u{1B}8", ""), ("\u{1B}[?2026h", "␛[?2026h"), ("\u{1B}[?7l\u{1B}[?7h\u{1B}[?7l", "␛[?7l"),
  ])
  func `modes are followed and told again`(_ text: String, _ expected: String) {
    let modes = Self.modes(text)
    #expect(Self.words(modes) == "␛[22;0t" + expected)
    var others = TerminalModes()
    others.feed(modes.setting.dropFirst(bytes("\u{1B}[22;0t").count))
    #expect(Self.words(others) == Self.words(modes))
  }

  @Test(arguments: 1...150) func `into modes and out of them leads to a shell's terminal`(_ seed: Int) {
    var streams = Streams(UInt64(seed) + 40_000)
    var modes = TerminalModes()
    modes.feed(streams.stream(120))
    var terminal = Self.modes("\u{1B}]0;mine\u{07}")
    terminal.feed(modes.setting)
    terminal.feed(modes.undoing)
    terminal.feed(bytes("\u{1B}]7;\u{07}"))
    #expect(Self.words(terminal) == "␛[22;0t␛]7;␛\\␛]0;mine␛\\" || Self.words(terminal) == "␛[22;0t␛]0;mine␛\\␛]7;␛\\")
  }

  @Test(arguments: 1...150) func `the way out of any modes works without knowing them`(_ seed: Int) {
    var streams = Streams(UInt64(seed) + 50_000)
    var terminal = TerminalModes()
    terminal.feed(streams.stream(120))
    let isAlternate = terminal.isAlternate
    terminal.feed(TerminalModes.undoingAnything)
    if isAlternate { terminal.feed(TerminalModes.leavingAlternate) }
    #expect(!terminal.isAlternate && terminal.isCursorVisible && terminal.isSet(7))
    for mode in [1000, 1002, 1003, 1004, 1006, 2004, 2026, 1, 5, 66] { #expect(!terminal.isSet(mode), "\(mode)") }
    #expect(terminal.keyboards[0].flags == 0 && terminal.keyboards[0].stack.isEmpty)
    #expect(terminal.margins == nil && terminal.link == nil && terminal.progress == nil && terminal.cursorStyle == 0)
  }

  @Test func `the way out shows nothing on a terminal in no modes`() throws {
    let screen = try made(6, 20, "$ one\r\n$ two\u{1B}[31m")
    let before = (screen.text, screen.cursor)
    screen.feed(TerminalModes.undoingAnything)
    #expect(screen.text == before.0)
    #expect(screen.cursor == before.1)
    screen.feed(bytes("x"))
    #expect(screen.cells(row: 1)[5].pen == Pen())
  }

  @Test func `the way out of the alternate screen puts the cursor back`() throws {
    let screen = try made(6, 20, "$ one\r\n$ claude")
    let agent = "\u{1B}[?1049h\u{1B}[?1003;1006;2004h\u{1B}[2;5r\u{1B}[?6h\u{1B}[4;3Hhello\u{1B}[1;44m\u{1B}7"
    screen.feed(bytes(agent))
    screen.feed(screen.modes.undoing)
    #expect(screen.lines.prefix(2) == ["$ one", "$ claude"])
    #expect(screen.cursor == (1, 8))
    #expect(screen.pen == Pen())
    #expect(screen.modes.privateModes.isEmpty && screen.modes.margins == nil)
  }

  @Test func `margins are undone under the cursor`() throws {
    let screen = try made(6, 20, "a\r\nb\u{1B}[2;4r\u{1B}[3;5H")
    screen.feed(screen.modes.undoing)
    #expect(screen.cursor == (2, 4))
    #expect(screen.modes.margins == nil)
  }
}
