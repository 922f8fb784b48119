// Writes Codable values as JSON bytes, keys sorted. Foundation's encoder builds a tree of boxed
// values and took more than half of the daemon's time for a list of 200 sessions (docs/decisions/0004).

/// One value that is being written. A container that was handed out writes here until the value is finished.
final class JSONWriter: Encoder {
  private enum Shape { case nothing, object, array, scalar }

  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  private var bytes: [UInt8]
  /// Where this value begins: what stands before is another's.
  private let start: Int
  private var shape = Shape.nothing
  private var isEmpty = true
  /// Of an object: its keys, and where each entry begins.
  private var entries: [(key: String, start: Int)] = []
  /// Values that are written by somebody else, and where they belong.
  private var parts: [(at: Int, writer: JSONWriter)] = []

  private init(continuing bytes: [UInt8] = []) {
    self.bytes = bytes
    start = bytes.count
  }

  static func write(_ value: some Encodable) throws -> [UInt8] {
    let writer = JSONWriter()
    try value.encode(to: writer)
    return writer.finish()
  }

  func container<Key>(keyedBy _: Key.Type) -> KeyedEncodingContainer<Key> {
    begin(.object, UInt8(ascii: "{"))
    return KeyedEncodingContainer(KeyedWriter<Key>(writer: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    begin(.array, UInt8(ascii: "["))
    return ListWriter(writer: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    shape = .scalar
    return ScalarWriter(writer: self)
  }

  private func begin(_ shape: Shape, _ bracket: UInt8) {
    guard self.shape == .nothing else { return }
    self.shape = shape
    bytes.append(bracket)
  }

  /// What was written, after what stood before it; of no more use after that.
  private func finish() -> [UInt8] {
    if !parts.isEmpty { fillIn() }
    switch shape {
    case .scalar: break
    case .array: bytes.append(UInt8(ascii: "]"))
    case .nothing: bytes += [UInt8(ascii: "{"), UInt8(ascii: "}")]
    case .object:
      sortEntries()
      bytes.append(UInt8(ascii: "}"))
    }
    defer { bytes = [] }
    return bytes
  }

  /// Puts what others wrote where it belongs.
  private func fillIn() {
    for part in parts.reversed() {
      let written = part.writer.finish()
      bytes.insert(contentsOf: written, at: part.at)
      for index in entries.indices where entries[index].start >= part.at { entries[index].start += written.count }
    }
    parts = []
  }

  private func sortEntries() {
    if zip(entries, entries.dropFirst()).allSatisfy({ $0.key < $1.key }) { return }
    let written = bytes[(start + 1)...]
    var sorted: [UInt8] = []
    sorted.reserveCapacity(written.count)
    let order = entries.indices.sorted { entries[$0].key < entries[$1].key }
    for index in order {
      if !sorted.isEmpty { sorted.append(UInt8(ascii: ",")) }
      let end = index + 1 < entries.count ? entries[index + 1].start - 1 : bytes.count
      sorted.append(contentsOf: bytes[entries[index].start..<end])
    }
    bytes.replaceSubrange((start + 1)..., with: sorted)
  }

  // MARK: pieces

  /// Between the values of a list.
  func separate() {
    if !isEmpty { bytes.append(UInt8(ascii: ",")) }
    isEmpty = false
  }

  func key(_ name: String) {
    if !entries.isEmpty { bytes.append(UInt8(ascii: ",")) }
    entries.append((name, bytes.count))
    string(name)
    bytes.append(UInt8(ascii: ":"))
  }

  func null() { bytes.append(contentsOf: "null".utf8) }
  func bool(_ value: Bool) { bytes.append(contentsOf: (value ? "true" : "false").utf8) }
  func integer(_ value: some BinaryInteger) { bytes.append(contentsOf: String(value).utf8) }

  func number(_ value: Double) throws {
    guard value.isFinite else {
      throw EncodingError.invalidValue(value, .init(codingPath: [], debugDescription: "JSON has no such number"))
    }
    if value == value.rounded(), abs(value) < 1e15 { return integer(Int64(value)) }
    bytes.append(contentsOf: value.description.utf8)
  }

  func string(_ value: String) {
    bytes.append(UInt8(ascii: "\""))
    var value = value
    value.withUTF8 { text in
      var plain = 0
      for at in text.indices where text[at] < 32 || text[at] == 34 || text[at] == 92 {
        bytes.append(contentsOf: text[plain..<at])
        escape(text[at])
        plain = at + 1
      }
      bytes.append(contentsOf: text[plain...])
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private func escape(_ byte: UInt8) {
    switch byte {
    case 34: bytes += [92, 34]
    case 92: bytes += [92, 92]
    case 10: bytes += [92, 110]
    case 13: bytes += [92, 114]
    case 9: bytes += [92, 116]
    default:
      let digits = Array("0123456789abcdef".utf8)
      bytes += [92, 117, 48, 48, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
  }

  /// A value written here and now, into the same bytes.
  func value(_ value: some Encodable) throws {
    let writer = JSONWriter(continuing: bytes)
    bytes = []
    defer { bytes = writer.finish() }
    try value.encode(to: writer)
  }

  /// A value that will be written later.
  func part() -> JSONWriter {
    let writer = JSONWriter()
    parts.append((bytes.count, writer))
    return writer
  }
}
