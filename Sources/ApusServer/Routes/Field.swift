import ApusCore

/// One value a route takes: in its query or its body. It is checked by what stands here, and described by the same.
struct Field: Sendable {
  enum Shape: Sendable {
    /// Text of any kind, as long as that in Unicode scalars.
    case text(least: Int, most: Int)
    /// Text without control characters.
    case line(most: Int)
    /// What a session may be called.
    case sessionName
    /// An absolute path.
    case path
    case choice([String])
    case flag
    case whole(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// Lines, so many of them, each so long.
    case lines(count: ClosedRange<Int>, length: ClosedRange<Int>)
    /// Text of a form of its own: as a regular expression, and whether it is that.
    case form(String, @Sendable (String) -> Bool)
    /// Names and texts, as in an environment.
    case variables
    case object([Field])
  }

  var name: String
  var shape: Shape
  var isRequired = false
  var help: String

  init(_ name: String, _ shape: Shape, required: Bool = false, _ help: String) {
    self.name = name
    self.shape = shape
    isRequired = required
    self.help = help
  }

  // MARK: checking

  /// Throws what is wrong with it, in words.
  func check(_ value: JSON) throws(Failure) {
    switch (shape, value) {
    case (.text(let least, let most), .string(let text)):
      let count = text.unicodeScalars.count
      if count < least { throw wrong(least == 1 ? "is empty" : "has fewer than \(least) characters") }
      if count > most { throw wrong("has more than \(most) characters") }
    case (.line(let most), .string(let text)): try checkLine(text, most: most)
    case (.sessionName, .string(let text)): try SessionName.check(text)
    case (.path, .string(let text)):
      guard text.utf8.first == UInt8(ascii: "/"), !text.unicodeScalars.contains("\0"), text.utf8.count <= 4096 else {
        throw wrong("is no absolute path")
      }
    case (.choice(let choices), .string(let text)):
      guard choices.contains(text) else { throw wrong("is not one of \(choices.joined(separator: ", "))") }
    case (.flag, .bool): break
    case (.whole(let range), _):
      guard let number = value.integer, range.contains(Int(number)) else {
        throw wrong("is no whole number from \(range.lowerBound) to \(range.upperBound)")
      }
    case (.number(let range), _):
      guard let number = value.double, range.contains(number) else {
        throw wrong("is no number from \(range.lowerBound) to \(range.upperBound)")
      }
    case (.form(_, let isIt), .string(let text)): guard isIt(text) else { throw wrong("is none") }
    case (.lines(let count, let length), .array(let values)):
      guard count.contains(values.count) else {
        throw wrong("has not \(count.lowerBound) to \(count.upperBound) entries")
      }
      for value in values {
        guard let text = value.string, !text.isEmpty || length.lowerBound == 0 else {
          throw wrong("has an entry that is no text")
        }
        try checkLine(text, most: length.upperBound)
      }
    case (.variables, .object(let fields)):
      for (key, value) in fields {
        guard Self.isVariable(key), let text = value.string, !text.unicodeScalars.contains("\0") else {
          throw wrong("has \"\(SessionName.excerpt(key))\", which is no variable with a text")
        }
      }
    case (.object(let fields), .object(let values)): try Fields.check(values, fields, in: name + ".")
    case (.text, _), (.line, _), (.sessionName, _), (.path, _), (.choice, _), (.form, _): throw wrong("is no text")
    case (.flag, _): throw wrong("is neither true nor false")
    case (.lines, _): throw wrong("is no list of texts")
    case (.variables, _), (.object, _): throw wrong("is no object")
    }
  }

  private func checkLine(_ text: String, most: Int) throws(Failure) {
    guard text.unicodeScalars.count <= most else { throw wrong("has more than \(most) characters") }
    guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
      throw wrong("has control characters")
    }
  }

  private static func isVariable(_ key: String) -> Bool {
    guard let first = key.utf8.first, !(48...57).contains(first) else { return false }
    return key.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
    }
  }

  private func wrong(_ what: String) -> Failure {
    Failure(.requestMalformed, "\(name) \(what)", hint: "\(name): \(help)")
  }

  /// A value of the query, which is text whatever it means; nil where it cannot be meant.
  func read(_ text: String) -> JSON? {
    switch shape {
    case .flag: text == "true" ? .bool(true) : text == "false" ? .bool(false) : nil
    case .whole: Int64(text).map(JSON.integer)
    case .number: Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    case .text, .line, .sessionName, .path, .choice, .form: .string(text)
    case .lines, .variables, .object: nil
    }
  }

  // MARK: describing

  /// As JSON Schema 2020-12.
  var schema: JSON {
    var fields: [String: JSON] = ["description": .string(help)]
    switch shape {
    case .text(let least, let most):
      fields["type"] = "string"
      if least > 0 { fields["minLength"] = .integer(Int64(least)) }
      fields["maxLength"] = .integer(Int64(most))
    case .line(let most):
      fields["type"] = "string"
      fields["maxLength"] = .integer(Int64(most))
      fields["pattern"] = .string(Self.linePattern)
    case .sessionName:
      fields["type"] = "string"
      fields["pattern"] = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
    case .path:
      fields["type"] = "string"
      fields["maxLength"] = 1024
      fields["pattern"] = .string("^/[^\\u0000]*$")
    case .choice(let choices):
      fields["type"] = "string"
      fields["enum"] = .array(choices.map(JSON.string))
    case .flag: fields["type"] = "boolean"
    case .whole(let range):
      fields["type"] = "integer"
      fields["minimum"] = .integer(Int64(range.lowerBound))
      fields["maximum"] = .integer(Int64(range.upperBound))
    case .number(let range):
      fields["type"] = "number"
      fields["minimum"] = .number(range.lowerBound)
      fields["maximum"] = .number(range.upperBound)
    case .form(let pattern, _):
      fields["type"] = "string"
      fields["pattern"] = .string(pattern)
    case .lines(let count, let length):
      fields["type"] = "array"
      fields["minItems"] = .integer(Int64(count.lowerBound))
      fields["maxItems"] = .integer(Int64(count.upperBound))
      fields["items"] = .object([
        "type": "string", "minLength": .integer(Int64(length.lowerBound)),
        "maxLength": .integer(Int64(length.upperBound)), "pattern": .string(Self.linePattern),
      ])
    case .variables:
      fields["type"] = "object"
      fields["propertyNames"] = .object(["pattern": "^[A-Za-z_][A-Za-z0-9_]*$"])
      fields["additionalProperties"] = .object(["type": "string", "pattern": .string("^[^\\u0000]*$")])
    case .object(let inner):
      for (key, value) in Fields.schema(inner) { fields[key] = value }
    }
    return .object(fields)
  }

  private static let linePattern = "^[^\\u0000-\\u001f\\u007f]*$"
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
}

/// The values a request came with, checked.
struct Fields: Sendable {
  private let values: [String: JSON]

  static let none = Fields(values: [:])

  private init(values: [String: JSON]) { self.values = values }

  /// Of a body. Throws where it is no JSON object, has what is not known, misses what is needed, or is wrong in a part.
  init(body: [UInt8], _ fields: [Field]) throws(Failure) {
    let json: JSON
    do { json = try JSONText.decode(JSON.self, from: body) } catch {
      throw Failure(.requestMalformed, "the body is no JSON that can be read", hint: "send one JSON object in UTF-8")
    }
    guard let object = json.object else {
      throw Failure(.requestMalformed, "the body is no JSON object", hint: "send one JSON object in UTF-8")
    }
    try Self.check(object, fields, in: "")
    values = object
  }

  /// Of a query.
  init(query: [(name: String, value: String)], _ fields: [Field]) throws(Failure) {
    var values: [String: JSON] = [:]
    for (escapedName, escaped) in query {
      guard let name = Escapes.read(escapedName), let text = Escapes.read(escaped) else {
        throw Failure(.requestMalformed, "the query has an escape that is none", hint: "escape it as UTF-8: %C3%A4")
      }
      guard let field = fields.first(where: { $0.name == name }) else { throw Self.unknown(name, fields, "parameter") }
      guard values[name] == nil else { throw Failure(.requestMalformed, "\(name) is said twice", hint: "say it once") }
      guard let value = field.read(text) else {
        throw Failure(
          .requestMalformed, "\(name) is not what it may be: \"\(SessionName.excerpt(text))\"",
          hint: "\(name): \(field.help)")
      }
      values[name] = value
    }
    try Self.check(values, fields, in: "")
    self.values = values
  }

  fileprivate static func check(_ values: [String: JSON], _ fields: [Field], in prefix: String) throws(Failure) {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let field = fields.first(where: { $0.name == name }) else { throw unknown(prefix + name, fields, "field") }
      // What may be left out may be null.
      if value == .null, !field.isRequired { continue }
      try field.check(value)
    }
    for field in fields where field.isRequired && values[field.name] == nil {
      throw Failure(.requestMalformed, "\(prefix)\(field.name) is missing", hint: "\(field.name): \(field.help)")
    }
  }

  private static func unknown(_ name: String, _ fields: [Field], _ what: String) -> Failure {
    let known = fields.map(\.name).joined(separator: ", ")
    return Failure(
      .requestMalformed, "there is no \(what) \"\(SessionName.excerpt(name))\"",
      hint: known.isEmpty ? "it takes none" : "there are \(known)")
  }

  static func schema(_ fields: [Field]) -> [String: JSON] {
    var properties: [String: JSON] = [:]
    for field in fields {
      var schema = field.schema
      if !field.isRequired, case .object(var parts) = schema, let type = parts["type"] {
        parts["type"] = .array([type, "null"])
        if let choices = parts["enum"]?.array { parts["enum"] = .array(choices + [.null]) }
        schema = .object(parts)
      }
      properties[field.name] = schema
    }
    return [
      "type": "object", "properties": .object(properties), "additionalProperties": .bool(false),
      "required": .array(fields.filter(\.isRequired).map { .string($0.name) }),
    ]
  }

  // MARK: reading

  subscript(_ name: String) -> JSON? {
    let value = values[name]
    return value == .null ? nil : value
  }

  func text(_ name: String) -> String? { self[name]?.string }
  func flag(_ name: String) -> Bool { self[name]?.bool ?? false }
  func whole(_ name: String) -> Int? { self[name]?.integer.map { Int($0) } }
  func number(_ name: String) -> Double? { self[name]?.double }
  func lines(_ name: String) -> [String] { self[name]?.array?.compactMap(\.string) ?? [] }
  func variables(_ name: String) -> [String: String] { self[name]?.object?.compactMapValues(\.string) ?? [:] }

  /// Of a part whose shape is an object with these fields.
  func object(_ name: String) -> [String: JSON]? { self[name]?.object }
}
