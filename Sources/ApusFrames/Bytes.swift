/// Writes numbers (little endian) and length-prefixed byte strings one after another.
package struct ByteWriter {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func number<T: FixedWidthInteger>(_ value: T) {
    for shift in 0..<(T.bitWidth / 8) { bytes.append(UInt8(truncatingIfNeeded: value >> T(shift * 8))) }
  }

  package mutating func string(_ value: [UInt8]) {
    number(UInt32(value.count))
    bytes += value
  }

  package mutating func flag(_ value: Bool) { number(UInt8(value ? 1 : 0)) }

  package mutating func list(_ values: [[UInt8]]) {
    number(UInt32(values.count))
    for value in values { string(value) }
  }
}

/// What arrived does not have the shape its kind promises.
package struct MalformedBytes: Error {}

/// Reads back what `ByteWriter` wrote. Every read checks its bounds: the bytes may come from anybody.
package struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  private var at: Int

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    at = bytes.startIndex
  }

  package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  package var isAtEnd: Bool { at == bytes.endIndex }

  package mutating func number<T: FixedWidthInteger>(_: T.Type = T.self) throws(MalformedBytes) -> T {
    let size = T.bitWidth / 8
    guard bytes.endIndex - at >= size else { throw MalformedBytes() }
    var value: T = 0
    for shift in 0..<size { value |= T(truncatingIfNeeded: bytes[at + shift]) << T(shift * 8) }
    at += size
    return value
  }

  package mutating func flag() throws(MalformedBytes) -> Bool {
    switch try number(UInt8.self) {
    case 0: return false
    case 1: return true
    default: throw MalformedBytes()
    }
  }

  package mutating func string() throws(MalformedBytes) -> [UInt8] {
    let count = Int(try number(UInt32.self))
    guard bytes.endIndex - at >= count else { throw MalformedBytes() }
    defer { at += count }
    return Array(bytes[at..<(at + count)])
  }

  package mutating func list() throws(MalformedBytes) -> [[UInt8]] {
    let count = Int(try number(UInt32.self))
    guard count <= bytes.endIndex - at else { throw MalformedBytes() }
    var values: [[UInt8]] = []
    for _ in 0..<count { values.append(try string()) }
    return values
  }

  package mutating func rest() -> [UInt8] {
    defer { at = bytes.endIndex }
    return Array(bytes[at...])
  }
}
