/// What controls and sequences do to a screen. Whatever goes to libvterm is composed here, with numbers in bounds.
extension Screen {
  func act(_ token: EscapeToken) {
    switch token.kind {
    case .control:
      modes.apply(token)
      control(token.final)
    case .escape: escape(token)
    case .csi: sequence(token)
    case .osc: modes.apply(token)
    case .text, .malformed, .dcs, .apc, .pm, .sos, .rejected: break
    }
  }

  /// What is pending at the right edge ends with whatever but text moves or changes something.
  func settle() {
    guard isAtEdge else { return }
    let cursor = grid.cursor
    move(cursor.row, cursor.column)
  }

  /// Row and column from 0, on the whole screen.
  func move(_ row: Int, _ column: Int) {
    let top = modes.isOrigin ? margins.top : 0
    grid.control(max(1, row - top + 1), column + 1, end: UInt8(ascii: "H"))
    isAtEdge = false
  }

  /// First and last row that scroll, from 0.
  var margins: (top: Int, bottom: Int) {
    guard let set = modes.margins else { return (0, rows - 1) }
    return (set.top - 1, (set.bottom ?? rows) - 1)
  }

  private func control(_ byte: UInt8) {
    switch byte {
    case 0x08:
      settle()
      grid.write("\u{08}")
    case 0x09: tab(1)
    case 0x0A, 0x0B, 0x0C:
      settle()
      grid.write("\n")
    case 0x0D:
      settle()
      grid.write("\r")
    default: break
    }
  }

  func tab(_ count: Int) {
    settle()
    let cursor = grid.cursor
    var column = cursor.column
    for _ in 0..<min(abs(count), columns) {
      let next =
        count > 0
        ? tabs.indices.first { $0 > column && tabs[$0] } ?? columns - 1
        : tabs.indices.last { $0 < column && tabs[$0] } ?? 0
      column = next
    }
    move(cursor.row, column)
  }

  private func escape(_ token: EscapeToken) {
    if token.intermediate == 0, token.final == UInt8(ascii: "7") { save() }
    let wasOrigin = modes.isOrigin
    modes.apply(token)
    guard token.intermediate == 0 else {
      if token.intermediate == UInt8(ascii: "#"), token.final == UInt8(ascii: "8") { align() }
      return
    }
    switch token.final {
    case UInt8(ascii: "8"): restore(wasOrigin: wasOrigin)
    case UInt8(ascii: "D"):
      settle()
      grid.write("\u{1B}D")
    case UInt8(ascii: "E"):
      settle()
      grid.write("\u{1B}E")
    case UInt8(ascii: "M"):
      settle()
      grid.write("\u{1B}M")
    case UInt8(ascii: "H"): tabs[grid.cursor.column] = true
    case UInt8(ascii: "c"): reset()
    default: break
    }
  }

  /// DECALN: the whole screen is E.
  private func align() {
    grid.setPen(Pen())
    restoreGrid()
    for row in 0..<rows {
      move(row, 0)
      _ = grid.put(Array(repeating: UInt32(UInt8(ascii: "E")), count: columns)[...])
    }
    grid.setPen(pen)
    move(0, 0)
  }

  /// RIS.
  private func reset() {
    pen = Pen()
    grid.setPen(pen)
    saved = [Saved(), Saved()]
    tabs = Self.tabs(columns)
    for isAlternate in [true, false] {
      grid.show(alternate: isAlternate)
      grid.write("\u{1B}[2J")
    }
    restoreGrid()
    move(0, 0)
  }

  /// Tells libvterm the modes it has to know. The cursor is at home afterwards.
  func restoreGrid() {
    grid.write(modes.isInserting ? "\u{1B}[4h" : "\u{1B}[4l")
    grid.write(modes.startsNewLine ? "\u{1B}[20h" : "\u{1B}[20l")
    grid.setWrapping(modes.wraps)
    let margins = margins
    grid.control(margins.top + 1, margins.bottom + 1, end: UInt8(ascii: "r"))
    grid.write(modes.isOrigin ? "\u{1B}[?6h" : "\u{1B}[?6l")
    isAtEdge = false
  }

  /// DECSC: what the modes do not keep.
  func save() {
    let cursor = grid.cursor
    saved[modes.shown] = Saved(row: cursor.row, column: cursor.column, pen: pen)
  }

  /// DECRC: what the modes have not put back already.
  func restore(wasOrigin: Bool) {
    if modes.isOrigin != wasOrigin { grid.write(modes.isOrigin ? "\u{1B}[?6h" : "\u{1B}[?6l") }
    let saved = saved[modes.shown]
    pen = saved.pen
    grid.setPen(pen)
    move(saved.row, saved.column)
  }

  private func sequence(_ token: EscapeToken) {
    switch (token.intermediate, token.prefix, token.final) {
    case (0, 0, UInt8(ascii: "m")):
      pen.apply(token.parameters)
      grid.setPen(pen)
      return
    case (0, 0, UInt8(ascii: "s")): if !modes.isSet(69) { save() }
    case (0, UInt8(ascii: "?"), UInt8(ascii: "h")), (0, UInt8(ascii: "?"), UInt8(ascii: "l")):
      changeModes(token)
      return
    default: break
    }
    let wasOrigin = modes.isOrigin
    modes.apply(token)
    switch (token.intermediate, token.prefix) {
    case (0, 0): plain(token, wasOrigin: wasOrigin)
    case (0, UInt8(ascii: "?")):
      if token.final == UInt8(ascii: "J") || token.final == UInt8(ascii: "K") { erase(token) }
    case (UInt8(ascii: "!"), 0) where token.final == UInt8(ascii: "p"): softReset()
    default: break
    }
  }

  private func softReset() {
    let cursor = grid.cursor
    pen = Pen()
    grid.setPen(pen)
    saved[modes.shown] = Saved()
    restoreGrid()
    move(cursor.row, cursor.column)
  }

  /// One mode after another: each may move the cursor, keep it or change the screen.
  private func changeModes(_ token: EscapeToken) {
    var reader = ParameterReader(token.parameters)
    while let one = reader.next() {
      guard let mode = one.value else { continue }
      let wasOrigin = modes.isOrigin
      let wasAlternate = modes.isAlternate
      let isSet = token.final == UInt8(ascii: "h")
      if isSet, mode == 1048 || mode == 1049 && !wasAlternate { save() }
      modes.change(mode, isSet)
      switch mode {
      case 6:
        grid.write(isSet ? "\u{1B}[?6h" : "\u{1B}[?6l")
        // libvterm forgets the edge only where the cursor moves.
        move(isSet ? margins.top : 0, 0)
      case 7:
        let cursor = grid.cursor
        let wasAtEdge = isAtEdge
        grid.setWrapping(isSet)
        if wasAtEdge, !isSet { move(cursor.row, cursor.column) }
      case 47, 1047, 1049: if modes.isAlternate != wasAlternate { changeScreen() }
      case 1048: if !isSet { restore(wasOrigin: wasOrigin) }
      default: break
      }
      if mode == 1049, !isSet { restore(wasOrigin: wasOrigin) }
    }
  }

  private func changeScreen() {
    settle()
    grid.show(alternate: modes.isAlternate)
    guard modes.isAlternate else { return }
    saved[1] = Saved()
    grid.setPen(Pen())
    grid.write("\u{1B}[2J")
    grid.setPen(pen)
  }
}
