import ApusCore

/// The environment of a Claude Code process of ours.
package enum ClaudeEnvironment {
  /// Exactly what an outer Claude Code leaves to its children; a person's own settings are not among it.
  private static let outer: Set<String> = [
    "CLAUDECODE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_JOB_DIR", "CLAUDE_ENV_FILE", "CLAUDE_PROJECT_DIR",
  ]
  private static let outerPrefixes = ["CLAUDE_CODE_MESSAGING_", "CLAUDE_PLUGIN_"]

  /// What the caller's shell had, less what an outer session of Claude Code or of ours left in it.
  package static func scrub(_ environment: [String: String]) -> [String: String] {
    environment.filter { key, _ in
      !outer.contains(key) && !outerPrefixes.contains { key.hasPrefix($0) } && !ours.contains(key)
        && !key.hasPrefix(LockVariable.prefix)
    }
  }

  /// The same for an agent that a client started through us: how that client names itself stays.
  package static func ofClient(_ environment: [String: String]) -> [String: String] {
    var scrubbed = scrub(environment)
    scrubbed["CLAUDE_CODE_ENTRYPOINT"] = environment["CLAUDE_CODE_ENTRYPOINT"]
    return scrubbed
  }

  /// Whether an agent started in the one environment does for a client that wants the other: whose it is, and what it
  /// is told to do. Everything else may differ from one start of a client to the next.
  package static func isSame(_ one: [String: String], _ other: [String: String]) -> Bool {
    func deciding(_ environment: [String: String]) -> [String: String] {
      environment.filter { key, _ in ["ANTHROPIC_", "CLAUDE_", "AWS_", "HOME"].contains { key.hasPrefix($0) } }
    }
    return deciding(one) == deciding(other)
  }

  /// What we ourselves put into an agent's environment: of an outer run, when a session makes a session.
  private static let ours: Set<String> = [
    "APUS_RUN", "APUS_SESSION", "APUS_ROLE", "APUS_KEEPS", "CLAUDE_CODE_RESUME_INTERRUPTED_TURN",
    "CLAUDE_CODE_TMPDIR",
  ]

  /// Where Claude Code puts its own sockets and leavings (measured on 2.1.329); the tools' TMPDIR is another matter.
  package static let temporaryDirectory = "CLAUDE_CODE_TMPDIR"

  /// `CLAUDE_HOME` is a name people use and Claude Code ignores (claude-contract §1.1): where `CLAUDE_CONFIG_DIR` is
  /// not set it is passed on as that, unless it names the default place, since setting it would move `.claude.json`.
  package static func forAgent(_ environment: [String: String]) -> [String: String] {
    var environment = environment
    guard environment["CLAUDE_CONFIG_DIR"].map(\.isEmpty) ?? true, let home = environment["CLAUDE_HOME"], !home.isEmpty
    else { return environment }
    if trimmed(home) != defaultPlace(environment) { environment["CLAUDE_CONFIG_DIR"] = home }
    return environment
  }

  /// Where Claude Code keeps its things under this environment.
  package static func configurationDirectory(_ environment: [String: String]) -> String {
    for key in ["CLAUDE_CONFIG_DIR", "CLAUDE_HOME"] {
      if let value = environment[key], !value.isEmpty { return trimmed(value) }
    }
    return defaultPlace(environment)
  }

  private static func defaultPlace(_ environment: [String: String]) -> String {
    trimmed(environment["HOME"] ?? "") + "/.claude"
  }

  private static func trimmed(_ path: String) -> String {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }
}
