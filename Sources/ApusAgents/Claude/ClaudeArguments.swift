import ApusCore

/// A person's own `claude` command line, read as far as we must: is it a session, and of which conversation?
/// (`claude --help` of 2.1.329; real-cli §8.) What is not surely a session in a terminal is left to the real program.
package struct ClaudeArguments: Equatable, Sendable {
  package enum Conversation: Equatable, Sendable {
    /// Nothing named it: a new one.
    case new
    /// `--session-id`: a new one under that id.
    case named(String)
    /// `--resume ID` with an id that is one.
    case resumed(String)
    /// `--continue`: the newest of the directory.
    case newest
    /// Found out only when the agent says so (a picker, a title, a pull request, a fork of the newest).
    case unknown
    /// `--resume ID --fork-session`, which gets an id of its own.
    case forked
  }

  /// Not a session, or not one in a terminal: the real program alone knows what to do.
  package private(set) var isForeign = false
  /// A program speaks stream-json with it, in both directions; such a call is no session in a terminal.
  package private(set) var isStream = false
  /// It takes the conversation up elsewhere than at its end.
  package private(set) var goesBack = false
  package private(set) var conversation = Conversation.new
  /// `--name`.
  package private(set) var name: String?
  /// Settings given with `--settings`, each a path or JSON.
  package private(set) var settings: [String] = []
  /// All words but those, in order.
  package private(set) var withoutSettings: [String] = []
  /// What a later run of the session is to have again: all but prompts and what names a conversation.
  package private(set) var lasting: [String] = []
  /// Whether it is asked something at once.
  package private(set) var hasPrompt = false

  private static let subcommands: Set<String> = [
    "agents", "attach", "auth", "auto-mode", "daemon", "doctor", "gateway", "help", "import", "install", "kill", "logs",
    "mcp", "plugin", "plugins", "purge", "remote-control", "respawn", "rm", "setup-token", "stop", "ultrareview",
    "update", "upgrade",
  ]
  private static let foreignFlags: Set<String> = [
    "-v", "--version", "-h", "--help", "--attach-serve", "--bg", "--background", "--cloud",
    "--desktop", "--environment", "--init-only", "--pool", "--rc", "--remote", "--remote-control", "--sdk-url",
    "--teleport", "--tmux",
  ]
  /// What is printed is no session in a terminal.
  private static let printing: Set<String> = ["-p", "--print"]
  private static let formats: Set<String> = ["--input-format", "--output-format"]
  /// Take one value, whatever it begins with.
  private static let valued: Set<String> = [
    "--advisor", "--agent", "--agents", "--append-subagent-system-prompt", "--append-subagent-system-prompt-file",
    "--append-system-prompt", "--append-system-prompt-file", "--autocompact", "--debug-file", "--effort",
    "--fallback-model", "--fast-mode", "--input-format", "--json-schema", "--managed-settings", "--max-budget-usd",
    "--max-thinking-tokens", "--max-turns", "--messaging-socket-path", "--model", "--output-format",
    "--parent-session-id", "--permission-mode", "--permission-prompt-tool", "--permission-prompts",
    "--plan-mode-instructions", "--plugin-dir", "--plugin-dir-no-mcp", "--plugin-url", "--proactivity",
    "--remote-control-session-name-prefix", "--setting-sources", "--system-prompt", "--system-prompt-file",
    "--system-prompt-snapshot", "--task-budget", "--teammate-mode", "--thinking", "--thinking-display", "--workload",
  ]
  /// The same, of which a later run has nothing: they say what is typed already, or from where in a conversation on.
  private static let momentary: Set<String> = [
    "--prefill", "--prefill-b64", "--resume-drops-turn", "--resume-session-at", "--rewind-files",
    "--session-began-as-copy",
  ]
  /// Take values up to the next flag, the first one whatever it begins with.
  private static let variadic: Set<String> = [
    "--add-dir", "--allowedTools", "--allowed-tools", "--betas", "--channels", "--disallowedTools",
    "--disallowed-tools", "--file", "--mcp-config", "--tools",
  ]
  /// Take a value if one follows.
  private static let optional: Set<String> = ["-d", "--debug", "--prompt-suggestions", "-w", "--worktree"]
  /// Of the flags of one letter, those that take what stands behind it in the same word.
  private static let letters = (valued: Set("ndrw"), plain: Set("cphv"))

  package init(_ arguments: [String]) {
    var rest = arguments[...]
    var forks = false
    var prints = false
    var streams: Set<String> = []
    var isKept = true
    var own: String?
    while let word = rest.popFirst() {
      if word == "--" {
        if let first = rest.first { asks(with: first) }
        withoutSettings += [word] + rest
        break
      }
      guard Self.isFlag(word) else {
        asks(with: word)
        withoutSettings.append(word)
        continue
      }
      var (flag, value) = Self.split(word)
      let others = Self.others(in: word)
      if let others { rest.insert(others, at: rest.startIndex) }
      if Self.foreignFlags.contains(flag) { isForeign = true }
      if Self.printing.contains(flag) { prints = true }
      if flag == "--no-session-persistence" { isKept = false }
      // The words this flag takes, itself the first.
      var taken = [others == nil ? word : flag]
      func take() -> String? {
        let given = rest.popFirst()
        if let given { taken.append(given) }
        return given
      }
      func next() -> String? { rest.first.map(Self.isFlag) == false ? take() : nil }
      switch flag {
      case "--resume", "-r", "--from-pr":
        value = value ?? next()
        conversation = value.flatMap { Self.isConversation($0) ? .resumed($0) : nil } ?? .unknown
      case "--continue", "-c": conversation = .newest
      case "--fork-session": forks = true
      case "--session-id": own = value ?? take()
      case "--name", "-n":
        name = value ?? take()
        if let name { lasting += ["--name", name] }
      case "--settings":
        if let given = value ?? take() {
          settings.append(given)
          lasting.append("--settings=\(given)")
          continue
        }
      case _ where Self.momentary.contains(flag):
        value = value ?? take()
        goesBack = true
      case _ where Self.formats.contains(flag):
        value = value ?? take()
        if value == "stream-json" { streams.insert(flag) } else { streams.remove(flag) }
        lasting += taken
      case _ where value != nil: lasting += taken
      case _ where Self.valued.contains(flag):
        _ = take()
        lasting += taken
      case _ where Self.variadic.contains(flag):
        _ = take()
        while next() != nil {}
        lasting += taken
      case _ where Self.optional.contains(flag):
        _ = next()
        lasting += taken
      default: lasting += taken
      }
      withoutSettings += taken
    }
    isStream = !isForeign && !hasPrompt && isKept && streams == Self.formats
    isForeign = isForeign || prints
    // With both, the agent accepts an id of one's own only for a fork.
    if let own, forks || conversation == .new {
      conversation = Self.isConversation(own) ? .named(own) : .unknown
    } else if forks {
      if case .resumed = conversation { conversation = .forked } else { conversation = .unknown }
    }
  }

  /// The first word that is no flag is a subcommand where there is one of that name, also behind `--`; else a prompt.
  private mutating func asks(with word: String) {
    if !hasPrompt, Self.subcommands.contains(word) { isForeign = true }
    hasPrompt = true
  }

  private static func isFlag(_ word: String) -> Bool { word.hasPrefix("-") && word.utf8.count > 1 }

  /// The flag of a word, and the value that stands in the same word.
  private static func split(_ word: String) -> (flag: String, value: String?) {
    if word.hasPrefix("--") {
      guard let equals = word.firstIndex(of: "=") else { return (word, nil) }
      return (String(word[..<equals]), String(word[word.index(after: equals)...]))
    }
    let letter = word.dropFirst().prefix(1)
    guard word.count > 2, let first = letter.first else { return (word, nil) }
    if letters.valued.contains(first) { return ("-" + letter, String(word.dropFirst(2))) }
    return letters.plain.contains(first) ? ("-" + letter, nil) : (word, nil)
  }

  /// What is left of several flags of one letter in one word (`-pc`) without the first one.
  private static func others(in word: String) -> String? {
    guard !word.hasPrefix("--"), word.count > 2, let first = word.dropFirst().first, letters.plain.contains(first)
    else { return nil }
    return "-" + word.dropFirst(2)
  }

  /// Whether it has the shape of a conversation id (a UUID).
  static func isConversation(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    return parts.map(\.count) == [8, 4, 4, 4, 12] && parts.joined().allSatisfy(\.isHexDigit)
  }
}
