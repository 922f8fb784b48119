import ApusAgents
import ApusCore
import ApusTestKit
import Testing

@Suite("the environment of an agent") struct ClaudeEnvironmentTests {
  private func scrubbed(_ keys: [String]) -> Set<String> {
    Set(ClaudeEnvironment.scrub(Dictionary(uniqueKeysWithValues: keys.map { ($0, "x") })).keys)
  }

  private static let outer = [
    "CLAUDECODE", "CLAUDE_PID", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN", "CLAUDE_CODE_MESSAGING_LATER", "CLAUDE_JOB_DIR",
    "CLAUDE_ENV_FILE", "CLAUDE_PROJECT_DIR", "CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA",
  ]

  private static let persons = [
    "PATH", "HOME", "LANG", "TERM", "IS_SANDBOX", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL",
    "CLAUDE_CONFIG_DIR", "CLAUDE_HOME", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "CLAUDE_CODE_MAX_RETRIES", "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS", "CLAUDE_CODE_SESSION_IDLE", "CLAUDE_PROJECT_DIRECTORY", "CLAUDECODE_X",
    "MY_CLAUDECODE", "CLAUDE", "CLAUDE_PLUGIN", "CLAUDE_CODE_MESSAGING", "claudecode", "APUS_HOME", "APUS_CLAUDE", "",
  ]

  @Test(arguments: outer) func `what an outer session left goes`(_ key: String) {
    #expect(scrubbed([key, "PATH"]) == ["PATH"])
  }

  @Test(arguments: persons) func `what is a person's own stays`(_ key: String) {
    #expect(scrubbed([key] + Self.outer) == [key])
  }

  @Test(arguments: ["APUS_RUN", "APUS_SESSION", "APUS_ROLE", "CLAUDE_CODE_RESUME_INTERRUPTED_TURN"])
  func `what an outer run of ours left goes`(_ key: String) {
    #expect(scrubbed([key]).isEmpty)
  }

  @Test func `values are left as they are`() {
    let environment = ["A": "", "B": " x=y\n", "É": "é"]
    #expect(ClaudeEnvironment.scrub(environment) == environment)
  }

  @Test(
    arguments: [
      (["HOME": "/h"], nil, "/h/.claude"),
      (["HOME": "/h", "CLAUDE_HOME": "/h/.claude"], nil, "/h/.claude"),
      (["HOME": "/h", "CLAUDE_HOME": "/h/.claude//"], nil, "/h/.claude"),
      (["HOME": "/h", "CLAUDE_HOME": ""], nil, "/h/.claude"),
      (["HOME": "/h", "CLAUDE_HOME": "/else"], "/else", "/else"),
      (["HOME": "/h", "CLAUDE_HOME": "/else", "CLAUDE_CONFIG_DIR": ""], "/else", "/else"),
      (["HOME": "/h", "CLAUDE_HOME": "/else", "CLAUDE_CONFIG_DIR": "/conf"], "/conf", "/conf"),
      (["HOME": "/h", "CLAUDE_CONFIG_DIR": "/conf/"], "/conf/", "/conf"),
      (["HOME": "/h/", "CLAUDE_HOME": "/h/.claude"], nil, "/h/.claude"),
    ] as [([String: String], String?, String)])
  func `CLAUDE_HOME is passed on where it says something`(
    _ given: [String: String], _ passed: String?, _ place: String
  ) {
    let agents = ClaudeEnvironment.forAgent(given)
    // An empty CLAUDE_CONFIG_DIR is as none for the agent too.
    #expect(agents["CLAUDE_CONFIG_DIR"] == passed)
    #expect(ClaudeEnvironment.configurationDirectory(given) == place)
    #expect(ClaudeEnvironment.configurationDirectory(agents) == place)
    #expect(agents["CLAUDE_HOME"] == given["CLAUDE_HOME"])
  }
}
