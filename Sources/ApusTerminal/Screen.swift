/// What a terminal of a given size shows after a program's output: cells, cursor, modes. Written to by `feed`; read as
/// text (`text`, `ansi`), as bytes that show the same on another terminal (`paint`), and as bytes from which another
/// `Screen` goes on as this one would (`snapshot`).
///
/// As xterm does it, with these exceptions: nothing is kept of what scrolls off; left and right margins, double-width
/// lines, protected characters, pictures and links on cells are ignored; showing the alternate screen a second time
/// changes nothing. Characters joined by U+200D stand side by side, each as wide as by itself.
package final class Screen {
  package private(set) var rows: Int
  package private(set) var columns: Int
  package internal(set) var modes: TerminalModes
  package internal(set) var pen = Pen()

  let grid: Grid
  var scanner = EscapeScanner()
  /// What DECSC kept on each screen, and 1049.
  var saved = [Saved(), Saved()]
  /// A character was written in the last column: the next one goes on the next line.
  var isAtEdge = false
  /// The character just written, for REP.
  var last: UInt32?
  var tabs: [Bool]
  private var characters: [UInt32] = []

  struct Saved: Equatable {
    var row = 0
    var column = 0
    var pen = Pen()
  }

  /// Sizes are kept within what is sane: 1 to 1000 rows, 2 to 1000 columns.
  package init(rows: Int, columns: Int) throws(OutOfMemory) {
    self.rows = Self.sane(rows, 1)
    self.columns = Self.sane(columns, 2)
    guard let grid = Grid(rows: self.rows, columns: self.columns) else { throw OutOfMemory() }
    self.grid = grid
    modes = TerminalModes(rows: self.rows)
    tabs = Self.tabs(self.columns)
  }

  /// There is no memory for a screen of that size.
  package struct OutOfMemory: Error {}

  static func sane(_ size: Int, _ least: Int) -> Int { min(1000, max(least, size)) }
  static func tabs(_ columns: Int) -> [Bool] { (0..<columns).map { $0 % 8 == 0 } }

  /// How many bytes of those fed last belong to an unfinished sequence or character, of which the screen shows nothing
  /// yet. Whoever paints this screen elsewhere goes on with the stream before them.
  package var pendingBytes: Int { scanner.pendingBytes }

  package var isAlternate: Bool { modes.isAlternate }
  package var isCursorVisible: Bool { modes.isCursorVisible }
  package var title: String? { modes.titles.current.title.map { String(decoding: $0, as: UTF8.self) } }

  /// Row and column from 0.
  package var cursor: (row: Int, column: Int) {
    let cursor = grid.cursor
    return (cursor.row, cursor.column)
  }

  /// The cells of a row of what is shown.
  package func cells(row: Int) -> [Cell] { grid.row(row, alternate: isAlternate, columns: columns) ?? [] }

  package func feed(_ bytes: ArraySlice<UInt8>) {
    var scanner = EscapeScanner()
    swap(&scanner, &self.scanner)
    bytes.withUnsafeBufferPointer { scanner.scan($0) { take($0) } }
    swap(&scanner, &self.scanner)
  }

  package func feed(_ bytes: [UInt8]) { feed(bytes[...]) }

  private func take(_ token: EscapeToken) {
    switch token.kind {
    case .text: write(token.bytes)
    case .malformed: write([0xFFFD])
    case .control, .escape, .csi, .osc, .dcs, .apc, .pm, .sos, .rejected:
      act(token)
      last = nil
    }
  }

  private func write(_ bytes: UnsafeBufferPointer<UInt8>) {
    if modes.charsets.isPlain, EscapeScanner.skipPrintable(bytes, 0) == bytes.count, let final = bytes.last {
      grid.write(bytes)
      written(UInt32(final))
      return
    }
    characters.removeAll(keepingCapacity: true)
    let isShifted = modes.charsets.single != nil
    var at = 0
    while at < bytes.count {
      let length = EscapeScanner.character(bytes, at)
      guard length > 0 else { break }
      if length == 1 {
        characters.append(modes.charsets.translate(bytes[at]))
      } else {
        // Well-formed, so the bits are where they belong.
        var value = UInt32(bytes[at]) & (0xFF >> UInt32(length + 1))
        for n in 1..<length { value = value << 6 | UInt32(bytes[at + n] & 0x3F) }
        characters.append(value)
      }
      modes.charsets.single = nil
      at += length
    }
    write(characters[...])
    // What stood for it would stand for something else the second time.
    if isShifted, characters.count == 1 { last = nil }
  }

  private func write(_ characters: ArraySlice<UInt32>) {
    modes.charsets.single = nil
    var start = characters.startIndex
    for n in characters.indices where Grid.width(characters[n]) == 0 {
      put(characters[start..<n])
      mark(characters[n])
      start = n + 1
    }
    put(characters[start...])
  }

  func put(_ characters: ArraySlice<UInt32>) {
    guard let final = characters.last else { return }
    let fits = grid.put(characters)
    written(fits ? final : nil)
  }

  private func written(_ character: UInt32?) {
    let cursor = grid.cursor
    isAtEdge = modes.wraps && cursor.glyphEnd >= columns
    // Written again in a snapshot, it would push aside what follows.
    last = modes.isInserting ? nil : character
  }

  /// A mark belongs to the character before the cursor, whenever that was written.
  private func mark(_ mark: UInt32) {
    let cursor = grid.cursor
    if isAtEdge || last != nil && cursor.glyphEnd >= columns {
      grid.mark(cursor.row, columns - 1, mark)
    } else if cursor.column > 0 {
      grid.mark(cursor.row, cursor.column - 1, mark)
    }
  }

  /// Gives the screen another size, as terminals do whose windows change: what no longer fits goes at the right, below
  /// the cursor, then at the top. Margins go.
  package func resize(rows newRows: Int, columns newColumns: Int) {
    let newRows = Self.sane(newRows, 1)
    let newColumns = Self.sane(newColumns, 2)
    guard newRows != rows || newColumns != columns else { return }
    var place = cursor
    if isAtEdge { place.column += newColumns > columns ? 1 : 0 }
    let shown = modes.shown
    var keep = [saved[0].row, saved[1].row]
    keep[shown] = place.row
    let dropped = grid.resize(rows: newRows, columns: newColumns, keep: keep.map { min($0, rows - 1) })
    for n in 0...1 {
      saved[n].row = min(newRows - 1, max(0, saved[n].row - dropped[n]))
      saved[n].column = min(newColumns - 1, saved[n].column)
    }
    tabs = (tabs + Self.tabs(newColumns).dropFirst(tabs.count)).prefix(newColumns).map { $0 }
    rows = newRows
    columns = newColumns
    modes.fit(rows: newRows)
    isAtEdge = false
    last = nil
    restoreGrid()
    move(max(0, place.row - dropped[shown]), place.column)
  }
}
