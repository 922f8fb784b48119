import ApusCore
import CSystem

/// One line of a stream-json conversation, as far as it matters for who may have it (real-cli §4, claude-contract §3.4).
enum ClaudeLine: Equatable {
  /// A `control_request`: of the agent's, to be answered by its client; or of the client's.
  case request(id: String, isGreeting: Bool)
  /// The agent begins to speak with a server that is in its client (`mcp_message` with `initialize` or
  /// `notifications/initialized`), which takes no other request before; `step` tells it from others.
  case handshake(id: String, step: String)
  /// A `control_response`, and the state of the agent where it tells one (`initialize`).
  case response(id: String, mode: AgentMode?)
  /// The request is no longer to be answered.
  case withdrawal(id: String)
  case mode(AgentMode)
  /// `init`, which begins every turn.
  case began
  /// `result`, which ends it.
  case ended
  /// What a repeated greeting is followed by.
  case tasks
  /// A message to the agent, or something else that is for it alone.
  case message
  /// Everything else that either side says.
  case other

  /// Words one of which stands in every line that is not `other`. A line without any is not parsed.
  private static let words = [
    "\"control_", "session_state_changed", "\"init\"", "\"result\"", "background_tasks_changed",
  ].map { Array($0.utf8) }

  /// A line the agent wrote.
  init(ofAgent line: ArraySlice<UInt8>) {
    guard Self.words.contains(where: { Self.holds($0, line) }), let json = Self.parse(line) else {
      self = .other
      return
    }
    switch (json["type"]?.string, json["subtype"]?.string) {
    case ("system", "session_state_changed"): self = .mode(ClaudeStream.mode(json["state"]?.string))
    case ("system", "init"): self = .began
    case ("system", "background_tasks_changed"): self = .tasks
    case ("result", _): self = .ended
    default: self = Self.control(json) ?? .other
    }
  }

  /// A line a client wrote; `other` where it is nothing to be understood.
  init(ofClient line: ArraySlice<UInt8>) {
    guard let json = Self.parse(line), json.object != nil else {
      self = .other
      return
    }
    self = Self.control(json) ?? .message
  }

  /// The request of the agent's that a client's line answers.
  static func answered(by line: ArraySlice<UInt8>) -> String? {
    guard holds(Array("\"control_response\"".utf8), line), case .response(let id, _) = ClaudeLine(ofClient: line) else {
      return nil
    }
    return id
  }

  private static let handshakes: Set<String> = ["initialize", "notifications/initialized"]

  private static func control(_ json: JSON) -> ClaudeLine? {
    let own = json["request_id"]?.string
    switch json["type"]?.string {
    case "control_request":
      let request = json["request"]
      if let own, let server = request?["server_name"]?.string, let method = request?["message"]?["method"]?.string,
        handshakes.contains(method)
      {
        return .handshake(id: own, step: server + " " + method)
      }
      return own.map { .request(id: $0, isGreeting: request?["subtype"]?.string == "initialize") }
    case "control_response":
      let state = json["response"]?["response"]?["session_state"]?.string
      return json["response"]?["request_id"]?.string.map { .response(id: $0, mode: state.map(ClaudeStream.mode)) }
    case "control_cancel_request": return own.map { .withdrawal(id: $0) }
    default: return nil
    }
  }

  private static func parse(_ line: ArraySlice<UInt8>) -> JSON? { try? JSONText.decode(JSON.self, from: line) }

  private static func holds(_ word: [UInt8], _ line: ArraySlice<UInt8>) -> Bool {
    line.withUnsafeBytes { apus_find($0.baseAddress, $0.count, word, word.count) >= 0 }
  }
}
