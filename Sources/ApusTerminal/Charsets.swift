/// Which characters the printable ASCII bytes stand for: the four designated sets, and which of them is in use.
package struct Charsets: Equatable, Sendable {
  /// What designated G0…G3, without `ESC`: `(B` is ASCII, `(0` DEC's line drawing.
  package private(set) var designations: [[UInt8]] = Self.initial
  package private(set) var active = 0
  /// 2 or 3 after SS2 or SS3: the set for the next character only.
  package var single: Int?

  static let initial: [[UInt8]] = "()*+".utf8.map { [$0, UInt8(ascii: "B")] }

  /// Takes over what an escape sequence says of them; false when it says nothing.
  mutating func apply(_ token: EscapeToken) -> Bool {
    switch (token.intermediate, token.final) {
    case (UInt8(ascii: "("), let set): designations[0] = [UInt8(ascii: "("), set]
    case (UInt8(ascii: ")"), let set), (UInt8(ascii: "-"), let set): designations[1] = [token.intermediate, set]
    case (UInt8(ascii: "*"), let set), (UInt8(ascii: "."), let set): designations[2] = [token.intermediate, set]
    case (UInt8(ascii: "+"), let set), (UInt8(ascii: "/"), let set): designations[3] = [token.intermediate, set]
    case (0, UInt8(ascii: "n")): active = 2
    case (0, UInt8(ascii: "o")): active = 3
    case (0, UInt8(ascii: "N")): single = 2
    case (0, UInt8(ascii: "O")): single = 3
    default: return false
    }
    return true
  }

  /// SO and SI.
  mutating func shift(_ control: UInt8) {
    if control == 0x0E { active = 1 }
    if control == 0x0F { active = 0 }
  }

  var set: [UInt8] { designations[single ?? active] }

  /// Whether ASCII stands for itself.
  var isPlain: Bool { single == nil && set[1] != UInt8(ascii: "0") && set[1] != UInt8(ascii: "A") }

  func translate(_ byte: UInt8) -> UInt32 {
    let set = set
    if set[0] >= UInt8(ascii: "("), set[0] <= UInt8(ascii: "+") {
      if set[1] == UInt8(ascii: "0"), byte >= 0x5F, byte <= 0x7E { return Self.drawing[Int(byte) - 0x5F] }
      if set[1] == UInt8(ascii: "A"), byte == UInt8(ascii: "#") { return 0xA3 }
    }
    return UInt32(byte)
  }

  /// DEC Special Graphic (VT220 Programmer Reference, table 2-4).
  private static let drawing: [UInt32] = Array("\u{A0}◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·".unicodeScalars).map(\.value)

  /// Designates and invokes what differs from a terminal just switched on; a single shift aside.
  func select(into bytes: inout [UInt8]) {
    for (one, initial) in zip(designations, Self.initial) where one != initial {
      bytes.append(0x1B)
      bytes += one
    }
    switch active {
    case 1: bytes.append(0x0E)
    case 2: bytes.add("\u{1B}n")
    case 3: bytes.add("\u{1B}o")
    default: break
    }
  }

  func deselect(into bytes: inout [UInt8]) {
    for (one, initial) in zip(designations, Self.initial) where one != initial {
      bytes.append(0x1B)
      bytes += initial
    }
    if active != 0 { bytes.append(0x0F) }
  }
}
