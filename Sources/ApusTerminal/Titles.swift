/// Title and icon title, and those a program put aside (XTWINOPS 22 and 23).
package struct Titles: Equatable, Sendable {
  package struct Pair: Equatable, Sendable {
    package internal(set) var title: [UInt8]?
    package internal(set) var icon: [UInt8]?
  }

  package private(set) var current = Pair()
  package private(set) var kept: [Pair] = []

  /// xterm keeps ten.
  static let mostKept = 10

  mutating func set(_ number: Int, _ text: [UInt8]) {
    if number != 1 { current.title = text }
    if number != 2 { current.icon = text }
  }

  mutating func apply(_ token: EscapeToken) {
    switch token.parameter(0) {
    case 22: if kept.count < Self.mostKept { kept.append(current) }
    case 23: if let last = kept.popLast() { current = last }
    default: break
    }
  }

  func select(into bytes: inout [UInt8]) {
    for one in kept {
      one.select(into: &bytes)
      bytes.control(22, 0, end: "t")
    }
    current.select(into: &bytes)
  }

  /// Back to the title below those that were put aside. That is left as it is: nobody knows what it was before.
  func deselect(into bytes: inout [UInt8]) {
    for _ in kept { bytes.control(23, 0, end: "t") }
  }
}

extension Titles.Pair {
  fileprivate func select(into bytes: inout [UInt8]) {
    if let title, title == icon {
      bytes.command(0, title)
      return
    }
    if let icon { bytes.command(1, icon) }
    if let title { bytes.command(2, title) }
  }
}
