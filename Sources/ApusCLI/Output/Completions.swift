/// Shell completions, from the same declarations as `--help`. Names of sessions are asked of `apus list`.
enum Completions {
  private static let sessionNames =
    #"apus list --all --json 2>/dev/null | tr '{' '\n' | sed -n 's/.*"id":"[^"]*".*"name":"\([^"]*\)".*/\1/p'"#

  private static func flags(_ command: any Command.Type) -> [ParameterFacts] {
    command.parameters.map(\.facts).filter { $0.kind == .flag || $0.kind == .option } + Usage.everywhere
  }

  private static func takesSessions(_ command: any Command.Type) -> Bool {
    command.parameters.contains { $0.facts.completes == .sessions }
  }

  static var bash: String {
    var cases = ""
    for command in Commands.all {
      let words = flags(command).flatMap(\.names).joined(separator: " ")
      let names = takesSessions(command) ? " $(\(sessionNames))" : ""
      cases += "    \(command.about.name)) words=\"\(words)\(names)\" ;;\n"
    }
    return """
      _apus() {
        local words current="${COMP_WORDS[COMP_CWORD]}"
        if [ "$COMP_CWORD" -eq 1 ]; then
          words="\(Commands.all.map { $0.about.name }.joined(separator: " "))"
        else
          case "${COMP_WORDS[1]}" in
      \(cases)    esac
        fi
        COMPREPLY=($(compgen -W "$words" -- "$current"))
      }
      complete -o default -F _apus apus

      """
  }

  static var zsh: String {
    let commands = Commands.all.map { "'\($0.about.name):\(quoted($0.about.summary))'" }.joined(separator: " ")
    var cases = ""
    for command in Commands.all {
      let words = flags(command).flatMap(\.names).joined(separator: " ")
      cases += "      \(command.about.name)) compadd -- \(words)"
      cases += takesSessions(command) ? "; compadd -- $(\(sessionNames)) ;;\n" : " ;;\n"
    }
    return """
      #compdef apus
      _apus() {
        local -a commands
        commands=(\(commands))
        if (( CURRENT == 2 )); then
          _describe command commands
        else
          case "${words[2]}" in
      \(cases)      *) _files ;;
          esac
        fi
      }
      compdef _apus apus

      """
  }

  static var fish: String {
    var text = "complete -c apus -f\n"
    for command in Commands.all {
      let name = command.about.name
      text += "complete -c apus -n __fish_use_subcommand -a \(name) -d '\(quoted(command.about.summary))'\n"
      for facts in flags(command) {
        var line = "complete -c apus -n '__fish_seen_subcommand_from \(name)'"
        for flag in facts.names {
          line += flag.hasPrefix("--") ? " -l \(flag.dropFirst(2))" : " -s \(flag.dropFirst())"
        }
        if facts.kind == .option { line += facts.completes == .files ? " -r -F" : " -x" }
        if !facts.choices.isEmpty { line += " -a '\(facts.choices.joined(separator: " "))'" }
        text += line + " -d '\(quoted(facts.help))'\n"
      }
      if takesSessions(command) {
        text += "complete -c apus -n '__fish_seen_subcommand_from \(name)' -a \"(\(sessionNames.replacingQuotes))\"\n"
      }
    }
    return text
  }

  private static func quoted(_ text: String) -> String { text.filter { $0 != "'" && $0 != ":" } }
}

extension String {
  /// For a double-quoted word of fish.
  fileprivate var replacingQuotes: String {
    reduce(into: "") { $0 += $1 == "\"" ? "\\\"" : $1 == "$" ? "\\$" : String($1) }
  }
}
