import ApusCore

/// What of an agent's words is kept as an event, and in which shape.
enum EventText {
  /// A tool's output beyond this stays in the recording alone.
  private static let longestToolText = 1 << 16

  static func event(of event: AgentEvent) -> (kind: Event.Kind, detail: JSON)? {
    switch event {
    case .ready(let version): (.agentReady, .object(["version": .init(version)]))
    case .modeChanged: nil
    case .turnBegan(let id, let model):
      (.turnBegan, .object(["conversationID": .string(id), "model": .init(model)]))
    case .promptStarted(let id): (.promptStarted, .object(["id": .string(id)]))
    case .promptFinished(let id, let withdrawn):
      (.promptFinished, .object(["id": .string(id), "withdrawn": .bool(withdrawn)]))
    case .said(let utterance): (.said, said(utterance))
    case .saying: nil
    case .permissionAsked(let request):
      (
        .permissionAsked,
        .object(["id": .string(request.id), "tool": .string(request.tool), "input": request.input])
      )
    case .permissionWithdrawn(let id): (.permissionWithdrawn, .object(["id": .string(id)]))
    case .turnEnded(let result): (.turnEnded, turn(result))
    case .retrying(let failure):
      (.retrying, .object(["code": .string(failure.code.rawValue), "summary": .string(failure.summary)]))
    case .unreadable(let offset): (.lineUnreadable, .object(["offset": .integer(Int64(offset))]))
    }
  }

  private static func said(_ utterance: Utterance) -> JSON {
    var text = utterance.text
    if utterance.role == .tool, text.utf8.count > longestToolText {
      text =
        String(decoding: text.utf8.prefix(longestToolText), as: UTF8.self) + "\n… (cut; the recording has it whole)"
    }
    var detail: [String: JSON] = ["role": .string(utterance.role.rawValue), "text": .string(text)]
    if let id = utterance.id { detail["id"] = .string(id) }
    if let tool = utterance.tool { detail["tool"] = .string(tool) }
    if let isError = utterance.isError { detail["isError"] = .bool(isError) }
    return .object(detail)
  }

  private static func turn(_ result: TurnResult) -> JSON {
    .object([
      "text": .string(result.text), "prompts": .array(result.prompts.map(JSON.string)),
      "error": result.failure.map {
        .object(["code": .string($0.code.rawValue), "summary": .string($0.summary), "hint": .init($0.hint)])
      } ?? .null,
      "cost": result.cost.map(JSON.number) ?? .null,
      "tokens": .object([
        "input": .integer(Int64(result.tokens.input)), "output": .integer(Int64(result.tokens.output)),
      ]),
    ])
  }
}

extension JSON {
  init(_ text: String?) { self = text.map(JSON.string) ?? .null }
}
