#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Any JSON value, for what has no shape of ours: tool inputs, fields of later versions.
package enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  package subscript(_ key: String) -> JSON? {
    if case .object(let fields) = self { fields[key] } else { nil }
  }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  package var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }
  package var integer: Int64? {
    switch self {
    case .integer(let value): value
    case .number(let value) where value.rounded() == value && abs(value) < 9e15: Int64(value)
    default: nil
    }
  }
  package var double: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
}

extension JSON: Codable {
  package init(from decoder: any Decoder) throws {
    let single = try decoder.singleValueContainer()
    if let value = try? single.decode(String.self) {
      self = .string(value)
    } else if let value = try? single.decode([String: JSON].self) {
      self = .object(value)
    } else if let value = try? single.decode([JSON].self) {
      self = .array(value)
    } else if let value = try? single.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? single.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? single.decode(Double.self) {
      self = .number(value)
    } else if single.decodeNil() {
      self = .null
    } else {
      throw DecodingError.dataCorruptedError(in: single, debugDescription: "not a JSON value")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var single = encoder.singleValueContainer()
    switch self {
    case .null: try single.encodeNil()
    case .bool(let value): try single.encode(value)
    case .integer(let value): try single.encode(value)
    case .number(let value): try single.encode(value)
    case .string(let value): try single.encode(value)
    case .array(let value): try single.encode(value)
    case .object(let value): try single.encode(value)
    }
  }
}

/// The one way values become JSON text and back: keys sorted, so that equal values are equal text.
package enum JSONText {
  /// On one line: no byte of it is a control character.
  package static func encode(_ value: some Encodable) throws -> [UInt8] { try JSONWriter.write(value) }

  package static func decode<T: Decodable>(_: T.Type = T.self, from bytes: some Collection<UInt8>) throws -> T {
    try JSONDecoder().decode(T.self, from: Data(bytes))
  }

  /// JSON as people write it: comments and trailing commas allowed.
  package static func decodeRelaxed<T: Decodable>(_: T.Type = T.self, from bytes: some Collection<UInt8>) throws -> T {
    let decoder = JSONDecoder()
    decoder.allowsJSON5 = true
    // Foundation's JSON5 scanner reads one byte beyond a number that ends the text: a blank stands there now.
    return try decoder.decode(T.self, from: Data(bytes) + [UInt8(ascii: "\n")])
  }

  package static func string(_ value: some Encodable) throws -> String {
    String(decoding: try encode(value), as: UTF8.self)
  }
}
