import ApusTerminal
import ApusTestKit
import Testing

/// The same bytes in a `Screen` and in a pane of tmux, which is another's reading of the same standards.
@Suite("a screen beside tmux") struct TmuxTests {
  private let tmux: Tmux

  init() throws { tmux = try Tmux() }

  enum Size: CaseIterable, Sendable {
    case small, large

    var rows: Int { self == .small ? 24 : 40 }
    var columns: Int { self == .small ? 80 : 120 }
  }

  /// Both show the same lines, and every character looks the same.
  private func compare(_ bytes: [UInt8], _ size: Size) throws {
    let screen = try made(size.rows, size.columns)
    screen.feed(bytes)
    let shown = try tmux.show(bytes, rows: size.rows, columns: size.columns)
    #expect(screen.lines == shown.lines)
    // tmux's lines, as a screen has them. The looks of a line go on in the next.
    let other = try made(size.rows, size.columns, "\u{1B}[?7l\u{1B})0")
    for (row, line) in shown.ansi.enumerated() {
      other.feed(Array("\u{1B}[\(row + 1);1H".utf8) + line)
      for (column, theirs) in other.cells(row: row).enumerated() where !theirs.characters.isEmpty {
        let ours = screen.cells(row: row)[column]
        #expect(look(ours) == look(theirs), "row \(row) column \(column) \(theirs.characters)")
      }
    }
    // And painted, it is the same once more.
    let painted = try made(size.rows, size.columns)
    painted.feed(screen.paint())
    #expect(painted.ansi == screen.ansi)
    #expect(painted.cursor == screen.cursor)
    let restored = try Screen(snapshot: screen.snapshot(), rows: size.rows, columns: size.columns)
    #expect(state(restored) == state(screen))
    // A person's terminal shows the same through the filter.
    var filter = PassFilter()
    let filtered = try made(size.rows, size.columns)
    filtered.feed(filter.pass(bytes))
    #expect(filtered.ansi == screen.ansi)
  }

  /// Of a blank only what shows.
  private func look(_ cell: Cell) -> Pen {
    guard cell.characters == [0x20] || cell.characters.isEmpty else { return cell.pen }
    var pen = Pen()
    pen.background = cell.pen.background
    guard cell.pen.attributes.contains(.reverse) else { return pen }
    pen.attributes = .reverse
    pen.foreground = cell.pen.foreground
    return pen
  }

  /// What was shown before the program left the alternate screen.
  private func beforeLeaving(_ bytes: [UInt8]) throws -> [UInt8] {
    let leaving = Array("\u{1B}[?1049l".utf8)
    let at = try #require(bytes.indices.last { bytes[$0...].starts(with: leaving) })
    return Array(bytes[..<at])
  }

  private func prose(_ lines: Int) -> String {
    (1...lines).map { "\($0)\tfunc line\($0)() { return \"世界 é \($0 * 7919 % 1000)\" } // word" }.joined(
      separator: "\n") + "\n"
  }

  @Test(arguments: Size.allCases) func `vim shows the same`(_ size: Size) throws {
    let directory = try TemporaryDirectory()
    try directory.write("text.c", prose(200))
    let recorded = try Captured.record(
      [
        "--wait", "200L", "--send", ":set number hlsearch cursorline\\r", "--wait", "cursorline", "--send", "/word\\r",
        "--wait", "/word", "--send", ":vsplit\\r", "--wait", "vsplit", "--send", "20Gdd20jOnew \\x1b", "--wait", "new",
        "--send",
        ":split | normal Gzt\\r", "--wait", "200", "--send", ":q!\\r:q!\\r:q!\\r",
      ], ["vim", "-u", "NONE", "-i", "NONE", "-n", "-N", "-c", "syntax on", directory.path + "/text.c"],
      rows: size.rows,
      columns: size.columns, in: directory)
    try compare(beforeLeaving(recorded), size)
    try compare(recorded, size)
    try compare(Array(recorded[..<(recorded.count / 2)]), size)
  }

  @Test(arguments: Size.allCases) func `htop shows the same`(_ size: Size) throws {
    let directory = try TemporaryDirectory()
    let recorded = try Captured.record(
      ["--wait", "F10", "--send", "t", "--wait", "\u{1B}[", "--send", "q"], ["htop", "-d", "2"], rows: size.rows,
      columns: size.columns, in: directory)
    try compare(beforeLeaving(recorded), size)
  }

  @Test(arguments: Size.allCases) func `less shows the same`(_ size: Size) throws {
    let directory = try TemporaryDirectory()
    try directory.write("long", prose(300))
    let recorded = try Captured.record(
      [
        "--wait", "long", "--send", " ", "--wait", ":", "--send", "/9[0-9]\\r", "--wait", "\u{1B}[7m", "--send",
        "jjjkb", "--wait", ":",
        "--send", "G", "--wait", "END", "--send", "kkkq",
      ], ["less", directory.path + "/long"], rows: size.rows, columns: size.columns, in: directory)
    try compare(beforeLeaving(recorded), size)
  }

  @Test(arguments: Size.allCases) func `a coloured listing shows the same`(_ size: Size) throws {
    let directory = try TemporaryDirectory()
    let recorded = try Captured.record(
      [], ["ls", "--color=always", "-C", "/usr/bin", "/etc", "/dev"], rows: size.rows, columns: size.columns,
      in: directory)
    #expect(recorded.count > 10_000)
    try compare(recorded, size)
  }

  @Test(arguments: Size.allCases) func `wide characters and marks show the same`(_ size: Size) throws {
    let line = "漢字 かな ｶﾅ 한국어 é e\u{301} ạ\u{323}\u{302} 🙂🧠🟢🪄 🇩🇪 ❤\u{FE0F} ก็ שָׁ ☺ ⏺ ⎿ ✳ │┌─┐█ ﷽ \u{200B}x か\u{3099}"
    let text = (0..<30).map { "\($0)" + String(repeating: " ", count: $0) + line + line }.joined(separator: "\r\n")
    try compare(bytes(text), size)
  }

  @Test(arguments: Size.allCases) func `all colours and looks show the same`(_ size: Size) throws {
    var text = ""
    for n in 0..<256 { text += "\u{1B}[38;5;\(n)mx\u{1B}[0;48;5;\(n)my\u{1B}[0m" }
    text += "\r\n"
    for n in 0..<256 { text += "\u{1B}[38;2;\(n);\(255 - n);7mr\u{1B}[48:2::9:\(n):1mg\u{1B}[m" }
    text += "\r\n"
    for n in [1, 2, 3, 4, 5, 7, 8, 9, 21] { text += "\u{1B}[\(n)mA\u{1B}[3\(n % 8)mB\u{1B}[10\(n % 8)m C\u{1B}[0m-" }
    for n in ["4:2", "4:3", "4:4", "4:5", "4:3;58:5:9", "4;58:2::1:2:3"] {
      text += "\u{1B}[\(n)mu\u{1B}[24;59mv\u{1B}[m"
    }
    text +=
      "\r\n\u{1B}[1;2;3mx\u{1B}[22my\u{1B}[23mz\u{1B}[90;107mq\u{1B}[39mr\u{1B}[49ms\u{1B}[0m\r\n\u{1B}[44mblue to the end\u{1B}[K\u{1B}[0m"
    try compare(bytes(text), size)
  }

  @Test(arguments: Size.allCases) func `regions, insertions and tabs show the same`(_ size: Size) throws {
    let filled = (1...size.rows).map { "line \($0)\u{1B}[K" }.joined(separator: "\r\n")
    let steps = [
      "\u{1B}[5;15r\u{1B}[15;1H\n\n\nnew", "\u{1B}[5;15r\u{1B}[5;1H\u{1B}M\u{1B}Mup", "\u{1B}[7;1H\u{1B}[2Lins",
      "\u{1B}[7;1H\u{1B}[3M",
      "\u{1B}[5;15r\u{1B}[8;1H\u{1B}[3L\u{1B}[12;1H\u{1B}[2M", "\u{1B}[3;10r\u{1B}[2S\u{1B}[r\u{1B}[3T",
      "\u{1B}[6;3H\u{1B}[4hXY\u{1B}[4l",
      "\u{1B}[6;3H\u{1B}[3@\u{1B}[8;2H\u{1B}[2P\u{1B}[9;3H\u{1B}[2X",
      "\u{1B}[3;8r\u{1B}[?6h\u{1B}[2;2Horigin\u{1B}[99;1Hend\u{1B}[?6l",
      "\u{1B}[H\ta\tb\u{1B}[2;5H\u{1B}H\u{1B}[3;1H\tc\u{1B}[3g\u{1B}[4;1H\td",
      "\u{1B}[9;9H\u{1B}[1J\u{1B}[12;4H\u{1B}[1K\u{1B}[20;1H\u{1B}[J",
      "\u{1B}[10;30H\u{1B}7\u{1B}[2J\u{1B}8back", "\u{1B}[5;20r\u{1B}[10;1H\u{1B}[99Atop\u{1B}[99Bbottom",
      "\u{1B}[3;70H0123456789012345678",
      "\u{1B}[4;1H\u{1B}(0lqqqk\r\nx   x\r\nmqqqj\u{1B}(B", "\u{1B}[4;1Hab\u{1B}[5bc\u{1B}[2Ed\u{1B}[1Fe",
      "\u{1B}[?1049hother\u{1B}[?1049l!",
    ]
    for step in steps where !step.contains("\u{1B}(0") { try compare(bytes(filled + step), size) }
    try compare(bytes(filled + steps.filter { !$0.contains("\u{1B}(0") }.joined()), size)
  }

  // Where both are right, or tmux is not.

  @Test func `tmux joins pictures, we leave them side by side`() throws {
    let family = bytes("👩\u{200D}👩\u{200D}👧x")
    #expect(try tmux.show(family, rows: 24, columns: 80).lines[0] == "👩\u{200D}👩\u{200D}👧x")
    let screen = try made(24, 80)
    screen.feed(family)
    #expect(screen.cells(row: 0)[6].characters == [0x78])
  }

  @Test func `half a wide character goes, where tmux leaves the other half`() throws {
    let halves = bytes("世界世界\u{1B}[1;2Hx\u{1B}[1;5Hy")
    #expect(try tmux.show(halves, rows: 24, columns: 80).lines[0] == "世x界y 界")
    let screen = try made(24, 80)
    screen.feed(halves)
    #expect(screen.lines[0] == " x界y 界")
  }

  @Test func `tmux tells a line above as blinking`() throws {
    let over = bytes("\u{1B}[53mx")
    #expect(readable(try tmux.show(over, rows: 24, columns: 80).ansi[0]).hasPrefix("␛[5:3mx"))
    let screen = try made(24, 80)
    screen.feed(over)
    #expect(readable(screen.ansi).hasPrefix("␛[0;53mx␛[0m\n"))
  }

  @Test func `tmux tells drawn lines as letters`() throws {
    let drawn = bytes("\u{1B}(0lqk\u{1B}(B")
    #expect(try tmux.show(drawn, rows: 24, columns: 80).lines[0] == "lqk")
    let screen = try made(24, 80)
    screen.feed(drawn)
    #expect(screen.lines[0] == "┌─┐")
  }
}
