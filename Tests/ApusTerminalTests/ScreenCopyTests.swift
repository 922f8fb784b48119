import ApusTerminal
import ApusTestKit
import Testing

@Suite("a screen on another terminal") struct ScreenCopyTests {
  /// What a person sees, and how the terminal goes on.
  private func appearance(_ screen: Screen) -> String {
    readable(screen.ansi) + "\(screen.cursor) \(screen.isCursorVisible) \(screen.isAlternate) \(screen.pen)"
  }

  @Test(arguments: 1...120) func `a painted screen looks the same`(_ seed: Int) throws {
    var streams = Streams(UInt64(seed) + 100_000)
    let rows = 2 + streams.below(8)
    let columns = 4 + streams.below(30)
    let screen = try made(rows, columns)
    let all = streams.stream(20 + streams.below(200))
    screen.feed(all)
    let other = try made(rows, columns, "\u{1B}[44msomething else\r\n世界\u{1B}[0m")
    other.feed(screen.paint())
    #expect(appearance(other) == appearance(screen))
    var filter = PassFilter()
    #expect(filter.pass(screen.paint()) == screen.paint())
    #expect(filter.pass(screen.modes.undoing) == screen.modes.undoing)
    // And goes on the same, from the last boundary on, also where that leaves the alternate screen.
    let rest = streams.stream(40)
    other.feed(all.suffix(screen.pendingBytes) + rest)
    screen.feed(rest)
    #expect(other.lines == screen.lines)
    #expect(other.cursor == screen.cursor)
  }

  @Test(arguments: 1...200) func `a snapshot and the rest make the same screen as all`(_ seed: Int) throws {
    var streams = Streams(UInt64(seed) + 200_000)
    let rows = 1 + streams.below(7)
    let columns = 2 + streams.below(24)
    let all = streams.stream(40 + streams.below(160))
    let whole = try made(rows, columns)
    whole.feed(all)
    for _ in 0..<6 {
      let cut = streams.below(all.count + 1)
      let first = try made(rows, columns)
      first.feed(all[..<cut])
      let second = try Screen(snapshot: first.snapshot(), rows: rows, columns: columns)
      try #require(state(second) == state(first), "cut at \(cut) of \(readable(Array(all[..<cut].suffix(300))))")
      second.feed(all[cut...])
      try #require(state(second) == state(whole), "cut at \(cut): \(readable(Array(all[cut...].prefix(300))))")
    }
  }

  @Test(arguments: 1...60) func `a screen is the same however its bytes came`(_ seed: Int) throws {
    var streams = Streams(UInt64(seed) + 300_000)
    let all = streams.stream(150)
    let whole = try made(6, 20)
    whole.feed(all)
    let inPieces = try made(6, 20)
    for chunk in streams.cut(all) { inPieces.feed(chunk) }
    #expect(state(inPieces) == state(whole))
    let byteByByte = try made(6, 20)
    for n in all.indices { byteByByte.feed(all[n...n]) }
    #expect(state(byteByByte) == state(whole))
  }

  @Test func `the screen under the alternate one comes back`() throws {
    let screen = try made(4, 20, "$ ls\r\n\u{1B}[32mfiles\u{1B}[0m\r\n$ vim\u{1B}[?1049h\u{1B}[2;2Hediting\u{1B}[7m~")
    let copy = try Screen(snapshot: screen.snapshot(), rows: 4, columns: 20)
    #expect(copy.lines == ["", " editing~", "", ""])
    copy.feed(bytes("\u{1B}[?1049l!"))
    #expect(copy.lines == ["$ ls", "files", "$ vim!", ""])
    #expect(copy.cells(row: 1)[0].pen.foreground == .indexed(2))
    #expect(copy.pen == Pen())
  }

  @Test(arguments: [
    "0123456789", "01234567世", "012345678e\u{301}", "\u{1B}[31m0123456789\u{1B}[32m", "\u{1B}[4h0123456789",
  ])
  func `a line full to the edge wraps on after it was painted`(_ text: String) throws {
    for paint in [true, false] {
      let screen = try made(3, 10, text)
      let copy = try made(3, 10)
      copy.feed(paint ? screen.paint() : screen.snapshot())
      #expect(copy.cursor == screen.cursor)
      copy.feed(bytes("x"))
      screen.feed(bytes("x"))
      #expect(copy.lines == screen.lines)
      #expect(copy.lines[1] == "x")
    }
  }

  @Test func `a painted screen ends in the program's modes`() throws {
    let screen = try made(
      4, 20,
      "\u{1B}]2;t\u{07}\u{1B}[?1049h\u{1B}[?1003;1006;2004h\u{1B}[2;3r\u{1B}[?6h\u{1B}[2;2Hx\u{1B}7\u{1B}[1;35m\u{1B}[H"
    )
    let copy = try made(4, 20)
    copy.feed(screen.paint())
    #expect(copy.modes.privateModes == screen.modes.privateModes)
    #expect(copy.modes.margins == screen.modes.margins)
    #expect(copy.title == "t")
    #expect(copy.cursor == screen.cursor && copy.cursor == (1, 0))
    #expect(copy.pen == screen.pen)
    copy.feed(bytes("\u{1B}8y"))
    #expect(copy.lines[2] == " xy")
  }

  @Test func `nothing forbidden reaches a person by way of a painting`() throws {
    let forbidden = "\u{1B}[?46h\u{1B}[?38h\u{1B}[?2h\u{1B}[?1001h\u{1B}]8;;javascript:x\u{07}\u{1B}]52;c;?\u{07}x"
    let screen = try made(2, 10, forbidden)
    let plain = try made(2, 10, "x")
    #expect(readable(screen.paint()) == readable(plain.paint()))
    #expect(readable(screen.modes.setting) == readable(plain.modes.setting))
    #expect(readable(screen.modes.undoing).replacing("␛]8;;␛\\", with: "") == readable(plain.modes.undoing))
    var filter = PassFilter()
    for bytes in [TerminalModes.undoingAnything, TerminalModes.leavingAlternate] {
      #expect(filter.pass(bytes) == bytes)
    }
  }

  @Test func `a paint is no larger than it must be`() throws {
    let blank = try made(40, 120)
    #expect(blank.paint().count < 500)
    let full = try made(40, 120, String(repeating: "\u{1B}[31mx", count: 40 * 120))
    #expect(full.paint().count < 40 * 120 + 1200)
  }
}
