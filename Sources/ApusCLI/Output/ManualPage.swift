import ApusCore
import ApusWire

/// apus(1), from the same declarations as `--help`.
enum ManualPage {
  static var text: String {
    var page = """
      .TH APUS 1 "" "apus \(Version.text)" "User Commands"
      .SH NAME
      apus \\- keep Claude Code sessions working
      .SH SYNOPSIS
      .B apus
      .I COMMAND
      [\\fIARGUMENT\\fR...] [\\fB\\-\\-json\\fR]
      .SH DESCRIPTION
      Starts Claude Code sessions, each in a keeper of its own that outlives the terminal, the daemon and upgrades;
      says from the file system alone whether a session can be resumed, and resumes it.
      .SH COMMANDS

      """
    for command in Commands.all {
      page += ".SS \(escaped(HelpText.usage(command)))\n\(escaped(command.about.summary)).\n"
      if !command.about.more.isEmpty { page += escaped(command.about.more) + "\n" }
      for parameter in command.parameters {
        page += ".TP\n.B \(escaped(HelpText.label(parameter.facts)))\n\(escaped(parameter.facts.help))\n"
      }
      page += ".PP\nExample: \(escaped(command.about.example))\n"
    }
    page += ".SH SETTINGS\n"
    for setting in Setting.allCases {
      let facts = setting.facts
      page += ".TP\n.B \(escaped("\(setting.rawValue) (\(facts.variable))"))\n\(escaped(facts.doc))"
      page += facts.standard.isEmpty ? "\n" : " (default: \(escaped(facts.standard)))\n"
    }
    return page + """
      .SH EXIT STATUS
      0 done, 1 failed, 2 usage, 3 not found, 4 conflict (held, busy, live elsewhere), 5 the agent's fault (login,
      limit, crash, missing, too old), 124 timed out.
      .SH FILES
      .TP
      .B $APUS_HOME
      everything Apus keeps (default: $XDG_STATE_HOME/apus); readable by its owner only
      .TP
      .B $XDG_CONFIG_HOME/apus/config.json
      the person's settings

      """
  }

  /// At least four digits.
  private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  private static func escaped(_ text: String) -> String {
    let escaped = text.unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "\\": text += "\\\\"
      case "-": text += "\\-"
      case " "..."~": text.unicodeScalars.append(scalar)
      // groff reads Latin-1 unless it is told otherwise.
      default: text += "\\[u\(hexadecimal(scalar))]"
      }
    }
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}
