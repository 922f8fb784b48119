/// A screen as text.
extension Screen {
  /// The lines that are shown, without the blanks at their ends: what `tmux capture-pane -p` says.
  package var lines: [String] {
    (0..<rows).map { row in
      var bytes: [UInt8] = []
      for cell in cells(row: row).dropTrailing(where: \.isBlank) { cell.write(into: &bytes) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The lines, each with a newline.
  package var text: String { lines.map { $0 + "\n" }.joined() }

  /// The lines with their colours, each with a newline and by itself: SGR begins and ends anew on every line. Blanks at
  /// a line's end stay where they have a colour.
  package var ansi: [UInt8] {
    var bytes: [UInt8] = []
    for row in 0..<rows {
      var pen = Pen()
      for cell in cells(row: row).dropTrailing(where: \.isUnseen) {
        if cell.width > 0, cell.pen != pen {
          pen = cell.pen
          pen.select(into: &bytes)
        }
        cell.write(into: &bytes)
      }
      if pen != Pen() { bytes.add("\u{1B}[0m") }
      bytes.append(0x0A)
    }
    return bytes
  }
}

extension Cell {
  /// The character, a blank where there is none, nothing for the second half of a wide one.
  func write(into bytes: inout [UInt8]) {
    guard width > 0 else { return }
    if characters.isEmpty { bytes.append(0x20) }
    for character in characters { bytes.add(character: character) }
  }

  /// Whether a person sees nothing there: a blank without colour, underline or the like.
  var isUnseen: Bool {
    let seen: Pen.Attributes = [.reverse, .struck, .overlined]
    return isBlank && pen.background == .standard && pen.underline == 0 && pen.attributes.isDisjoint(with: seen)
  }
}

extension [Cell] {
  func dropTrailing(where isGone: (Cell) -> Bool) -> ArraySlice<Cell> {
    var end = count
    while end > 0, isGone(self[end - 1]) { end -= 1 }
    return self[..<end]
  }
}
