/// Writing sequences.
extension [UInt8] {
  mutating func add(_ text: StaticString) {
    text.withUTF8Buffer { append(contentsOf: $0) }
  }

  mutating func add(_ number: Int) {
    guard number >= 10 else {
      append(UInt8(ascii: "0") + UInt8(Swift.max(0, number)))
      return
    }
    add(number / 10)
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  /// `CSI`, prefix, the numbers with `;` between, and what ends it.
  mutating func control(_ numbers: Int..., prefix: StaticString = "", end: StaticString) {
    append(0x1B)
    append(0x5B)
    add(prefix)
    for (n, number) in numbers.enumerated() {
      if n > 0 { append(0x3B) }
      add(number)
    }
    add(end)
  }

  /// `OSC number ; text ST`, or without text `OSC number ST`.
  mutating func command(_ number: Int, _ text: [UInt8]?) {
    append(0x1B)
    append(0x5D)
    add(number)
    if let text {
      append(0x3B)
      append(contentsOf: text)
    }
    append(0x1B)
    append(0x5C)
  }

  mutating func add(character: UInt32) {
    guard let scalar = Unicode.Scalar(character) else { return }
    append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }
}
