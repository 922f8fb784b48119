import ApusAgents
import ApusCore
import ApusTestKit
import Testing

@Suite("single lines of Claude Code's stream") struct ClaudeStreamTests {
  private func read(_ line: String) -> [AgentEvent] {
    var stream = ClaudeStream()
    return stream.read(line: Array(line.utf8)[...], at: 7)
  }

  private func text(_ text: String) -> [AgentEvent] {
    read(#"{"type":"assistant","uuid":"u","message":{"content":[{"type":"text","text":"\#(text)"}]}}"#)
  }

  private func said(_ text: String) -> [AgentEvent] { [.said(Utterance(role: .assistant, text: text, id: "u"))] }

  private func failure(_ result: String) -> Failure? {
    guard case .turnEnded(let ended)? = read(#"{"type":"result",\#(result)}"#).first else { return nil }
    return ended.failure
  }

  @Test(arguments: ["", " ", "\t\r", "\r"]) func `a blank line is nothing`(_ line: String) {
    #expect(read(line) == [])
  }

  @Test(arguments: [
    "nonsense", "{", "[]", "1", "null", "\"x\"", #"{"type":"system""#, "{}{}", "\u{0}", "Error: something",
    #"{"type":"x"} y"#,
  ])
  func `a line that is no object is told with its place and passed over`(_ line: String) {
    #expect(read(line) == [.unreadable(offset: 7)])
  }

  @Test func `bytes that are no text are told and passed over`() {
    var stream = ClaudeStream()
    #expect(stream.read(line: [255, 254, 0][...], at: 3) == [.unreadable(offset: 3)])
  }

  @Test(arguments: [
    "{}", #"{"type":7}"#, #"{"type":"later"}"#, #"{"type":"system"}"#, #"{"type":"system","subtype":"init"}"#,
    #"{"type":"assistant"}"#, #"{"type":"assistant","message":{"content":"text"}}"#, #"{"type":"user","message":3}"#,
    #"{"type":"control_request","request":{"subtype":"can_use_tool"}}"#, #"{"type":"control_cancel_request"}"#,
    #"{"type":"control_request","request_id":"1","request":{"subtype":"hook_callback"}}"#,
    #"{"type":"control_response"}"#,
    #"{"type":"command_lifecycle","state":"started"}"#,
    #"{"type":"command_lifecycle","command_uuid":"1","state":"queued"}"#,
    #"{"type":"stream_event","event":{}}"#, #"{"type":"system","subtype":"status","status":"requesting"}"#,
    #"{"type":"assistant","message":{"content":[{"type":"thinking","thinking":"hm"},{"type":"later"},5]}}"#,
  ])
  func `what is unknown or lacks what it needs is passed over`(_ line: String) {
    #expect(read(line) == [])
  }

  @Test func `a line of a megabyte is one line`() {
    let long = String(repeating: "x", count: 1 << 20)
    #expect(text(long) == said(long))
  }

  @Test(arguments: [
    (#"a\ud83d\ude00b"#, "a😀b"), (#"cut \ud83d"#, "cut \u{FFFD}"), (#"\ude00 cut"#, "\u{FFFD} cut"),
    (#"\ud83d\ud83d\ude00"#, "\u{FFFD}😀"), (#"\\ud83d"#, "\\ud83d"), (#"\\\ud83d"#, "\\\u{FFFD}"),
    (#"\uD83Dx"#, "\u{FFFD}x"),
    (#"\ud83d\n\ude00"#, "\u{FFFD}\n\u{FFFD}"), (#"\u00e9\ud800\u0041"#, "é\u{FFFD}A"),
  ])
  func `half a pair of surrogates is one sign nobody can read, and no more is lost`(_ escaped: String, _ shown: String)
  {
    #expect(text(escaped) == said(shown))
  }

  @Test func `our own answer that comes back is no event`() {
    #expect(
      read(
        #"{"type":"control_response","response":{"subtype":"success","request_id":"p","response":{"behavior":"allow"}}}"#
      )
        == [])
  }

  @Test func `only the greeting's answer makes the agent ready`() throws {
    let line = try Recorded.load("initialize.jsonl")
    #expect(Recorded.events(of: line) == [])
    let ours = line.replacing(#""request_id":"r1""#, with: #""request_id":"apus-hello""#)
    #expect(Recorded.events(of: ours) == [.ready(version: "2.1.329"), .modeChanged(.idle)])
  }

  @Test func `what a subagent says is not the conversation`() {
    #expect(
      read(#"{"type":"assistant","parent_tool_use_id":"t","message":{"content":[{"type":"text","text":"x"}]}}"#) == [])
    #expect(read(#"{"type":"user","parent_tool_use_id":"t","message":{"content":"x"}}"#) == [])
  }

  @Test(arguments: [("completed", false), ("cancelled", true), ("discarded", true), ("refused", true)])
  func `a prompt is done with in several ways`(_ state: String, _ withdrawn: Bool) {
    #expect(
      read(#"{"type":"command_lifecycle","command_uuid":"p","state":"\#(state)"}"#)
        == [.promptFinished(id: "p", withdrawn: withdrawn)])
  }

  @Test func `a result of a parts list is told in its parts`() {
    let events = read(
      #"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"a"},{"type":"image"},{}]}]}}"#
    )
    #expect(events == [.said(Utterance(role: .tool, text: "a\n[image]\n[?]", id: "t/result", isError: false))])
  }

  @Test(
    arguments: [
      (#""subtype":"success","is_error":false"#, nil),
      (#""subtype":"success","is_error":true,"result":"API Error: 529 busy","api_error_status":529"#, .agentOverloaded),
      (#""subtype":"success","is_error":true,"result":"API Error: 529 busy""#, .agentOverloaded),
      (#""subtype":"success","is_error":true,"result":"API Error: 401 x""#, .agentLogin),
      (#""subtype":"success","is_error":true,"result":"Invalid API key · Please run /login""#, .agentLogin),
      (#""subtype":"success","is_error":true,"result":"Claude AI usage limit reached|1795""#, .agentLimit),
      (#""subtype":"success","is_error":true,"result":"x","api_error_status":429"#, .agentLimit),
      (#""subtype":"success","is_error":true,"result":"API Error: 500 x""#, .agentError),
      (#""subtype":"success","is_error":true,"result":"something else""#, .agentError),
      (#""subtype":"success","is_error":true"#, .agentError),
      (#""subtype":"error_max_turns","is_error":true"#, .agentMaxTurns),
      (#""subtype":"error_max_budget_usd","is_error":true"#, .agentBudget),
      (#""subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_tools""#, .turnInterrupted),
      (#""subtype":"error_during_execution","is_error":true,"terminal_reason":"aborted_streaming""#, .turnInterrupted),
      (
        #""subtype":"error_during_execution","errors":["No conversation found with session ID: x"]"#,
        .agentNoConversation
      ),
      (#""subtype":"error_of_later","is_error":true,"errors":["what\u001b[2J"]"#, .agentError),
    ] as [(String, ErrorCode?)])
  func `a turn's failure says what happened and what to do`(_ result: String, _ code: ErrorCode?) {
    let failure = failure(result)
    #expect(failure?.code == code)
    if let failure {
      #expect(!failure.summary.isEmpty && failure.hint != nil)
      #expect(failure.summary.unicodeScalars.allSatisfy { $0.value >= 32 })
    }
  }

  @Test(arguments: [
    #""modelUsage":{"m":{"inputTokens":9223372036854775807,"cacheReadInputTokens":9223372036854775807,"outputTokens":9223372036854775807},"n":{"outputTokens":9223372036854775807}}"#,
    #""modelUsage":{"m":{"inputTokens":1e300,"outputTokens":-9223372036854775808}},"total_cost_usd":"x""#,
    #""modelUsage":[],"usage":7,"result":7,"user_message_uuids":{},"api_error_status":9223372036854775807,"is_error":true"#,
  ])
  func `numbers beyond all measure are borne`(_ result: String) {
    guard case .turnEnded(let ended)? = read(#"{"type":"result",\#(result)}"#).first else {
      Issue.record("no end")
      return
    }
    #expect(ended.prompts.isEmpty)
  }

  @Test func `ten thousand random objects never bring the reader down`() {
    var random = Seeded(92)
    let keys = [
      "type", "subtype", "message", "content", "request", "response", "uuid", "state", "modelUsage", "errors",
    ]
    let values = [
      "1", "null", "\"result\"", "\"user\"", "\"assistant\"", "\"system\"", "\"init\"", "[]", "{}", "\"text\"", "[1]",
      "\"control_request\"", "\"tool_result\"", "-1.5e9", "[{\"type\":\"text\"}]",
      "{\"content\":[{\"type\":\"tool_use\"}]}",
    ]
    var stream = ClaudeStream()
    for _ in 0..<10_000 {
      let fields = (0..<(1 + random.below(4))).map { _ in "\"\(random.pick(keys))\":\(random.pick(values))" }
      _ = stream.read(line: Array("{\(fields.joined(separator: ","))}".utf8)[...], at: 0)
    }
  }
}
