import ApusCore

/// Claude Code's hooks: what it is told to run, and what it then says (claude-contract §4; measured on 2.1.329).
package enum ClaudeHooks {
  /// Those that tell what the agent does. Started beside the agent's work (`async`), they cost it no time and leave
  /// nothing on its screen; what still runs when a `-p` run ends is cut off, or never begun (measured on 2.1.329).
  private static let told = ["PostToolUse", "PostToolUseFailure", "PermissionRequest", "StopFailure"]
  /// Those that are waited for: the first word of a conversation comes before all others, the last is not lost, and
  /// before it takes up a prompt or a tool the agent hears what there is to hear.
  private static let inOrder = ["SessionStart", "UserPromptSubmit", "SessionEnd"]
  private static let beforeTool = "PreToolUse"
  /// Tools that change something others may have a right to. What is said of them counts: where our program cannot say
  /// it, they are not used (`onFailure`, measured on 2.1.329).
  package static let changing = ["Bash", "Edit", "MultiEdit", "NotebookEdit", "Write"]
  /// Beside the agent's work as well; its end with code 2 wakes an agent at rest (`asyncRewake`, measured on 2.1.329).
  private static let atRest = "Stop"
  /// Those it does not wait for.
  package static let beside = told + [atRest]
  /// In seconds; longer than our client ever takes, whose end would otherwise be told as a failure.
  private static let patience: Int64 = 5
  /// A guard may let wait.
  package static let guardPatience: Int64 = 130
  /// At rest it may take days until something wakes it.
  private static let restPatience: Int64 = 7 * 86_400

  /// The settings that make an agent report to `program`, as text for `--settings`. Of two such flags the last alone
  /// counts, so a person's own settings (`own`, an object) are merged in: theirs and ours both count.
  ///
  /// `allowing`: permission rules for what it may do unasked; a person's own rules against it stand above them.
  package static func settings(
    program: String, merging own: JSON = .object([:]), allowing rules: [String] = []
  ) throws -> [UInt8] {
    var settings = own.object ?? [:]
    var hooks = settings["hooks"]?.object ?? [:]
    for (event, groups) in groups(command: command(program)) {
      hooks[event] = .array((hooks[event]?.array ?? []) + groups)
    }
    settings["hooks"] = .object(hooks)
    if !rules.isEmpty {
      var permissions = settings["permissions"]?.object ?? [:]
      permissions["allow"] = .array((permissions["allow"]?.array ?? []) + rules.map { .string($0) })
      settings["permissions"] = .object(permissions)
    }
    return try JSONText.encode(JSON.object(settings))
  }

  /// Every event and what runs at it.
  private static func groups(command: String) -> [String: [JSON]] {
    func group(_ more: [String: JSON], matcher: String? = nil) -> JSON {
      let hook = ["type": .string("command"), "command": .string(command)].merging(more) { $1 }
      var group: [String: JSON] = ["hooks": .array([.object(hook)])]
      if let matcher { group["matcher"] = .string(matcher) }
      return .object(group)
    }
    let quick: [String: JSON] = ["timeout": .integer(patience)]
    var groups: [String: [JSON]] = [:]
    for event in inOrder { groups[event] = [group(quick)] }
    for event in told { groups[event] = [group(quick.merging(["async": .bool(true)]) { $1 })] }
    let names = changing.joined(separator: "|")
    groups[beforeTool] = [
      group(["timeout": .integer(guardPatience), "onFailure": .string("block")], matcher: "^(\(names))$"),
      group(quick, matcher: "^(?!(\(names))$)"),
    ]
    groups[atRest] = [group(["timeout": .integer(restPatience), "async": .bool(true), "asyncRewake": .bool(true)])]
    return groups
  }

  /// For a plugin, which every session has: those that Apus started report by their own settings already.
  static func ofPlugin(program: String) -> JSON {
    let groups = groups(command: "[ -n \"$APUS_RUN\" ] || \(command(program))")
    return .object(["hooks": .object(groups.mapValues { .array($0) })])
  }

  /// For a shell. Where the program is gone (removed, being replaced) nothing happens: the agent would show an error.
  private static func command(_ program: String) -> String {
    let quoted = "'" + program.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    return "[ ! -x \(quoted) ] || exec \(quoted) hook"
  }

  /// What a hook answers so that the agent reads it before it goes on: at the beginning, at a prompt, before a tool.
  package static func context(_ text: String, for event: HookReport.Fact) -> [UInt8] {
    let name: String
    switch event {
    case .started: name = "SessionStart"
    case .prompted: name = "UserPromptSubmit"
    case .toolBegan: name = beforeTool
    case .wentOn, .permissionAsked, .toolEnded, .turnEnded, .turnFailed, .ended, .notified: return []
    }
    let said: JSON = .object(["hookEventName": .string(name), "additionalContext": .string(text)])
    return (try? JSONText.encode(JSON.object(["hookSpecificOutput": said]))) ?? []
  }

  /// What a hook's input says; nil where it is nothing we know.
  package static func read(_ json: JSON) -> HookReport? {
    guard let conversation = json["session_id"]?.string, let name = json["hook_event_name"]?.string,
      let fact = fact(name, json)
    else { return nil }
    var report = HookReport(
      conversationID: conversation.lowercased(), transcript: json["transcript_path"]?.string,
      isSubagent: json["agent_id"]?.string != nil, fact: fact)
    report.directory = json["cwd"]?.string
    report.hasBackground = (json["background_tasks"]?.array ?? []).contains {
      $0["type"]?.string != "subagent" && $0["status"]?.string == "running"
    }
    return report
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
