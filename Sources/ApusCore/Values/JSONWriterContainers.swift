// The three kinds of containers that Codable writes into.

struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let writer: JSONWriter
  let codingPath: [any CodingKey] = []

  mutating func encodeNil(forKey key: Key) {
    writer.key(key.stringValue)
    writer.null()
  }

  mutating func encode(_ value: Bool, forKey key: Key) {
    writer.key(key.stringValue)
    writer.bool(value)
  }

  mutating func encode(_ value: String, forKey key: Key) {
    writer.key(key.stringValue)
    writer.string(value)
  }

  mutating func encode(_ value: Double, forKey key: Key) throws {
    writer.key(key.stringValue)
    try writer.number(value)
  }

  mutating func encode(_ value: Int, forKey key: Key) {
    writer.key(key.stringValue)
    writer.integer(value)
  }

  mutating func encode(_ value: Int64, forKey key: Key) {
    writer.key(key.stringValue)
    writer.integer(value)
  }

  mutating func encode(_ value: some Encodable, forKey key: Key) throws {
    writer.key(key.stringValue)
    try writer.value(value)
  }

  mutating func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    writer.key(key.stringValue)
    return writer.part().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    writer.key(key.stringValue)
    return writer.part().unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder {
    writer.key("super")
    return writer.part()
  }

  mutating func superEncoder(forKey key: Key) -> any Encoder {
    writer.key(key.stringValue)
    return writer.part()
  }
}

struct ListWriter: UnkeyedEncodingContainer {
  let writer: JSONWriter
  let codingPath: [any CodingKey] = []
  private(set) var count = 0

  init(writer: JSONWriter) { self.writer = writer }

  private mutating func next() {
    writer.separate()
    count += 1
  }

  mutating func encodeNil() {
    next()
    writer.null()
  }

  mutating func encode(_ value: String) {
    next()
    writer.string(value)
  }

  mutating func encode(_ value: some Encodable) throws {
    next()
    try writer.value(value)
  }

  mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    next()
    return writer.part().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    next()
    return writer.part().unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder {
    next()
    return writer.part()
  }
}

struct ScalarWriter: SingleValueEncodingContainer {
  let writer: JSONWriter
  let codingPath: [any CodingKey] = []

  mutating func encodeNil() { writer.null() }
  mutating func encode(_ value: Bool) { writer.bool(value) }
  mutating func encode(_ value: String) { writer.string(value) }
  mutating func encode(_ value: Double) throws { try writer.number(value) }
  mutating func encode(_ value: Float) throws { try writer.number(Double(value)) }
  mutating func encode(_ value: Int) { writer.integer(value) }
  mutating func encode(_ value: Int8) { writer.integer(value) }
  mutating func encode(_ value: Int16) { writer.integer(value) }
  mutating func encode(_ value: Int32) { writer.integer(value) }
  mutating func encode(_ value: Int64) { writer.integer(value) }
  mutating func encode(_ value: UInt) { writer.integer(value) }
  mutating func encode(_ value: UInt8) { writer.integer(value) }
  mutating func encode(_ value: UInt16) { writer.integer(value) }
  mutating func encode(_ value: UInt32) { writer.integer(value) }
  mutating func encode(_ value: UInt64) { writer.integer(value) }
  mutating func encode(_ value: some Encodable) throws { try writer.value(value) }
}
