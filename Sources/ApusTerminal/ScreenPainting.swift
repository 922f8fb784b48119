/// A screen as bytes that show it.
extension Screen {
  /// Bytes which make another terminal of the same size show this screen, and leave its cursor, pen and modes so that
  /// it goes on with the program's next bytes (those `pendingBytes` first) as if it had seen all before. The terminal
  /// should be as it is when just switched on, but for what it shows, which is painted over. `modes.undoing`
  /// (of the modes at the end) brings it back. What may not pass to a person's terminal is not in it.
  package func paint() -> [UInt8] {
    var bytes = modes.keepingTitle
    bytes.add("\u{1B}[?25l")
    if isAlternate {
      // What a program finds there that leaves the alternate screen.
      paint(isAlternate: false, into: &bytes)
      // The cursor goes where it was left, since 1049 puts it aside once more.
      keep(0, into: &bytes)
      bytes += modes.entering
      leave(0, into: &bytes)
    }
    paint(isAlternate: isAlternate, into: &bytes)
    if !modes.wraps { bytes.add("\u{1B}[?7l") }
    if modes.isCursorVisible { bytes.add("\u{1B}[?25h") }
    finish(modes.shown, into: &bytes)
    var filter = PassFilter()
    return filter.pass(bytes)
  }

  /// Bytes that show one row on a terminal in its usual modes, wrapping off. The pen is the usual one afterwards, the
  /// cursor somewhere.
  package func paint(row: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.add("\u{1B}[0m")
    paint(cells(row: row), at: row, into: &bytes)
    return bytes
  }

  private func paint(isAlternate: Bool, into bytes: inout [UInt8]) {
    // No wrapping: where the other terminal thinks a character wider than we do, the line must not grow.
    bytes.add("\u{1B}[0m\u{1B}[?7l")
    for row in 0..<rows {
      paint(grid.row(row, alternate: isAlternate, columns: columns) ?? [], at: row, into: &bytes)
    }
    bytes.add("\u{1B}[?7h")
  }

  private func paint(_ cells: [Cell], at row: Int, into bytes: inout [UInt8]) {
    bytes.control(row + 1, 1, end: "H")
    bytes.add("\u{1B}[K")
    write(cells, isExact: false, into: &bytes)
  }

  /// Bytes that make a fresh `Screen` of this size what this one is, the screen under the alternate one included: from
  /// there on it takes any bytes as this one would.
  package func snapshot() -> [UInt8] {
    var bytes: [UInt8] = []
    write(isAlternate: false, into: &bytes)
    let primary = isAlternate ? 0 : nil
    if let primary {
      // The cursor goes where it was left, since 1049 puts it aside once more.
      keep(primary, into: &bytes)
      bytes += modes.entering
      leave(primary, into: &bytes)
      write(isAlternate: true, into: &bytes)
    }
    finish(modes.shown, into: &bytes)
    return bytes + scanner.pending
  }

  /// Makes a screen of a snapshot of one of the same size.
  package convenience init(snapshot: [UInt8], rows: Int, columns: Int) throws(OutOfMemory) {
    try self.init(rows: rows, columns: columns)
    feed(snapshot)
  }

  private func write(isAlternate: Bool, into bytes: inout [UInt8]) {
    for row in 0..<rows {
      guard let cells = grid.row(row, alternate: isAlternate, columns: columns), !cells.allSatisfy(\.isEmpty) else {
        continue
      }
      bytes.control(row + 1, 1, end: "H")
      write(cells, isExact: true, into: &bytes)
    }
  }

  /// The cells of an empty row, where the cursor is, with the usual pen before and after. `isExact`: a place where
  /// nothing was written stays one; else it becomes a blank where it has a colour, which any terminal shows.
  private func write(_ cells: [Cell], isExact: Bool, into bytes: inout [UInt8]) {
    var pen = Pen()
    var at = 0
    let end = cells.dropTrailing(where: \.isEmpty).endIndex
    while at < end {
      let cell = cells[at]
      let same = cells[at..<end].prefix { $0.isEmpty }.count
      if same > 0 {
        bytes.control(same, end: "C")
        at += same
        continue
      }
      if cell.pen != pen {
        pen = cell.pen
        pen.select(into: &bytes)
      }
      if isExact, cell.characters.isEmpty {
        let run = cells[at..<end].prefix { $0 == cell }.count
        bytes.control(run, end: "X")
        if at + run < end { bytes.control(run, end: "C") }
        at += run
        continue
      }
      cell.write(into: &bytes)
      at += max(1, cell.width)
      if cell.isDisputed, at < end { bytes.control(at + 1, end: "G") }
    }
    if pen != Pen() { bytes.add("\u{1B}[0m") }
  }

  /// Tab stops, what DECSC kept, modes, pen, cursor.
  private func finish(_ shown: Int, into bytes: inout [UInt8]) {
    writeTabs(into: &bytes)
    keep(shown, into: &bytes)
    leave(shown, into: &bytes)
    bytes += modes.settingOnScreen
    let cursor = grid.cursor
    let isRewritten = isAtEdge || last != nil
    let row = cursor.row - (modes.isOrigin ? margins.top : 0) + 1
    bytes.control(row, (isRewritten ? cursor.glyphColumn : cursor.column) + 1, end: "H")
    // The edge is reached only by writing there; what is written last can be repeated.
    if isRewritten { rewrite(cells(row: cursor.glyphRow)[cursor.glyphColumn], into: &bytes) }
    if last == nil { pen.select(into: &bytes) }
    if let single = modes.charsets.single { bytes.add(single == 2 ? "\u{1B}N" : "\u{1B}O") }
  }

  /// Writes a character where it is already, whatever the modes are.
  private func rewrite(_ cell: Cell, into bytes: inout [UInt8]) {
    cell.pen.select(into: &bytes)
    var charsets = modes.charsets
    charsets.single = nil
    let isTranslated = cell.characters.first.map { $0 < 0x80 && charsets.translate(UInt8($0)) != $0 } ?? false
    if isTranslated { charsets.deselect(into: &bytes) }
    if modes.isInserting { bytes.add("\u{1B}[4l") }
    cell.write(into: &bytes)
    if modes.isInserting { bytes.add("\u{1B}[4h") }
    if isTranslated { charsets.select(into: &bytes) }
  }

  private func writeTabs(into bytes: inout [UInt8]) {
    guard tabs != Self.tabs(columns) else { return }
    bytes.add("\u{1B}[3g")
    for column in tabs.indices where tabs[column] {
      bytes.control(1, column + 1, end: "H")
      bytes.add("\u{1B}H")
    }
  }

  /// Makes the terminal keep what DECSC kept here. Where that is nothing of note, only puts the cursor there.
  private func keep(_ screen: Int, into bytes: inout [UInt8]) {
    let place = saved[screen]
    let kept = modes.saved[screen]
    guard place != Saved() || kept != TerminalModes.Saved() else {
      bytes.add("\u{1B}[H")
      return
    }
    kept.charsets.select(into: &bytes)
    if kept.isOrigin { bytes.add("\u{1B}[?6h") }
    place.pen.select(into: &bytes)
    bytes.control(place.row + 1, place.column + 1, end: "H")
    bytes.add("\u{1B}7")
  }

  /// After `keep`: the usual pen and modes.
  private func leave(_ screen: Int, into bytes: inout [UInt8]) {
    let kept = modes.saved[screen]
    kept.charsets.deselect(into: &bytes)
    if kept.isOrigin { bytes.add("\u{1B}[?6l") }
    if saved[screen].pen != Pen() { bytes.add("\u{1B}[0m") }
  }
}

extension Cell {
  /// Whether terminals disagree on how many columns it takes: marks, and symbols that may be pictures.
  fileprivate var isDisputed: Bool {
    guard let first = characters.first else { return false }
    return characters.count > 1 || (0x2300...0x23FF).contains(first) || (0x2600...0x27BF).contains(first)
      || (0x2B00...0x2BFF).contains(first) || (0x1F000...0x1FFFF).contains(first)
  }
}
