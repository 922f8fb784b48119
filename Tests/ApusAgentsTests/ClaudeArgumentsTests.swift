import ApusAgents
import ApusTestKit
import Testing

@Suite("what a person's own claude command line asks for") struct ClaudeArgumentsTests {
  private static let id = "11111111-2222-4333-8444-55555555abcd"
  private static let other = "99999999-2222-4333-8444-55555555ABCD"

  private func read(_ words: String...) -> ClaudeArguments { ClaudeArguments(words) }

  /// Every flag of `claude --help` (2.1.329), and what a later run has of it.
  private static let plain = [
    "--allow-dangerously-skip-permissions", "--ax-screen-reader", "--bare", "--brief", "--chrome", "--no-chrome",
    "--dangerously-skip-permissions", "--disable-slash-commands", "--exclude-dynamic-system-prompt-sections",
    "--forward-subagent-text", "--ide", "--include-hook-events", "--include-partial-messages",
    "--no-session-persistence", "--replay-user-messages", "--restricted", "--safe-mode", "--strict-mcp-config",
    "--verbose",
  ]
  private static let valued = [
    "--agent", "--agents", "--append-system-prompt", "--autocompact", "--debug-file", "--effort", "--fallback-model",
    "--input-format", "--json-schema", "--max-budget-usd", "--model", "--output-format", "--permission-mode",
    "--permission-prompts", "--plugin-dir", "--plugin-url", "--remote-control-session-name-prefix",
    "--setting-sources", "--system-prompt", "--system-prompt-snapshot",
    // Not in the help, and taken (tried one by one).
    "--permission-prompt-tool", "--max-turns", "--max-thinking-tokens", "--system-prompt-file",
    "--append-system-prompt-file", "--append-subagent-system-prompt", "--advisor", "--managed-settings", "--thinking",
    "--task-budget", "--plan-mode-instructions", "--plugin-dir-no-mcp", "--workload", "--fast-mode",
  ]
  private static let variadic = [
    "--add-dir", "--allowedTools", "--allowed-tools", "--betas", "--disallowedTools", "--disallowed-tools", "--file",
    "--mcp-config", "--tools",
  ]
  private static let optional = ["-d", "--debug", "--prompt-suggestions", "-w", "--worktree"]
  private static let foreign = [
    "--bg", "--background", "--cloud", "--desktop", "--environment", "-h", "--help", "-p", "--print",
    "--remote-control", "--teleport", "--tmux", "-v", "--version", "--rc", "--remote",
  ]
  private static let conversational = ["-c", "--continue", "--fork-session", "-r", "--resume", "--from-pr"]

  @Test(arguments: plain) func `a flag without a value lasts and takes nothing`(_ flag: String) {
    let asked = read(flag, "prompt")
    #expect(asked.lasting == [flag] && asked.hasPrompt && !asked.isForeign && asked.conversation == .new)
  }

  @Test(arguments: valued) func `a flag with a value lasts with it, whatever the value looks like`(_ flag: String) {
    for value in ["x", "", "-p", "--resume", "mcp", "--"] {
      let asked = read(flag, value, "prompt")
      #expect(asked.lasting == [flag, value] && asked.hasPrompt, "\(value)")
      #expect(!asked.isForeign && asked.conversation == .new, "\(value)")
      #expect(!read(flag, value).hasPrompt, "\(value)")
    }
    #expect(read(flag + "=x=y", "prompt").lasting == [flag + "=x=y"] && read(flag + "=x", "prompt").hasPrompt)
    #expect(read(flag).lasting == [flag])
  }

  @Test(arguments: variadic) func `a flag with many values takes all up to the next flag`(_ flag: String) {
    let asked = read(flag, "a", "b c", "", "mcp", "--verbose", "prompt")
    #expect(asked.lasting == [flag, "a", "b c", "", "mcp", "--verbose"] && asked.hasPrompt && !asked.isForeign)
    #expect(!read(flag, "a", "b").hasPrompt)
    let ended = read(flag, "a", "--", "prompt")
    #expect(ended.lasting == [flag, "a"] && ended.hasPrompt)
    // With `=` it takes the one, and the first value may look like a flag.
    #expect(read(flag + "=a", "b").lasting == [flag + "=a"] && read(flag + "=a", "b").hasPrompt)
    #expect(read(flag, "-p", "b").lasting == [flag, "-p", "b"] && !read(flag, "-p", "b").isForeign)
  }

  @Test(arguments: optional) func `a flag that may have a value takes one that is no flag`(_ flag: String) {
    #expect(read(flag, "x", "prompt").lasting == [flag, "x"] && read(flag, "x", "prompt").hasPrompt)
    #expect(read(flag, "--verbose").lasting == [flag, "--verbose"])
    #expect(read(flag, "-", "prompt").lasting == [flag, "-"])
    #expect(read(flag).lasting == [flag] && !read(flag).isForeign)
    #expect(read(flag, "--", "x").hasPrompt && read(flag, "--", "x").lasting == [flag])
  }

  @Test(arguments: foreign) func `what is no session in a terminal is handed over, wherever it says so`(_ flag: String)
  {
    for words in [
      [flag], ["prompt", flag], ["--model", "m", flag, "x"], ["-c", "--verbose", flag], [flag, "prompt"],
    ] {
      #expect(ClaudeArguments(words).isForeign, "\(words)")
    }
    for words in [["--", flag], ["--model", flag], ["--name", flag], ["--settings", flag], ["--session-id", flag]] {
      #expect(!ClaudeArguments(words).isForeign, "\(words)")
    }
  }

  @Test func `flags of one letter may stand together, and their values behind them`() {
    for word in ["-cp", "-pc", "-cv", "-ch", "-hx"] { #expect(read(word).isForeign, "\(word)") }
    #expect(read("-cp").conversation == .newest)
    for word in ["-d", "-dp", "-np", "-wp", "-rp"] { #expect(!read(word).isForeign, "\(word)") }
    #expect(read("-dapi,hooks", "prompt").lasting == ["-dapi,hooks"] && read("-dapi", "prompt").hasPrompt)
    #expect(read("-nparser").name == "parser" && read("-nparser").lasting == ["--name", "parser"])
    #expect(read("-r" + Self.id).conversation == .resumed(Self.id))
    let both = read("-cnparser", "prompt")
    #expect(both.conversation == .newest && both.name == "parser" && both.hasPrompt)
    // One we do not know is left as it is.
    #expect(read("-xp").lasting == ["-xp"] && !read("-xp").isForeign)
  }

  @Test(arguments: [
    "agents", "attach", "auth", "auto-mode", "doctor", "gateway", "import", "install", "logs", "mcp", "plugin",
    "plugins", "purge", "respawn", "rm", "setup-token", "stop", "kill", "ultrareview", "update", "upgrade",
  ])
  func `a subcommand is none of ours, behind whatever flags it stands`(_ command: String) {
    for words in [
      [command], [command, "x", "--help"], ["--verbose", command], ["--model", "m", command], ["-c", command],
      ["--add-dir=/x", command, "list"], ["--", command], ["--settings", "{}", command], ["--name", "n", command],
      ["--resume=x", "--verbose", command],
    ] { #expect(ClaudeArguments(words).isForeign, "\(words)") }
    // As a value, or when something was said before, it is a word like others.
    for words in [
      ["fix", command], ["--debug", command], ["--add-dir", "/x", command], ["--model", command], ["-r", command],
      ["--", "fix", command], [command + " it"], ["-n", command],
    ] { #expect(!ClaudeArguments(words).isForeign, "\(words)") }
  }

  @Test func `a word that is no flag is a prompt, and all behind two dashes is`() {
    #expect(!read().hasPrompt && read("fix it").hasPrompt && read("").hasPrompt && read("-").hasPrompt)
    #expect(!read("--").hasPrompt && read("--", "--resume").hasPrompt)
    #expect(read("--", "--resume").conversation == .new && read("--", "-p").lasting == [])
    #expect(read("--verbose", "one", "--model", "m", "two").lasting == ["--verbose", "--model", "m"])
  }

  @Test func `a conversation is named in every way there is`() {
    for words in [["-c"], ["--continue"], ["--continue", "prompt"], ["--model", "m", "-c"]] {
      #expect(ClaudeArguments(words).conversation == .newest, "\(words)")
    }
    for words in [["-r", Self.id], ["--resume", Self.id], ["--resume=" + Self.id], ["--resume", Self.id, "prompt"]] {
      #expect(ClaudeArguments(words).conversation == .resumed(Self.id), "\(words)")
    }
    for words in [
      ["-r"], ["--resume"], ["--resume="], ["--resume", "a title"], ["--resume", "--verbose"], ["--from-pr", "12"],
      ["--from-pr"], ["--resume", "11111111-2222-4333-8444-55555555abc"], ["--resume", "g" + Self.id.dropFirst()],
      ["--from-pr=https://x/1"],
    ] {
      #expect(ClaudeArguments(words).conversation == .unknown, "\(words)")
      #expect(!ClaudeArguments(words).hasPrompt, "\(words)")
    }
    for words in [["--session-id", Self.id], ["--session-id=" + Self.id], ["--session-id", Self.id, "prompt"]] {
      #expect(ClaudeArguments(words).conversation == .named(Self.id), "\(words)")
    }
    // What is no id will be refused by the agent.
    for words in [["--session-id", "nope"], ["--session-id="]] {
      #expect(ClaudeArguments(words).conversation == .unknown, "\(words)")
    }
    #expect(read("--session-id").conversation == .new)
  }

  @Test func `an id is kept as it was written, which is how its transcript is called`() {
    #expect(read("--resume", Self.other).conversation == .resumed(Self.other))
    #expect(read("--session-id", Self.other).conversation == .named(Self.other))
  }

  @Test func `a fork has an id of its own, the one it was given or one to be found out`() {
    #expect(read("--resume", Self.id, "--fork-session").conversation == .forked)
    #expect(read("--fork-session", "-r", Self.id).conversation == .forked)
    #expect(read("--continue", "--fork-session").conversation == .unknown)
    #expect(read("--resume", "a title", "--fork-session").conversation == .unknown)
    for words in [
      ["--resume", Self.id, "--fork-session", "--session-id", Self.other],
      ["--session-id", Self.other, "--fork-session", "--resume", Self.id],
      ["-c", "--fork-session", "--session-id=" + Self.other],
    ] { #expect(ClaudeArguments(words).conversation == .named(Self.other), "\(words)") }
    // Without a fork the agent refuses both together; the conversation is the one to be resumed.
    #expect(read("--resume", Self.id, "--session-id", Self.other).conversation == .resumed(Self.id))
    #expect(read("--session-id", Self.other, "--resume", Self.id).conversation == .resumed(Self.id))
  }

  @Test func `names and settings are known, in every form`() {
    for words in [["-n", "parser"], ["--name", "parser"], ["--name=parser"], ["--verbose", "-n", "parser"]] {
      #expect(ClaudeArguments(words).name == "parser", "\(words)")
      #expect(ClaudeArguments(words).lasting.suffix(2) == ["--name", "parser"], "\(words)")
    }
    #expect(read("--name", "--verbose").name == "--verbose")
    #expect(read("--name").name == nil && read("--name").lasting == [])
    let asked = read("--settings", "{\"a\":1}", "--settings=b.json", "prompt")
    #expect(asked.settings == ["{\"a\":1}", "b.json"] && asked.hasPrompt)
    #expect(asked.lasting == ["--settings={\"a\":1}", "--settings=b.json"] && asked.withoutSettings == ["prompt"])
    #expect(read("--settings").settings == [] && read("--settings").withoutSettings == ["--settings"])
  }

  @Test func `without its settings a command line asks for the same`() {
    for (words, without) in [
      (
        ["-c", "--settings", "x", "--add-dir", "a", "b", "--", "--settings", "y"],
        ["-c", "--add-dir", "a", "b", "--", "--settings", "y"]
      ),
      (["-cp", "--settings=x", "-r", "t", "fix"], ["-c", "-p", "-r", "t", "fix"]),
      (["--model", "--settings", "x"], ["--model", "--settings", "x"]),
      (
        ["-nparser", "--prefill", "--settings", "--debug", "--settings", "z"],
        ["-nparser", "--prefill", "--settings", "--debug"]
      ),
    ] {
      let asked = ClaudeArguments(words)
      #expect(asked.withoutSettings == without)
      let again = ClaudeArguments(without)
      #expect(again.settings == [] && again.withoutSettings == without && again.conversation == asked.conversation)
      #expect(again.lasting == asked.lasting.filter { !$0.hasPrefix("--settings=") } && again.name == asked.name)
      #expect(again.isForeign == asked.isForeign && again.hasPrompt == asked.hasPrompt)
    }
  }

  @Test func `what is typed beforehand, or from where on to resume, lasts for one run`() {
    for flag in ["--prefill", "--resume-session-at", "--rewind-files", "--resume-drops-turn"] {
      for words in [[flag, "x"], [flag + "=x"], [flag, "-p"]] {
        let asked = ClaudeArguments(words + ["--verbose"])
        #expect(asked.lasting == ["--verbose"] && !asked.hasPrompt && !asked.isForeign, "\(words)")
      }
    }
  }

  @Test func `whatever is asked, what lasts is no prompt, names no conversation, and is read again alike`() {
    var random = Seeded(71)
    let prompts = ["prompt one", "prompt two", "prompt"]
    let values = ["value", "value two", "/value"]
    for _ in 0..<20_000 {
      var words: [String] = []
      var expected: [String] = []
      for _ in 0..<random.below(8) {
        let value = random.pick(values)
        switch random.below(8) {
        case 0:
          // After a flag with many values a word would be one of these.
          let takes = words.last.map { last in Self.takes(last) || values.contains(last) } ?? false
          if !takes { words.append(random.pick(prompts)) }
        case 1: words += [random.pick(["-r", "--resume", "--from-pr"]), random.pick([Self.id, "a title"])]
        case 2: words += [random.pick(["-c", "--continue", "--fork-session", "--resume=" + Self.id])]
        case 3: words += ["--session-id", Self.other]
        case 4:
          let flag = random.pick(Self.plain)
          words.append(flag)
          expected.append(flag)
        case 5:
          let flag = random.pick(Self.valued)
          words += [flag, value]
          expected += [flag, value]
        case 6:
          let flag = random.pick(Self.variadic)
          words += [flag, value, value]
          expected += [flag, value, value]
        default:
          words += ["--name", value]
          expected += ["--name", value]
        }
      }
      if random.chance(30) { words += ["--", random.pick(prompts), "--resume", Self.id] }
      let asked = ClaudeArguments(words)
      #expect(asked.lasting == expected, "\(words)")
      #expect(!asked.isForeign && !asked.lasting.contains { prompts.contains($0) || $0.contains(Self.id) }, "\(words)")
      #expect(Set(asked.lasting).isDisjoint(with: Self.conversational + ["--session-id", "--"]), "\(words)")
      let again = ClaudeArguments(asked.lasting)
      #expect(again.lasting == asked.lasting && again.conversation == .new && !again.hasPrompt, "\(words)")
    }
  }

  private static func takes(_ flag: String) -> Bool {
    variadic.contains(flag) || optional.contains(flag) || ["-r", "--resume", "--from-pr"].contains(flag)
  }

  @Test func `no words at all bring it down`() {
    var random = Seeded(72)
    let pieces = [
      "-", "--", "---", "-=", "--=", "--=x", "", "-p", "-pp", "-é", "-cé", "--é=ü", "\u{0}", "-r", "-n", "-w", "-d",
      "--settings", "--add-dir", "mcp", "--session-id", "-cc", "-rr", "👩‍💻", "-👩‍💻x",
    ]
    for _ in 0..<20_000 {
      let words = (0..<random.below(7)).map { _ in random.pick(pieces) }
      let asked = ClaudeArguments(words)
      #expect(ClaudeArguments(words) == asked)
    }
  }

  @Test func `a program that speaks stream-json in both directions is known by its two formats, with a prompt by none`()
  {
    let both = ["--output-format", "stream-json", "--verbose", "--input-format", "stream-json"]
    for words in [
      both, ["-p"] + both, both + ["--print"], ["--input-format=stream-json", "--output-format=stream-json"],
    ] {
      #expect(ClaudeArguments(words).isStream, "\(words)")
    }
    let others = [
      [], ["-p"], ["--input-format", "stream-json"], ["--output-format=stream-json"], both + ["prompt"],
      both + ["--version"], both + ["--no-session-persistence"], both + ["--input-format", "text"], ["mcp"] + both,
    ]
    for words in others { #expect(!ClaudeArguments(words).isStream, "\(words)") }
    #expect(ClaudeArguments(["-p"] + both).isForeign && !ClaudeArguments(both).isForeign)
    #expect(ClaudeArguments(both + ["--resume=\(Self.id)"]).lasting == both)
    #expect(!ClaudeArguments(both).goesBack && ClaudeArguments(["--resume-session-at=x"]).goesBack)
  }
}
