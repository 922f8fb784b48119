/// Colours a program has given the terminal: the palette (OSC 4), special ones (OSC 5), and those of text, background,
/// cursor and the rest (OSC 10 to 19).
package struct Colours: Equatable, Sendable {
  package private(set) var palette: [Int: [UInt8]] = [:]
  package private(set) var special: [Int: [UInt8]] = [:]
  package private(set) var dynamic: [Int: [UInt8]] = [:]

  /// A colour's description is `rgb:ffff/ffff/ffff` at most, or a name.
  static let longest = 64

  mutating func apply(_ command: OperatingCommand) {
    let parts = (command.text ?? Slice(base: UnsafeBufferPointer(start: nil, count: 0), bounds: 0..<0))
      .split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false).map { Array($0) }
    switch command.number {
    case 4: Self.setPairs(parts, &palette)
    case 5: Self.setPairs(parts, &special)
    case 10...19:
      for (n, part) in parts.enumerated() where command.number + n <= 19 {
        Self.set(command.number + n, part, &dynamic)
      }
    case 104: Self.reset(command.text == nil ? [] : parts, &palette)
    case 105: Self.reset(command.text == nil ? [] : parts, &special)
    case 110...119: dynamic[command.number - 100] = nil
    default: break
    }
  }

  private static func set(_ index: Int, _ value: [UInt8], _ colours: inout [Int: [UInt8]]) {
    guard index < 512, !value.isEmpty, value.count <= longest, value != [UInt8(ascii: "?")] else { return }
    colours[index] = value
  }

  private static func setPairs(_ parts: [[UInt8]], _ colours: inout [Int: [UInt8]]) {
    for n in stride(from: 0, to: parts.count - 1, by: 2) {
      if let index = number(parts[n]) { set(index, parts[n + 1], &colours) }
    }
  }

  private static func reset(_ parts: [[UInt8]], _ colours: inout [Int: [UInt8]]) {
    if parts.isEmpty || parts == [[]] { colours = [:] }
    for part in parts { if let index = number(part) { colours[index] = nil } }
  }

  private static func number(_ text: [UInt8]) -> Int? {
    guard (1...4).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return text.reduce(0) { $0 * 10 + Int($1 - 0x30) }
  }

  func select(into bytes: inout [UInt8]) {
    for (number, colours) in [(4, palette), (5, special)] {
      for (index, value) in colours.sorted(by: { $0.key < $1.key }) {
        var text: [UInt8] = []
        text.add(index)
        bytes.command(number, text + [UInt8(ascii: ";")] + value)
      }
    }
    for (number, value) in dynamic.sorted(by: { $0.key < $1.key }) { bytes.command(number, value) }
  }

  func deselect(into bytes: inout [UInt8]) {
    for (number, colours) in [(104, palette), (105, special)] {
      for index in colours.keys.sorted() {
        var text: [UInt8] = []
        text.add(index)
        bytes.command(number, text)
      }
    }
    for number in dynamic.keys.sorted() { bytes.command(number + 100, nil) }
  }
}
