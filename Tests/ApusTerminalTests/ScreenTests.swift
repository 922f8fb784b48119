import ApusTerminal
import ApusTestKit
import Testing

@Suite("a screen") struct ScreenTests {
  @Test(arguments: [
    ("ab\r\ncd", "ab|cd|"), ("0123456789x", "0123456789|x|"), ("0123456789\r\nx", "0123456789|x|"),
    ("a\tb", "a       b||"),
    ("abc\u{1B}[2Gx", "axc||"), ("1\r\n2\r\n3\r\n4", "2|3|4"), ("世界", "世界||"), ("012345678世", "012345678|世|"),
    ("世\u{1B}[1Gx", "x||"), ("世\u{1B}[2Gx", " x||"), ("e\u{301}x", "e\u{301}x||"), ("🧠x", "🧠x||"),
    ("\u{1B}(0qqx\u{1B}(Bq", "──│q||"),
    ("abc\u{1B}[1G\u{1B}[4hxy", "xyabc||"), ("a\u{1B}[3bb", "aaaab||"), ("abcdef\u{1B}[3G\u{1B}[2P", "abef||"),
    ("abc\u{1B}[1G\u{1B}[2@", "  abc||"), ("ab\r\ncd\u{1B}[1A\u{1B}[L", "|ab|cd"),
    ("ab\r\ncd\u{1B}[1;1H\u{1B}[M", "cd||"),
    ("1\r\n2\r\n3\u{1B}[2;3r\u{1B}[3;1H\n4", "1|3|4"), ("abc\u{1B}[2J", "||"), ("abc\u{1B}[1G\u{1B}[K", "||"),
    ("\u{1B}#8", "EEEEEEEEEE|EEEEEEEEEE|EEEEEEEEEE"), ("a\u{1B}7bc\u{1B}8x", "axc||"),
    ("ab\u{1B}[sc\u{1B}[ux", "abx||"),
    ("a\u{1B}[?1049hb\u{1B}[?1049lc", "ac||"), ("a\u{1B}[?1049hb", " b||"), ("a\u{85}b", "a|b|"),
    ("\u{1B}[?7l0123456789xy", "012345678y||"),
    ("\u{301}a", "a||"), ("0123456789\u{301}", "0123456789\u{301}||"), ("x\u{1B}Mz", " z|x|"),
    ("か\u{3099}x", "か\u{3099}x||"),
    ("a\u{1B}[99999999999Cb", "a        b||"),
    ("\u{1B}[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21mx", "x||"),
    ("\u{1B}[9999b\u{1B}[99999999999Pz", "z||"), ("a\u{1B}[3g\tb", "a        b||"),
    ("abc\u{1B}[1;2H\u{1B}H\r\tx", "axc||"),
    ("\u{1B}[?7l01234567\u{1B}[10G世x", "01234567 x||"),
  ])
  func `text goes where a terminal puts it`(_ input: String, _ expected: String) throws {
    #expect(try made(3, 10, input).lines.joined(separator: "|") == expected)
  }

  @Test func `every look of a character is kept`() throws {
    let looks =
      "\u{1B}[1ma\u{1B}[0;2mb\u{1B}[0;3mc\u{1B}[0;4md\u{1B}[0;5me\u{1B}[0;7mf\u{1B}[0;8mg\u{1B}[0;9mh\u{1B}[0;53mi"
    let lines = "\u{1B}[0;4:3mj\u{1B}[0;21mk\u{1B}[4:5ml\u{1B}[58:2::1:2:3mm\u{1B}[0m"
    let colours =
      "\u{1B}[31mn\u{1B}[95mo\u{1B}[38;5;200mp\u{1B}[38;2;1;2;3mq\u{1B}[0;48:5:9mr\u{1B}[48;2;4;5;6ms\u{1B}[1;2;22mt"
    let screen = try made(1, 40, looks + lines + colours)
    let pens = screen.cells(row: 0).map(\.pen)
    let attributes: [Pen.Attributes] = [.bold, .faint, .italic, [], .blink, .reverse, .concealed, .struck, .overlined]
    #expect(pens.prefix(9).map(\.attributes) == attributes)
    #expect(pens[3].underline == 1 && pens[9].underline == 3 && pens[10].underline == 2 && pens[11].underline == 5)
    #expect(pens[12].line == .rgb(1, 2, 3))
    #expect(pens[13].foreground == .indexed(1) && pens[14].foreground == .indexed(13))
    #expect(pens[15].foreground == .indexed(200) && pens[16].foreground == .rgb(1, 2, 3))
    #expect(pens[17].background == .indexed(9) && pens[18].background == .rgb(4, 5, 6))
    #expect(pens[19].attributes == [] && pens[19].background == .rgb(4, 5, 6))
    let other = try made(1, 40)
    other.feed(screen.paint())
    #expect(other.cells(row: 0) == screen.cells(row: 0))
  }

  @Test func `what is erased takes the background and nothing else`() throws {
    let screen = try made(2, 4, "\u{1B}[1;4;7;44mab\u{1B}[K\u{1B}[0m")
    #expect(screen.cells(row: 0)[3].characters.isEmpty)
    var blue = Pen()
    blue.background = .indexed(4)
    #expect(screen.cells(row: 0)[3].pen == blue)
  }

  @Test func `cursor, title and screen are told`() throws {
    let screen = try made(5, 20, "\u{1B}]0;✳ Claude\u{07}\u{1B}[?1049h\u{1B}[?25l\u{1B}[3;7H")
    #expect(screen.title == "✳ Claude")
    #expect(screen.cursor == (2, 6))
    #expect(screen.isAlternate && !screen.isCursorVisible)
  }

  @Test func `the lines with colours stand each by itself`() throws {
    let screen = try made(3, 10, "\u{1B}[31mred  \r\nmore\u{1B}[0m x\u{1B}[44m \u{1B}[0m ")
    #expect(readable(screen.ansi) == "␛[0;31mred␛[0m\n␛[0;31mmore␛[0m x␛[0;44m ␛[0m\n\n")
    #expect(screen.text == "red\nmore x\n\n")
  }

  @Test func `one row can be painted`() throws {
    let screen = try made(3, 10, "one\r\n\u{1B}[31mtwo\u{1B}[0m\r\nthree")
    #expect(readable(screen.paint(row: 1)) == "␛[0m␛[2;1H␛[K␛[0;31mtwo␛[0m")
  }

  @Test func `an unfinished sequence is shown by nothing and told`() throws {
    let screen = try made(2, 10, "ab\u{1B}[3")
    #expect(screen.pendingBytes == 3)
    screen.feed(bytes("1mc\u{E9}"))
    #expect(screen.pendingBytes == 0)
    #expect(screen.lines[0] == "abcé")
  }

  @Test(arguments: [(4, 10), (2, 10), (3, 5), (3, 20), (1, 2), (8, 30), (0, 0), (5000, 5000)])
  func `another size keeps what fits and the cursor's line`(_ rows: Int, _ columns: Int) throws {
    let screen = try made(3, 10, "1234567890\r\n世世世世世\r\nthree\u{1B}[2;1r")
    screen.resize(rows: rows, columns: columns)
    #expect(screen.rows == min(1000, max(1, rows)) && screen.columns == min(1000, max(2, columns)))
    #expect(screen.lines[screen.cursor.row].hasPrefix("th"))
    screen.feed(bytes("\r\nx\u{1B}[999;999Hy\u{1B}8\u{1B}[2;3r\nz\u{1B}[?1049h\u{1B}[2Jw"))
    #expect(screen.lines.joined().contains("w"))
  }

  @Test(arguments: 1...60) func `no noise and no size leads out of the screen`(_ seed: Int) throws {
    var streams = Streams(UInt64(seed) + 70_000)
    var random = Seeded(UInt64(seed))
    let screen = try made(1 + random.below(6), 2 + random.below(12))
    for _ in 0..<40 {
      screen.feed(streams.stream(12))
      screen.feed(random.bytes(20))
      if random.chance(40) { screen.resize(rows: 1 + random.below(9), columns: 2 + random.below(20)) }
      #expect(screen.cursor.row < screen.rows && screen.cursor.column < screen.columns)
      for row in 0..<screen.rows {
        let cells = screen.cells(row: row)
        #expect(cells.map(\.width).reduce(0, +) == screen.columns)
        for (n, cell) in cells.enumerated() where cell.width == 0 { #expect(cells[n - 1].width == 2) }
      }
    }
  }
}
