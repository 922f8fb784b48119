/// Control sequences without prefix and intermediate.
extension Screen {
  func plain(_ token: EscapeToken, wasOrigin: Bool) {
    switch token.final {
    case UInt8(ascii: "b"): repeatLast(token.count())
    case UInt8(ascii: "h"), UInt8(ascii: "l"): tellInserting()
    case UInt8(ascii: "r"): setMargins(token)
    case UInt8(ascii: "u"): restore(wasOrigin: wasOrigin)
    case UInt8(ascii: "g"): clearTabs(token)
    case UInt8(ascii: "I"), UInt8(ascii: "Z"):
      tab(token.final == UInt8(ascii: "I") ? token.count() : -token.count())
    case UInt8(ascii: "J"), UInt8(ascii: "K"): erase(token)
    case UInt8(ascii: "A"), UInt8(ascii: "F"), UInt8(ascii: "k"): moveLines(-token.count(), token.final)
    case UInt8(ascii: "B"), UInt8(ascii: "E"), UInt8(ascii: "e"): moveLines(token.count(), token.final)
    case UInt8(ascii: "H"), UInt8(ascii: "f"):
      grid.control(token.count(0), token.count(1), end: UInt8(ascii: "H"))
      isAtEdge = false
    case UInt8(ascii: "T") where token.parameter(1) != nil: break  // XTHIMOUSE
    case UInt8(ascii: "@"), UInt8(ascii: "P"): shift(token)
    default:
      // CUF CUB CHA IL DL SU SD ECH HPA HPR VPA HPB
      guard "CDGLMSTX`adj".utf8.contains(token.final) else { return }
      settle()
      grid.control(token.count(), end: token.final)
    }
  }

  private func repeatLast(_ count: Int) {
    guard let last else { return }
    put(Array(repeating: last, count: min(count, rows * columns))[...])
    self.last = nil
  }

  private func tellInserting() {
    grid.write(modes.isInserting ? "\u{1B}[4h" : "\u{1B}[4l")
    grid.write(modes.startsNewLine ? "\u{1B}[20h" : "\u{1B}[20l")
  }

  private func setMargins(_ token: EscapeToken) {
    let top = token.count()
    let bottom = token.parameter(1).flatMap { $0 == 0 ? nil : $0 } ?? rows
    guard top < min(bottom, rows) else { return }
    settle()
    grid.control(top, min(bottom, rows), end: UInt8(ascii: "r"))
    move(modes.isOrigin ? margins.top : 0, 0)
  }

  private func clearTabs(_ token: EscapeToken) {
    switch token.parameter(0) ?? 0 {
    case 0: tabs[grid.cursor.column] = false
    case 3: tabs = Array(repeating: false, count: columns)
    default: break
    }
  }

  func erase(_ token: EscapeToken) {
    let which = token.parameter(0) ?? 0
    guard which <= 2 else { return }
    settle()
    grid.control(which, end: token.final)
  }

  /// Up and down end at the margins for a cursor between them, which libvterm does not know.
  private func moveLines(_ count: Int, _ final: UInt8) {
    settle()
    let cursor = grid.cursor
    let margins = margins
    var row = min(rows - 1, max(0, cursor.row + max(-rows, min(rows, count))))
    if cursor.row >= margins.top { row = max(row, margins.top) }
    if cursor.row <= margins.bottom { row = min(row, margins.bottom) }
    let isToStart = final == UInt8(ascii: "E") || final == UInt8(ascii: "F")
    move(row, isToStart ? 0 : cursor.column)
  }

  /// ICH and DCH work on any line, but in libvterm only between the margins.
  private func shift(_ token: EscapeToken) {
    settle()
    let cursor = grid.cursor
    let margins = margins
    let isOutside = cursor.row < margins.top || cursor.row > margins.bottom
    if isOutside {
      grid.control(1, rows, end: UInt8(ascii: "r"))
      grid.control(cursor.row + 1, cursor.column + 1, end: UInt8(ascii: "H"))
    }
    grid.control(token.count(), end: token.final)
    guard isOutside else { return }
    grid.control(margins.top + 1, margins.bottom + 1, end: UInt8(ascii: "r"))
    move(cursor.row, cursor.column)
  }
}
