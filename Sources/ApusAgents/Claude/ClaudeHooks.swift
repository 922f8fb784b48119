import ApusCore

/// Claude Code's hooks: what it is told to run, and what it then says (claude-contract §4; measured on 2.1.329).
package enum ClaudeHooks {
  /// Those that tell what the agent does. Started beside the agent's work (`async`), they cost it no time and leave
  /// nothing on its screen.
  private static let beside = [
    "UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "Stop", "StopFailure",
  ]
  /// Those that are waited for: the first word of a conversation comes before all others, the last is not lost.
  private static let inOrder = ["SessionStart", "SessionEnd"]
  private static let advising = "PreToolUse"
  /// In seconds; longer than our client ever takes, whose end would otherwise be told as a failure.
  private static let patience: Int64 = 5

  /// The settings that make an agent report to `program`, as text for `--settings`. Of two such flags the last alone
  /// counts, so a person's own settings (`own`, an object) are merged in: theirs and ours both count.
  ///
  /// `advised`: it hears what we have to say before it uses a tool, and waits for it.
  package static func settings(
    program: String, merging own: JSON = .object([:]), advised: Bool = false
  ) throws -> [UInt8] {
    var settings = own.object ?? [:]
    var hooks = settings["hooks"]?.object ?? [:]
    for event in inOrder + beside {
      var hook: [String: JSON] = [
        "type": .string("command"), "command": .string(command(program)), "timeout": .integer(patience),
      ]
      if beside.contains(event), !(advised && event == advising) { hook["async"] = .bool(true) }
      let group: JSON = .object(["hooks": .array([.object(hook)])])
      hooks[event] = .array((hooks[event]?.array ?? []) + [group])
    }
    settings["hooks"] = .object(hooks)
    return try JSONText.encode(JSON.object(settings))
  }

  /// For a shell. Where the program is gone (removed, being replaced) nothing happens: the agent would show an error.
  private static func command(_ program: String) -> String {
    let quoted = "'" + program.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    return "[ ! -x \(quoted) ] || exec \(quoted) hook"
  }

  /// What a hook answers so that the agent reads it before it goes on.
  package static func advice(_ text: String) -> [UInt8] {
    let said: JSON = .object(["hookEventName": .string(advising), "additionalContext": .string(text)])
    return (try? JSONText.encode(JSON.object(["hookSpecificOutput": said]))) ?? []
  }

  /// What a hook's input says; nil where it is nothing we know.
  package static func read(_ json: JSON) -> HookReport? {
    guard let conversation = json["session_id"]?.string, let name = json["hook_event_name"]?.string,
      let fact = fact(name, json)
    else { return nil }
    return HookReport(
      conversationID: conversation.lowercased(), transcript: json["transcript_path"]?.string,
      isSubagent: json["agent_id"]?.string != nil, fact: fact)
  }

  private static func fact(_ name: String, _ json: JSON) -> HookReport.Fact? {
    let tool = json["tool_name"]?.string ?? ""
    let input = json["tool_input"] ?? .null
    switch name {
    case "SessionStart": return .started(json["source"]?.string.flatMap(HookReport.Start.init(rawValue:)) ?? .startup)
    case "UserPromptSubmit":
      let text = json["prompt"]?.string ?? ""
      // Nobody typed this: it is how the program wakes itself.
      return text.hasPrefix("<task-notification>") ? .wentOn : .prompted(text: text)
    case "PreToolUse": return .toolBegan(tool: tool, input: input, id: json["tool_use_id"]?.string ?? "")
    case "PermissionRequest":
      return .permissionAsked(PermissionRequest(id: json["tool_use_id"]?.string ?? "", tool: tool, input: input))
    case "PostToolUse", "PostToolUseFailure":
      return .toolEnded(tool: tool, id: json["tool_use_id"]?.string, failed: name == "PostToolUseFailure")
    case "Stop":
      let working = (json["background_tasks"]?.array ?? []).contains {
        $0["type"]?.string == "subagent" && $0["status"]?.string == "running"
      }
      return .turnEnded(text: json["last_assistant_message"]?.string, isAtRest: !working)
    case "StopFailure":
      return .turnFailed(
        ClaudeFailure.of(hook: json["error"]?.string ?? "", text: json["last_assistant_message"]?.string ?? ""))
    case "SessionEnd":
      let reason = json["reason"]?.string ?? "other"
      return .ended(reason: reason, isFollowed: reason == "clear" || reason == "resume")
    case "Notification":
      return .notified(kind: json["notification_type"]?.string ?? "", message: json["message"]?.string ?? "")
    default: return nil
    }
  }
}
