import ApusCore
import ApusWire

/// The API's own description, made of the table that routes.
enum OpenAPI {
  /// OpenAPI 3.1, as JSON text.
  static let document: [UInt8] = (try? JSONText.encode(made)) ?? []

  private static var made: JSON {
    var paths: [String: JSON] = [:]
    for route in RouteTable.all {
      var operations = paths[route.path]?.object ?? [:]
      operations[route.method.rawValue.lowercased()] = operation(route)
      paths[route.path] = .object(operations)
    }
    return .object([
      "openapi": "3.1.0",
      "info": .object([
        "title": "Apus", "version": .string(Version.text), "summary": "Claude Code sessions for programs",
        "license": .object(["name": "MIT", "identifier": "MIT"]),
      ]),
      "servers": .array([.object(["url": "/"])]), "paths": .object(paths),
      "security": .array([.object(["token": .array([])])]),
      "components": .object([
        "schemas": .object(Dictionary(Components.all.map { ($0.key, $0.value.json) }, uniquingKeysWith: { $1 })),
        "securitySchemes": .object([
          "token": .object(["type": "http", "scheme": "bearer", "description": "`apus token create` makes one."])
        ]),
        "responses": .object(["Problem": problem]),
      ]),
    ])
  }

  private static let problem: JSON = .object([
    "description": "What went wrong, and what to do.",
    "content": .object(["application/problem+json": .object(["schema": Schema.named("Problem").json])]),
  ])

  private static func operation(_ route: Route) -> JSON {
    var fields: [String: JSON] = [
      "operationId": .string(route.name), "summary": .string(route.summary),
      "tags": .array([.string(route.parts.dropFirst().first ?? "health")]),
    ]
    var parameters = route.parameters.map { name in
      JSON.object([
        "name": .string(name), "in": "path", "required": .bool(true),
        "schema": .object(["type": "string", "minLength": 1]),
      ])
    }
    parameters += route.query.map { field in
      .object([
        "name": .string(field.name), "in": "query", "required": .bool(field.isRequired), "schema": field.schema,
      ])
    }
    if route.name == "createSession" {
      parameters.append(
        .object([
          "name": "Idempotency-Key", "in": "header",
          "description": "asked again under the same key, there is the session that was made already",
          "schema": .object(["type": "string", "pattern": .string(SessionRoutes.keyPattern)]),
        ]))
    }
    if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
    if let body = route.body {
      fields["requestBody"] = .object([
        "required": .bool(true),
        "content": .object(["application/json": .object(["schema": .object(Fields.schema(body))])]),
      ])
    }
    if route.isOpen { fields["security"] = .array([]) }
    fields["responses"] = .object(responses(route))
    return .object(fields)
  }

  private static func responses(_ route: Route) -> [String: JSON] {
    var responses: [String: JSON] = ["default": .object(["$ref": "#/components/responses/Problem"])]
    func content(_ type: String, _ schema: JSON) -> JSON {
      .object(["description": "It is done.", "content": .object([type: .object(["schema": schema])])])
    }
    var good = JSON.object(["description": "It is done."])
    switch route.answer {
    case .json(let schema, let status):
      good = content("application/json", schema.json)
      responses["\(status)"] = good
    case .empty: responses["204"] = good
    case .bytes(let type):
      good = content(type, .object([:]))
      responses["200"] = good
    case .events:
      responses["200"] = content("text/event-stream", .object(["type": "string"]))
    case .webSocket: responses["101"] = .object(["description": "The terminal, over a WebSocket."])
    }
    for (status, words) in route.also {
      if status < 300, case .object(var answer) = good {
        answer["description"] = .string(words)
        responses["\(status)"] = .object(answer)
      } else {
        responses["\(status)"] = .object(["$ref": "#/components/responses/Problem"])
      }
    }
    return responses
  }
}
