import ApusCore

/// What an answer looks like, in the words of JSON Schema 2020-12.
struct Schema: Sendable {
  var json: JSON

  static let text = Schema(json: .object(["type": "string"]))
  static let whole = Schema(json: .object(["type": "integer"]))
  static let number = Schema(json: .object(["type": "number"]))
  static let flag = Schema(json: .object(["type": "boolean"]))
  /// Whatever a vendor or a tool gave.
  static let any = Schema(json: .object([:]))

  static func choice(_ values: [String]) -> Schema {
    Schema(json: .object(["type": "string", "enum": .array(values.map(JSON.string))]))
  }

  static func list(_ of: Schema) -> Schema { Schema(json: .object(["type": "array", "items": of.json])) }

  static func map(_ of: Schema) -> Schema {
    Schema(json: .object(["type": "object", "additionalProperties": of.json]))
  }

  /// One of the components.
  static func named(_ name: String) -> Schema {
    Schema(json: .object(["$ref": .string("#/components/schemas/\(name)")]))
  }

  /// The same, or null.
  var orNull: Schema { Schema(json: .object(["anyOf": .array([json, .object(["type": "null"])])])) }

  func saying(_ help: String) -> Schema {
    guard case .object(var fields) = json else { return self }
    fields["description"] = .string(help)
    return Schema(json: .object(fields))
  }

  /// `always` are there in every answer, `sometimes` where there is something to say. Later versions may say more.
  static func object(
    _ always: KeyValuePairs<String, Schema>, sometimes: KeyValuePairs<String, Schema> = [:], _ help: String = ""
  ) -> Schema {
    var properties: [String: JSON] = [:]
    for (name, schema) in always { properties[name] = schema.json }
    for (name, schema) in sometimes { properties[name] = schema.json }
    var fields: [String: JSON] = [
      "type": "object", "properties": .object(properties), "required": .array(always.map { .string($0.key) }),
    ]
    if !help.isEmpty { fields["description"] = .string(help) }
    return Schema(json: .object(fields))
  }
}
