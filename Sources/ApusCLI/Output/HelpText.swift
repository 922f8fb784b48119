import ApusCore
import ApusWire

/// Help, written from what the commands declare.
enum HelpText {
  static var overview: String {
    var text = """
      apus keeps Claude Code sessions working: it starts them, keeps them alive, and brings them back.

      Begin with:
        apus new NAME --prompt "what to do"    start a session; it outlives this terminal
        apus list                              see all of them, what needs you first
        apus send NAME "and now …" --wait      say more, and read the answer

      """
    for group in About.Group.allCases {
      let commands = Commands.all.filter { $0.about.group == group && !$0.about.isHidden }
      if commands.isEmpty { continue }
      text += "\n\(group.rawValue)\n"
      for command in commands { text += "  \(Width.fit(command.about.name, 13))\(command.about.summary)\n" }
    }
    return text + "\n`apus COMMAND --help` says more, with an example. All commands take --json.\n"
  }

  static func of(_ command: any Command.Type) -> String {
    let about = command.about
    var text = "\(about.summary.first?.uppercased() ?? "")\(about.summary.dropFirst()).\n\n"
    text += usageLines(command) + "\nexample:\n  \(about.example)\n"
    let parameters = command.parameters.map(\.facts)
    let operands = parameters.filter { $0.kind == .operand || $0.kind == .operands }
    if !operands.isEmpty {
      text += "\n"
      for operand in operands { text += row(operand.names[0], operand.help) }
    }
    text += "\noptions:\n"
    for option in parameters.filter({ $0.kind == .flag || $0.kind == .option }) + Usage.everywhere {
      text += row(label(option), option.help)
    }
    if !about.more.isEmpty { text += "\n" + wrapped(about.more, 78).joined(separator: "\n") + "\n" }
    return text
  }

  private static func usageLines(_ command: any Command.Type) -> String {
    let words = usage(command).split(separator: " [").enumerated().map { $0 == 0 ? String($1) : "[" + $1 }
    var text = "usage: "
    var column = 7
    for (index, word) in words.enumerated() {
      if index > 0, column + 1 + word.count > 79 {
        text += "\n      "
        column = 6
      }
      text += (index > 0 ? " " : "") + word
      column += word.count + 1
    }
    return text + "\n"
  }

  static func usage(_ command: any Command.Type) -> String {
    var words = ["apus", command.about.name]
    for parameter in command.parameters {
      let facts = parameter.facts
      switch facts.kind {
      case .operand: words.append(facts.names[0])
      case .operands where facts.isBehindDashes: words.append("[-- \(facts.names[0])…]")
      case .operands: words.append(parameter.isMissing ? "\(facts.names[0])…" : "[\(facts.names[0])…]")
      case .flag: words.append("[\(facts.names[0])]")
      case .option: words.append("[\(facts.names[0]) \(facts.value)]")
      }
    }
    return words.joined(separator: " ")
  }

  static func label(_ facts: ParameterFacts) -> String {
    facts.names.joined(separator: ", ") + (facts.kind == .option ? " \(facts.value)" : "")
  }

  private static func row(_ label: String, _ help: String) -> String {
    let lines = wrapped(help, 50)
    var text = "  " + (Width.of(label) < 25 ? Width.fit(label, 26) : label + "  ") + (lines.first ?? "") + "\n"
    for line in lines.dropFirst() { text += String(repeating: " ", count: 28) + line + "\n" }
    return text
  }

  static func wrapped(_ text: String, _ columns: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, Width.of(line) + 1 + Width.of(String(word)) > columns {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return line.isEmpty ? lines : lines + [line]
  }

  static var settings: String {
    var text = """
      Settings, in $XDG_CONFIG_HOME/apus/config.json (JSON, comments allowed), e.g. {"permissionMode": "plan"}.
      A flag wins over the environment, the environment over the file. Those marked * may also stand in a
      repository's .apus/config.json, which wins over the person's file. `persist` is also read from the .env of the
      directory `apus` is called in.


      """
    for setting in Setting.allCases {
      let facts = setting.facts
      let name = setting.rawValue + (facts.fromRepository ? " *" : "")
      text += "  " + Width.fit(name, 23) + Width.fit(facts.variable, 30) + facts.doc
      text += facts.standard.isEmpty ? "\n" : " [\(facts.standard)]\n"
    }
    return text + """

      A repository's .apus/config.json (`apus init` writes one) also holds: components (names to paths), kinds (how
      branches are called), base, ports (variables to preferred ports), profiles, profileVariable, profile, setUp, test,
      templates, workLog, guards (patterns of commands to locks; forcePush, commitOnBase: false switches those off),
      claims (off, warn or strict; or policy and lapse), deploy (command, ready, error, building, interval, limit, lock),
      sessionsFile (false: .claude/sessions.md is not kept), dev (servers by name: command, directory, watch, ignore,
      health, port, reload, settle, maxHold, startLimit, keepLastGood, restartOnExit, socket; or the command alone), neverWatch
      (absolute patterns no server watches).

      APUS_HOME (default $XDG_STATE_HOME/apus) holds everything Apus keeps.

      """
  }
}
