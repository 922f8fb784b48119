import CTerminal

/// One place on a screen.
package struct Cell: Equatable, Sendable {
  /// A character and its marks; empty where nothing was written since the place was erased.
  package let characters: [UInt32]
  package let pen: Pen
  /// 2 for a wide character, 0 for the place that its second half takes.
  package let width: Int

  init(_ cell: apus_cell) {
    var pen = Pen()
    pen.attributes = Pen.Attributes(rawValue: cell.attributes)
    pen.underline = cell.underline
    pen.foreground = Pen.Colour(raw: cell.foreground)
    pen.background = Pen.Colour(raw: cell.background)
    pen.line = Pen.Colour(raw: cell.line)
    self.pen = pen
    width = Int(cell.width)
    let (first, second, third, fourth, fifth) = cell.characters
    if first == 0 {
      characters = []
    } else if second == 0 {
      characters = [first]
    } else {
      characters = Array([first, second, third, fourth, fifth].prefix { $0 != 0 })
    }
  }

  /// Whether it looks like a place where nothing was ever written.
  var isEmpty: Bool { characters.isEmpty && width == 1 && pen.background == .standard }
  var isBlank: Bool { width == 1 && (characters.isEmpty || characters == [0x20]) }
}

/// Colours as the C side has them.
extension Pen.Colour {
  init(raw: UInt32) {
    let part = { (shift: UInt32) in UInt8(truncatingIfNeeded: raw >> shift) }
    switch raw >> 24 {
    case 1: self = .indexed(part(0))
    case 2: self = .rgb(part(16), part(8), part(0))
    default: self = .standard
    }
  }

  var raw: UInt32 {
    switch self {
    case .standard: 0
    case .indexed(let index): 0x0100_0000 | UInt32(index)
    case .rgb(let red, let green, let blue):
      0x0200_0000 | UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
    }
  }
}
