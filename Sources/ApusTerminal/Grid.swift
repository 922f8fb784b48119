import CTerminal

/// Owns the C side of a screen: cells, and libvterm, which moves the cursor over them.
///
/// Only bytes composed here or in `Screen` go to libvterm, never a program's own (see CTerminal.h), but for printable
/// ASCII.
final class Grid {
  private let terminal: OpaquePointer

  /// nil when there is no memory.
  init?(rows: Int, columns: Int) {
    guard let terminal = apus_terminal_new(Int32(rows), Int32(columns)) else { return nil }
    self.terminal = terminal
  }

  deinit { apus_terminal_free(terminal) }

  /// Where the cursor is, and the character written last: rows and columns from 0.
  struct Cursor {
    var row: Int
    var column: Int
    var glyphRow: Int
    var glyphColumn: Int
    var glyphEnd: Int
  }

  var cursor: Cursor {
    let found = apus_terminal_cursor(terminal)
    return Cursor(
      row: Int(found.row), column: Int(found.column), glyphRow: Int(found.glyph_row),
      glyphColumn: Int(found.glyph_column), glyphEnd: Int(found.glyph_column + found.glyph_width))
  }

  func write(_ bytes: UnsafeBufferPointer<UInt8>) { apus_terminal_write(terminal, bytes.baseAddress, bytes.count) }

  func write(_ text: StaticString) { text.withUTF8Buffer { write($0) } }

  func write(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { write($0) } }

  /// `CSI`, one or two numbers, a final byte.
  func control(_ first: Int, _ second: Int? = nil, end: UInt8) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    bytes.append(0x1B)
    bytes.append(0x5B)
    bytes.add(min(first, Self.most))
    if let second {
      bytes.append(0x3B)
      bytes.add(min(second, Self.most))
    }
    bytes.append(end)
    write(bytes)
  }

  /// No screen is larger; libvterm adds without looking.
  private static let most = 9999

  /// Characters, none of them a mark. False when there was no room for the last one.
  func put(_ characters: ArraySlice<UInt32>) -> Bool {
    characters.withUnsafeBufferPointer { apus_terminal_print(terminal, $0.baseAddress, $0.count) != 0 }
  }

  static func width(_ character: UInt32) -> Int { Int(apus_character_width(character)) }

  func mark(_ row: Int, _ column: Int, _ mark: UInt32) {
    apus_terminal_mark(terminal, Int32(row), Int32(column), mark)
  }

  func setPen(_ pen: Pen) {
    var made = apus_pen(
      foreground: pen.foreground.raw, background: pen.background.raw, line: pen.line.raw,
      attributes: pen.attributes.rawValue, underline: pen.underline)
    apus_terminal_set_pen(terminal, &made)
  }

  func setWrapping(_ wraps: Bool) { apus_terminal_set_wrapping(terminal, wraps ? 1 : 0) }

  func show(alternate: Bool) { apus_terminal_show(terminal, alternate ? 1 : 0) }

  /// Row `keep` of each screen stays; how many rows went from the top of each.
  func resize(rows: Int, columns: Int, keep: [Int]) -> [Int] {
    let keep = keep.map { Int32($0) }
    var dropped: [Int32] = [0, 0]
    apus_terminal_resize(terminal, Int32(rows), Int32(columns), keep, &dropped)
    return dropped.map { Int($0) }
  }

  /// The cells of a row; nil where that screen was never shown. Second halves of wide characters have width 0.
  func row(_ row: Int, alternate: Bool, columns: Int) -> [Cell]? {
    guard let cells = apus_terminal_row(terminal, alternate ? 1 : 0, Int32(row)) else { return nil }
    return (0..<columns).map { Cell(cells[$0]) }
  }
}
