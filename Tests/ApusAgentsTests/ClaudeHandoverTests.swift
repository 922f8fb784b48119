import ApusTestKit
import Testing

@testable import ApusAgents

@Suite("an agent that lives is handed over to another client") struct ClaudeHandoverTests {
  private static func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

  private static func state(_ mode: String) -> String {
    #"{"type":"system","subtype":"session_state_changed","state":"\#(mode)","uuid":"x"}"#
  }
  private static func request(_ id: String, _ subtype: String = "can_use_tool") -> String {
    #"{"type":"control_request","request_id":"\#(id)","request":{"subtype":"\#(subtype)","tool_name":"Bash"}}"#
  }
  private static func response(_ id: String, _ state: String? = nil) -> String {
    let inner = state.map { #"{"commands":[],"session_state":"\#($0)"}"# } ?? "{}"
    return #"{"type":"control_response","response":{"subtype":"success","request_id":"\#(id)","response":\#(inner)}}"#
  }
  private static func handshake(_ id: String, _ method: String) -> String {
    #"{"type":"control_request","request_id":"\#(id)","request":{"subtype":"mcp_message","server_name":"sums","#
      + #""message":{"method":"\#(method)","jsonrpc":"2.0"}}}"#
  }
  private static let tasks = #"{"type":"system","subtype":"background_tasks_changed","tasks":[]}"#
  private static let begun = #"{"type":"system","subtype":"init","session_id":"x"}"#
  private static let result = #"{"duration_api_ms":1,"type":"result","subtype":"success"}"#
  private static let answer = #"{"type":"assistant","message":{"content":[{"type":"text","text":"\"result\""}]}}"#
  private static let prompt = #"{"type":"user","message":{"role":"user","content":"new"}}"#
  private static let greeting = request("hello", "initialize")

  /// What passed in either direction, as text: `> ` to the agent, `< ` to the client.
  private struct Story {
    var handover: ClaudeHandover
    var passed: [String] = []

    init(_ past: [String] = [], answered: Set<String> = []) {
      var standing = ClaudeStanding(answered: answered)
      standing.hear(recorded: past.flatMap(ClaudeHandoverTests.line)[...])
      handover = ClaudeHandover(standing)
    }

    mutating func client(_ lines: String...) -> [String] {
      lines.flatMap { told(handover.fromClient(ClaudeHandoverTests.line($0)[...])) }
    }
    mutating func agent(_ lines: String...) -> [String] {
      lines.flatMap { told(handover.fromAgent(ClaudeHandoverTests.line($0)[...])) }
    }
    private func told(_ actions: [ClaudeHandover.Action]) -> [String] {
      actions.map { action in
        switch action {
        case .toAgent(let bytes): "> " + String(decoding: bytes.dropLast(), as: UTF8.self)
        case .toClient(let bytes): "< " + String(decoding: bytes.dropLast(), as: UTF8.self)
        }
      }
    }
  }

  @Test func `an agent at rest is the client's with its first message, and its greeting's echo is not told`() {
    var story = Story([Self.state("running"), Self.begun, Self.result, Self.state("idle")])
    #expect(story.client(Self.greeting) == ["> " + Self.greeting])
    #expect(story.agent(Self.response("hello", "idle"), Self.tasks) == ["< " + Self.response("hello", "idle")])
    #expect(!story.handover.isOver)
    #expect(story.client(Self.prompt) == ["> " + Self.prompt])
    #expect(story.handover.isOver)
    #expect(story.agent(Self.state("running"), Self.tasks) == ["< " + Self.state("running"), "< " + Self.tasks])
  }

  @Test func `a message that comes before the greeting is answered waits, and the echo is still not told`() {
    var story = Story([Self.state("idle")])
    #expect(story.client(Self.greeting, Self.prompt) == ["> " + Self.greeting] && story.handover.holds)
    #expect(story.handover.heldBytes == Self.prompt.utf8.count + 1)
    let answered = Self.response("hello", "idle")
    #expect(story.agent(answered) == ["< " + answered, "> " + Self.prompt] && !story.handover.isOver)
    #expect(story.agent(Self.tasks, Self.begun) == ["< " + Self.begun] && story.handover.isOver)
  }

  @Test func `nothing of the old turn is told, and the client's messages wait for its end`() {
    var story = Story([Self.state("running"), Self.begun])
    _ = story.client(Self.greeting)
    #expect(story.agent(Self.answer, Self.response("hello", "running")) == ["< " + Self.response("hello", "running")])
    #expect(story.client(Self.prompt, Self.prompt).isEmpty)
    #expect(story.client(Self.request("own", "set_model")) == ["> " + Self.request("own", "set_model")])
    #expect(story.agent(Self.tasks, Self.answer, Self.response("other"), Self.result).isEmpty)
    #expect(story.agent(Self.response("own")) == ["< " + Self.response("own")])
    #expect(story.agent(Self.state("idle")) == ["> " + Self.prompt, "> " + Self.prompt])
    #expect(story.agent(Self.begun) == ["< " + Self.begun] && story.handover.isOver)
  }

  @Test func `the greeting's answer knows of messages that the recording does not show yet`() {
    var story = Story([Self.state("idle")])
    _ = story.client(Self.greeting, Self.prompt)
    #expect(story.agent(Self.response("hello", "running")) == ["< " + Self.response("hello", "running")])
    #expect(story.agent(Self.state("running"), Self.begun, Self.result).isEmpty)
    #expect(story.agent(Self.state("idle")) == ["> " + Self.prompt])
  }

  @Test func `what was asked and not answered is asked again once the agent has answered the greeting`() {
    var story = Story(
      [Self.state("running"), Self.request("a"), Self.request("b"), Self.request("c", "hook_callback")], answered: ["a"]
    )
    #expect(story.client(Self.greeting) == ["> " + Self.greeting])
    let withdrawal = #"{"type":"control_cancel_request","request_id":"c"}"#
    #expect(story.agent(withdrawal).isEmpty, "the client never had it")
    let answered = Self.response("hello", "requires_action")
    #expect(story.agent(answered) == ["< " + answered, "< " + Self.request("b")])
    #expect(story.agent(Self.request("d")) == ["< " + Self.request("d")])
    #expect(story.client(Self.prompt).isEmpty)
    #expect(story.client(Self.response("b")) == ["> " + Self.response("b")])
    let other = #"{"type":"control_cancel_request","request_id":"d"}"#
    #expect(story.agent(other) == ["< " + other])
    #expect(story.agent(Self.state("running"), Self.state("idle")) == ["> " + Self.prompt])
  }

  @Test func `servers in the client are greeted before anything is asked of them, step by step`() {
    let (one, two) = (Self.handshake("h1", "initialize"), Self.handshake("h2", "notifications/initialized"))
    var story = Story(
      [one, two, Self.state("running"), Self.request("call", "mcp_message")], answered: ["h1", "h2"])
    _ = story.client(Self.greeting, Self.prompt)
    let answered = Self.response("hello", "running")
    #expect(story.agent(answered) == ["< " + answered, "< " + one])
    #expect(story.client(Self.response("h1")) == ["< " + two])
    #expect(story.client(Self.response("h2")) == ["< " + Self.request("call", "mcp_message")])
    #expect(story.client(Self.response("call")) == ["> " + Self.response("call")])
    #expect(story.agent(Self.state("idle")) == ["> " + Self.prompt])
  }

  @Test func `a server's greeting that the agent itself still waits for is answered to it`() {
    let one = Self.handshake("h1", "initialize")
    var story = Story([one])
    _ = story.client(Self.greeting)
    #expect(story.agent(Self.response("hello", "idle")).last == "< " + one)
    #expect(story.client(Self.response("h1")) == ["> " + Self.response("h1")])
  }

  @Test func `an agent that does not say when it rests rests at its result`() {
    var story = Story([Self.begun, Self.answer])
    #expect(story.client(Self.prompt).isEmpty && story.handover.holds)
    #expect(story.agent(Self.answer).isEmpty)
    #expect(story.agent(Self.result) == ["> " + Self.prompt] && story.handover.isOver)
  }

  @Test func `what is no JSON is the agent's to complain of`() {
    var story = Story([Self.begun])
    for text in ["no json", "", "{", "[]"] { #expect(story.client(text) == ["> " + text]) }
  }

  @Test func `only an answer names a request that is answered`() {
    func answered(_ text: String) -> String? { ClaudeHandover.answered(by: Array(text.utf8)[...]) }
    #expect(answered(Self.response("a")) == "a")
    #expect(answered(Self.response("a").replacing(":", with: ": ")) == "a")
    #expect(answered(Self.prompt.replacing("new", with: #"\"control_response\""#)) == nil)
    #expect(answered(Self.request("control_response")) == nil)
  }
}
