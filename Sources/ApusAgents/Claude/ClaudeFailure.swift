import ApusCore

/// What Claude Code says when something is wrong, as one message with the next step (row D8).
enum ClaudeFailure {
  /// Of a result line. `is_error` decides, not `subtype` (claude-contract §3.4).
  static func of(result: JSON) -> Failure? {
    let subtype = result["subtype"]?.string ?? ""
    let reason = result["terminal_reason"]?.string ?? ""
    guard result["is_error"]?.bool == true || subtype.hasPrefix("error_") else { return nil }
    if reason.hasPrefix("aborted") {
      return Failure(.turnInterrupted, "the turn was interrupted", hint: "send another message to go on")
    }
    let errors = (result["errors"]?.array ?? []).compactMap(\.string).joined(separator: "\n")
    let text = result["result"]?.string ?? errors
    switch subtype {
    case "error_max_turns":
      return Failure(
        .agentMaxTurns, "the turn reached its limit of agent steps (--max-turns)",
        hint: "send another message to go on, or make sessions with a larger --max-turns")
    case "error_max_budget_usd":
      return Failure(.agentBudget, "the session reached its budget", hint: "raise the budget, then resume the session")
    default: break
    }
    if let failure = of(status: result["api_error_status"]?.integer.map(Int.init), text: text) { return failure }
    return read(text) ?? read(errors)
      ?? Failure(
        .agentError, brief(text.isEmpty ? errors : text) ?? "the turn failed without a word (\(subtype), \(reason))",
        hint: "`apus logs NAME` shows the conversation; send another message to go on")
  }

  /// Of an `api_retry` line: the call is tried again.
  static func of(retry: JSON) -> Failure {
    let what = retry["error"]?.string ?? "error"
    return of(status: retry["error_status"]?.integer.map(Int.init), text: what)
      ?? Failure(.agentError, "the call to the model failed (\(SessionName.printable(what)))")
  }

  /// Of a turn that failed in a terminal: the word its hook bears, and what the screen says.
  static func of(hook word: String, text: String) -> Failure {
    read(text) ?? of(status: nil, text: word)
      ?? Failure(
        .agentError, brief(text) ?? "the turn failed without a word (\(SessionName.printable(word)))",
        hint: "send another message to go on")
  }

  /// Of free text: standard error, or an answer that is an error.
  static func read(_ text: String) -> Failure? {
    if text.contains("No conversation found") {
      return Failure(
        .agentNoConversation, "No conversation found: Claude Code does not know this conversation any more",
        hint: "`apus check NAME` says what is on disk; `apus new` begins a new session")
    }
    if text.contains("Session ID") && text.contains("already in use") {
      return Failure(
        .agentError, "Claude Code says that the conversation's id is already in use",
        hint: "`apus check NAME` says which file bears it")
    }
    if text.contains("cannot be used with root/sudo") {
      return Failure(
        .agentError, "Claude Code refuses bypassPermissions for root",
        hint: "use another --permission-mode, or another user")
    }
    for pattern in ["API Error: 4", "API Error: 5"] {
      guard let found = text.range(of: pattern) else { continue }
      let digits = text[text.index(before: found.upperBound)...].prefix(3)
      if let status = Int(digits), let failure = of(status: status, text: text) { return failure }
    }
    let lower = text.lowercased()
    if lower.contains("invalid api key") || lower.contains("/login") || lower.contains("authentication")
      || lower.contains("oauth token has expired")
    {
      return of(status: 401, text: text)
    }
    if lower.contains("usage limit") || lower.contains("rate limit") || lower.contains("hit your limit") {
      return of(status: 429, text: text)
    }
    if lower.contains("overloaded") { return of(status: 529, text: text) }
    return nil
  }

  private static func of(status: Int?, text: String) -> Failure? {
    switch status {
    case 401, 403:
      return Failure(
        .agentLogin, "Claude Code is not logged in, or its login has expired" + cited(text),
        hint: "run `claude` and /login once (or mend ANTHROPIC_API_KEY), then send the message again")
    case 429:
      return Failure(
        .agentLimit, "the usage or rate limit is reached" + cited(text),
        hint: "wait until the limit resets, then send the message again")
    case 529, 503:
      return Failure(
        .agentOverloaded, "the model's service is overloaded" + cited(text),
        hint: "try again in a few minutes: send the message again")
    case .some(let code) where code >= 400:
      return Failure(
        .agentError, "the model's service answered with an error (\(code))" + cited(text),
        hint: "send the message again; `apus logs NAME` shows the conversation")
    default:
      if text == "authentication_failed" { return of(status: 401, text: "") }
      if text == "overloaded" { return of(status: 529, text: "") }
      if text == "rate_limit" { return of(status: 429, text: "") }
      return nil
    }
  }

  private static func cited(_ text: String) -> String {
    brief(text).map { ": \($0)" } ?? ""
  }

  private static func brief(_ text: String) -> String? {
    guard let line = text.split(separator: "\n").first else { return nil }
    let shown = String(line.prefix(200))
    return SessionName.printable(shown)
  }
}

extension String {
  /// Where `part` first stands; FoundationEssentials has no `range(of:)` for strings.
  func range(of part: String) -> Range<String.Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(part) { return start..<index(start, offsetBy: part.count) }
      start = index(after: start)
    }
    return nil
  }
}
