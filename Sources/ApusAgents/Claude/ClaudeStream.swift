import ApusCore

/// Reads Claude Code's stream-json (claude-contract §3.4, measured on 2.1.329): lines of one JSON object each, of any
/// length; unknown types are passed over, unreadable lines are told and passed over.
package struct ClaudeStream: AgentStream, Equatable {
  /// Names of the tools that are running, by the id their result will bear.
  private var tools: [String: String] = [:]

  /// Others greet the agent: what it answers any of them tells that it is ready.
  private var isSpoken: Bool?

  package init() {}

  package init(isSpoken: Bool) { if isSpoken { self.isSpoken = true } }

  package mutating func read(line: ArraySlice<UInt8>, at offset: UInt64) -> [AgentEvent] {
    guard !line.allSatisfy({ $0 == 32 || $0 == 13 || $0 == 9 }) else { return [] }
    guard let json = Self.parse(line), case .object = json else { return [.unreadable(offset: offset)] }
    switch json["type"]?.string {
    case "system": return system(json)
    case "assistant": return assistant(json)
    case "user": return user(json)
    case "stream_event": return piece(json)
    case "result": return [.turnEnded(result(json))]
    case "control_response": return greeted(json)
    case "control_request": return asked(json)
    case "control_cancel_request":
      return json["request_id"]?.string.map { [.permissionWithdrawn(id: $0)] } ?? []
    case "command_lifecycle": return lifecycle(json)
    default: return []
    }
  }

  private static func parse(_ line: ArraySlice<UInt8>) -> JSON? {
    if let json = try? JSONText.decode(JSON.self, from: line) { return json }
    // JavaScript writes half of a pair as \udXXX where it cut a string in two; Swift's decoder takes no such text.
    let mended = LoneSurrogates.replaced(in: line)
    return mended.flatMap { try? JSONText.decode(JSON.self, from: $0) }
  }

  private func system(_ json: JSON) -> [AgentEvent] {
    switch json["subtype"]?.string {
    case "session_state_changed": return [.modeChanged(Self.mode(json["state"]?.string))]
    case "init":
      guard let id = json["session_id"]?.string else { return [] }
      return [.turnBegan(conversationID: id, model: json["model"]?.string)]
    case "api_retry": return [.retrying(ClaudeFailure.of(retry: json))]
    default: return []
    }
  }

  static func mode(_ state: String?) -> AgentMode {
    switch state {
    case "idle": .idle
    case "running": .running
    case "requires_action": .waiting
    default: .unknown
    }
  }

  private mutating func assistant(_ json: JSON) -> [AgentEvent] {
    guard json["parent_tool_use_id"]?.string == nil, let content = json["message"]?["content"]?.array else { return [] }
    let id = json["uuid"]?.string
    return content.compactMap { block in
      switch block["type"]?.string {
      case "text": return .said(Utterance(role: .assistant, text: block["text"]?.string ?? "", id: id))
      case "tool_use":
        let name = block["name"]?.string ?? "tool"
        if let use = block["id"]?.string { tools[use] = name }
        let text = block["input"].flatMap { try? JSONText.string($0) } ?? ""
        return .said(Utterance(role: .tool, text: text, id: block["id"]?.string, tool: name))
      default: return nil
      }
    }
  }

  /// Of the messages of the model as they come (`--include-partial-messages`) only text is shown before it is whole.
  private func piece(_ json: JSON) -> [AgentEvent] {
    guard json["parent_tool_use_id"]?.string == nil, let event = json["event"] else { return [] }
    switch event["type"]?.string {
    case "content_block_start":
      guard event["content_block"]?["type"]?.string == "text" else { return [] }
      return [.saying(event["content_block"]?["text"]?.string ?? "", begins: true)]
    case "content_block_delta":
      guard event["delta"]?["type"]?.string == "text_delta", let text = event["delta"]?["text"]?.string else {
        return []
      }
      return [.saying(text, begins: false)]
    default: return []
    }
  }

  private mutating func user(_ json: JSON) -> [AgentEvent] {
    guard json["parent_tool_use_id"]?.string == nil, let content = json["message"]?["content"] else { return [] }
    let id = json["uuid"]?.string
    let isReplay = json["isReplay"]?.bool == true
    if let text = content.string {
      return [.said(Utterance(role: isReplay ? .user : .system, text: text, id: id))]
    }
    return (content.array ?? []).compactMap { block in
      switch block["type"]?.string {
      case "text": return .said(Utterance(role: isReplay ? .user : .system, text: block["text"]?.string ?? "", id: id))
      case "tool_result":
        let use = block["tool_use_id"]?.string
        let tool = use.flatMap { tools.removeValue(forKey: $0) }
        return .said(
          Utterance(
            role: .tool, text: Self.text(block["content"]), id: use.map { $0 + "/result" }, tool: tool,
            isError: block["is_error"]?.bool ?? false))
      default: return nil
      }
    }
  }

  private static func text(_ content: JSON?) -> String {
    if let text = content?.string { return text }
    return (content?.array ?? []).map { $0["text"]?.string ?? "[\($0["type"]?.string ?? "?")]" }.joined(separator: "\n")
  }

  /// A number of tokens, within bounds that sums of it stay within an Int.
  private static func count(_ json: JSON?) -> Int { Int(max(0, min(json?.integer ?? 0, 1 << 48))) }

  private func result(_ json: JSON) -> TurnResult {
    var tokens = Tokens()
    for usage in (json["modelUsage"]?.object ?? [:]).values {
      for key in ["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"] {
        tokens.input += Self.count(usage[key])
      }
      tokens.output += Self.count(usage["outputTokens"])
    }
    var prompts = (json["user_message_uuids"]?.array ?? []).compactMap(\.string)
    if prompts.isEmpty, let one = json["user_message_uuid"]?.string { prompts = [one] }
    return TurnResult(
      text: json["result"]?.string ?? "", prompts: prompts, failure: ClaudeFailure.of(result: json),
      cost: json["total_cost_usd"]?.double, tokens: tokens)
  }

  /// Only the answer to our own greeting matters, or, where clients speak with the agent, to any; with replayed messages
  /// our answers come back here too.
  private func greeted(_ json: JSON) -> [AgentEvent] {
    guard let response = json["response"] else { return [] }
    let inner = response["response"]
    let isOurs = response["request_id"]?.string == ClaudeAgent.greetingID
    guard isOurs || isSpoken == true && inner?["commands"]?.array != nil else { return [] }
    var events: [AgentEvent] = [.ready(version: inner?["claude_code_version"]?.string)]
    // Of an agent that another greets it is not known whether it will go on to say so.
    if isOurs, let state = inner?["session_state"]?.string { events.append(.modeChanged(Self.mode(state))) }
    return events
  }

  private func asked(_ json: JSON) -> [AgentEvent] {
    guard let request = json["request"], request["subtype"]?.string == "can_use_tool",
      let id = json["request_id"]?.string, let tool = request["tool_name"]?.string
    else { return [] }
    return [
      .permissionAsked(
        PermissionRequest(
          id: id, tool: tool, input: request["input"] ?? .object([:]), reason: request["decision_reason"]?.string,
          always: ClaudeOffers.read(request["permission_suggestions"])))
    ]
  }

  private func lifecycle(_ json: JSON) -> [AgentEvent] {
    guard let id = json["command_uuid"]?.string else { return [] }
    switch json["state"]?.string {
    case "started": return [.promptStarted(id: id)]
    case "completed": return [.promptFinished(id: id, withdrawn: false)]
    case "cancelled", "discarded", "refused": return [.promptFinished(id: id, withdrawn: true)]
    default: return []
    }
  }
}

/// Half surrogate pairs in JSON escapes.
enum LoneSurrogates {
  /// The text with each lone `\udXXX` as `\ufffd`; nil when there was none.
  static func replaced(in text: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes = Array(text)
    var changed = false
    var at = 0
    while at < bytes.count {
      guard bytes[at] == UInt8(ascii: "\\") else {
        at += 1
        continue
      }
      guard let unit = escape(bytes, at) else {
        at += 2
        continue
      }
      if (0xD800...0xDBFF).contains(unit), let low = escape(bytes, at + 6), (0xDC00...0xDFFF).contains(low) {
        at += 12
        continue
      }
      if (0xD800...0xDFFF).contains(unit) {
        bytes.replaceSubrange((at + 2)..<(at + 6), with: Array("fffd".utf8))
        changed = true
      }
      at += 6
    }
    return changed ? bytes : nil
  }

  private static func escape(_ bytes: [UInt8], _ at: Int) -> UInt32? {
    guard at + 6 <= bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else { return nil }
    return UInt32(String(decoding: bytes[(at + 2)..<(at + 6)], as: UTF8.self), radix: 16)
  }
}
