/// Reads the parameters of a control sequence one after another.
package struct ParameterReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0
  private var isSub = false
  private var isAtEnd: Bool

  package init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    isAtEnd = bytes.isEmpty
  }

  /// The next one: nil where it is left out, and whether a `:` and not a `;` stands before it.
  package mutating func next() -> (value: Int?, isSub: Bool)? {
    guard !isAtEnd else { return nil }
    let wasSub = isSub
    var value: Int?
    while at < bytes.count, bytes[at] < 0x3A {
      value = min((value ?? 0) * 10 + Int(bytes[at] - 0x30), 99_999_999)
      at += 1
    }
    if at < bytes.count {
      isSub = bytes[at] == 0x3A
      at += 1
    } else {
      isAtEnd = true
    }
    return (value, wasSub)
  }
}
