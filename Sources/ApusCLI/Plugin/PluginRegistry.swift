import ApusAgents
import ApusCore
import ApusLink

/// What Claude Code knows of our plugin, in the configuration of the person who asks. It is changed by its own program
/// alone, which needs no network for that (measured on 2.1.329).
struct PluginRegistry {
  let program: String
  let environment: [String: String]
  private static let seconds: Int64 = 60

  init(_ context: Context) throws(Failure) {
    program = try AgentProgram.find(
      try context.settings[.claude], environment: context.environment, directory: context.directory)
    environment = ClaudeEnvironment.forAgent(ClaudeEnvironment.scrub(context.environment))
  }

  /// What is registered under our name: the directory of the list, and whether the plugin is on.
  struct State: Encodable, Equatable {
    /// Where the list of that name leads; nil: there is none.
    var directory: String?
    var installed: Bool
    var enabled: Bool
  }

  func load() throws(Failure) -> State {
    let lists = try ask(["marketplace", "list", "--json"]).array ?? []
    let list = lists.first { $0["name"]?.string == ClaudePlugin.marketplace }
    let plugins = try ask(["list", "--json"]).array ?? []
    let plugin = plugins.first { $0["id"]?.string == ClaudePlugin.id }
    // Of another kind than a directory it is somebody else's, and so is what it says of its place.
    let place = list.map { $0["path"]?.string ?? $0["repo"]?.string ?? $0["url"]?.string ?? "another place" }
    return State(directory: place, installed: plugin != nil, enabled: plugin?["enabled"]?.bool == true)
  }

  /// Throws what the program finds wrong with the files there.
  func validate(_ directory: String) throws(Failure) {
    for path in [directory, directory + "/" + ClaudePlugin.name] {
      let run = perform(["validate", "--strict", path])
      guard run.status == 0 else {
        throw Failure(
          .agentError, "Claude Code does not accept the plugin: \(SessionName.excerpt(run.lastWord))",
          hint:
            "nothing was installed; `\(program) --version` says how old it is, `apus plugin install --print` shows it")
      }
    }
  }

  func register(_ directory: String) throws(Failure) {
    try change(["marketplace", "add", "--json", directory])
    try change(["install", "--json", "--scope", "user", ClaudePlugin.id])
  }

  func unregister(_ state: State) throws(Failure) {
    if state.installed { try change(["uninstall", "--json", "--yes", "--scope", "user", ClaudePlugin.id]) }
    if state.directory != nil { try change(["marketplace", "remove", "--json", ClaudePlugin.marketplace]) }
  }

  /// Where the program keeps copies of what that list offers.
  var copies: String {
    ClaudeEnvironment.configurationDirectory(environment) + "/plugins/cache/" + ClaudePlugin.marketplace
  }

  private func change(_ words: [String]) throws(Failure) {
    let run = perform(words)
    guard run.status == 0 else {
      throw Failure(
        .agentError, "`claude plugin \(words[0])` failed: \(SessionName.excerpt(Self.message(run)))",
        hint:
          "the files are written; do it again with `apus plugin install`, or take them back: `apus plugin uninstall`")
    }
  }

  /// What it says of itself in its last line, which is JSON.
  private static func message(_ run: ProgramRun) -> String {
    let lines = String(decoding: run.output, as: UTF8.self).split(separator: "\n")
    for line in lines.reversed() {
      if let said = try? JSONText.decode(JSON.self, from: Array(line.utf8)), let text = said["message"]?.string {
        return text
      }
    }
    return run.status == nil ? "it did not end in \(seconds) s" : run.lastWord
  }

  private func ask(_ words: [String]) throws(Failure) -> JSON {
    let run = perform(words)
    guard run.status == 0, let json = try? JSONText.decode(JSON.self, from: run.output) else {
      throw Failure(
        .agentError, "`claude plugin \(words.joined(separator: " "))` failed: \(SessionName.excerpt(run.lastWord))",
        hint: "is \(program) Claude Code, and of a version that knows plugins?")
    }
    return json
  }

  private func perform(_ words: [String]) -> ProgramRun {
    ProgramRun([program, "plugin"] + words, environment: environment, directory: "/", seconds: Self.seconds)
  }
}
