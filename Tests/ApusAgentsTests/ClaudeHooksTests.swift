import ApusAgents
import ApusCore
import ApusTestKit
import Testing

@Suite("what hooks say") struct ClaudeHooksTests {
  private func settings(_ own: String? = nil, program: String = "/opt/apus") throws -> JSON {
    let own = try own.map { try JSONText.decode(JSON.self, from: Array($0.utf8)) }
    return try JSONText.decode(
      from: try ClaudeHooks.settings(program: program, merging: own ?? .object([:])))
  }

  private func read(_ text: String) throws -> HookReport? {
    ClaudeHooks.read(try JSONText.decode(JSON.self, from: Array(text.utf8)))
  }

  @Test func `every word of a turn is asked for, and what may be answered is waited for`() throws {
    let hooks = try #require(try settings()["hooks"]?.object)
    #expect(
      Set(hooks.keys) == [
        "SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest",
        "Stop", "StopFailure", "SessionEnd",
      ])
    for (event, groups) in hooks {
      let hook = try #require(groups.array?.last?["hooks"]?.array?.first)
      #expect(hook["type"]?.string == "command" && (hook["timeout"]?.integer == 5) == (event != "Stop"))
      let isWaitedFor = ["SessionStart", "UserPromptSubmit", "PreToolUse", "SessionEnd"].contains(event)
      #expect((hook["async"]?.bool == true) == !isWaitedFor, "\(event)")
      #expect(hook["command"]?.string == "[ ! -x '/opt/apus' ] || exec '/opt/apus' hook")
    }
    #expect(hooks["Stop"]?.array?.first?["hooks"]?.array?.first?["asyncRewake"]?.bool == true)
  }

  @Test func `a tool that changes something is not used where nobody can say that it may be`() throws {
    let groups = try #require(try settings()["hooks"]?["PreToolUse"]?.array)
    #expect(groups.map { $0["hooks"]?.array?.first?["onFailure"]?.string } == ["block", nil])
    let guarded = try Regex(try #require(groups[0]["matcher"]?.string))
    let others = try Regex(try #require(groups[1]["matcher"]?.string))
    for tool in [
      "Bash", "Edit", "Write", "MultiEdit", "NotebookEdit", "Read", "BashOutput", "mcp__apus__locks", "Grep",
    ] {
      #expect((tool.firstMatch(of: guarded) != nil) == ClaudeHooks.changing.contains(tool), "\(tool)")
      #expect((tool.firstMatch(of: others) != nil) == !ClaudeHooks.changing.contains(tool), "\(tool)")
    }
  }

  @Test func `a program is named to the shell to the letter`() throws {
    let hook = try settings(program: "/o pt/it's $HOME/apus")["hooks"]?["Stop"]?.array?.first?["hooks"]?.array?.first
    let quoted = #"'/o pt/it'\''s $HOME/apus'"#
    #expect(hook?["command"]?.string == "[ ! -x \(quoted) ] || exec \(quoted) hook")
  }

  @Test func `a person's own settings count as well`() throws {
    let own =
      #"{"model":"m","hooks":{"Stop":[{"matcher":"x","hooks":[{"type":"command","command":"theirs"}]}],"Odd":7}}"#
    let merged = try settings(own)
    #expect(merged["model"]?.string == "m" && merged["hooks"]?["Odd"]?.integer == 7)
    let stops = try #require(merged["hooks"]?["Stop"]?.array)
    #expect(stops.count == 2 && stops[0]["matcher"]?.string == "x")
    #expect(stops[1]["hooks"]?.array?.first?["command"]?.string?.hasSuffix(" hook") == true)
    #expect(merged["hooks"]?["PreToolUse"]?.array?.count == 2)
  }

  @Test func `what it may do unasked stands beside a person's own rules`() throws {
    let own: JSON = try JSONText.decode(
      from: Array(#"{"permissions":{"allow":["Read"],"deny":["mcp__apus__tell"]}}"#.utf8))
    let merged: JSON = try JSONText.decode(
      from: try ClaudeHooks.settings(program: "/opt/apus", merging: own, allowing: [ClaudeServers.rule]))
    #expect(merged["permissions"]?["allow"] == .array([.string("Read"), .string("mcp__apus")]))
    #expect(merged["permissions"]?["deny"] == .array([.string("mcp__apus__tell")]))
    #expect(try settings()["permissions"] == nil)
  }

  @Test func `what is no report of ours is passed over`() throws {
    for text in [
      "{}", "[]", "7", "null", #"{"session_id":"c"}"#, #"{"hook_event_name":"Stop"}"#,
      #"{"session_id":"c","hook_event_name":"SubagentStop"}"#, #"{"session_id":7,"hook_event_name":"Stop"}"#,
    ] { #expect(try read(text) == nil, "\(text)") }
  }

  @Test func `a report that lacks what it should have is read as far as it goes`() throws {
    for name in ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "PermissionRequest", "Stop"] {
      #expect(try read(#"{"session_id":"C-1","hook_event_name":"\#(name)"}"#)?.conversationID == "c-1", "\(name)")
    }
    let end = try read(#"{"session_id":"c","hook_event_name":"SessionEnd","reason":"clear"}"#)
    #expect(end?.fact == .ended(reason: "clear", isFollowed: true))
    let failed = try read(
      #"{"session_id":"c","hook_event_name":"StopFailure","error":"rate_limit","last_assistant_message":""}"#)
    guard case .turnFailed(let failure) = failed?.fact else { return #expect(Bool(false), "\(failed as Any)") }
    #expect(failure.code == .agentLimit)
  }

  /// A tour through the real program in a terminal, with its own list beside its hooks. `terminal_tour.events` was read
  /// against what was done at the keyboard; a difference is a change of what people see.
  @Test func `a recorded tour in a terminal shows exactly these activities`() throws {
    var turn = TurnState(since: 1_799_999_999, isTerminal: true)
    var shown: [String] = []
    for line in try Recorded.load("terminal_tour.jsonl").split(separator: "\n") {
      let entry = try JSONText.decode(JSON.self, from: Array(line.utf8))
      let at = try #require(entry["at"]?.double)
      if let mark = entry["mark"]?.string {
        shown.append("# \(mark)")
        continue
      }
      if let hook = entry["hook"] {
        let report = try #require(ClaudeHooks.read(hook), "\(line)")
        turn.hear(report, id: "\(at)", at: at, prompt: "p")
      } else if let list = entry["list"], list != .null {
        if let sighting = ClaudeRegistry.sighting(list) { turn.see(sighting) }
      } else {
        turn.vanish(now: at)
      }
      let needs = turn.pending.map(\.brief).joined(separator: ", ")
      let left = turn.isLeft ? " (left)" : ""
      shown.append("\(turn.activity.rawValue) by \(turn.source)\(needs.isEmpty ? "" : ": \(needs)")\(left)")
      if turn.isLeft, entry["list"] != nil, isOver(at, line) {
        turn.leave(
          TurnResult(text: "", prompts: ["p"], failure: Failure(.turnInterrupted, ""), cost: nil, tokens: Tokens()))
      }
    }
    let expected = try Recorded.load("terminal_tour.events")
    #expect(shown.joined(separator: "\n") + "\n" == expected)
  }

  /// In the tour no hook follows these within half a second.
  private func isOver(_ at: Moment, _ line: Substring) -> Bool {
    let seconds = at - 1_800_000_000
    return (5.5..<6).contains(seconds) || (10..<10.5).contains(seconds)
  }
}
