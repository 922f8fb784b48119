import ApusCore

/// What Claude Code offers to allow from then on, beside the one thing it asks (`permission_suggestions`, real-cli §4).
enum ClaudeOffers {
  private static let most = 20

  /// Nil where it offers nothing we can say in words: nobody allows what they were not shown.
  static func read(_ suggestions: JSON?) -> PermissionRequest.Always? {
    let offered = suggestions?.array ?? []
    guard !offered.isEmpty, offered.count <= most else { return nil }
    var words: [String] = []
    for one in offered {
      guard let said = lines(one) else { return nil }
      words += said
    }
    return words.isEmpty ? nil : PermissionRequest.Always(words: words, form: .array(offered))
  }

  private static func lines(_ offer: JSON) -> [String]? {
    guard let place = place(offer["destination"]?.string) else { return nil }
    switch offer["type"]?.string {
    case "setMode": return offer["mode"]?.string.map { ["permission mode \($0) \(place)"] }
    case "addDirectories":
      let names = offer["directories"]?.array?.compactMap(\.string) ?? []
      return names.isEmpty ? nil : names.map { "\($0) as a directory to work in, \(place)" }
    case "addRules":
      guard offer["behavior"]?.string == "allow", let rules = offer["rules"]?.array, !rules.isEmpty else { return nil }
      let names = rules.compactMap { rule in
        rule["toolName"]?.string.map { tool in rule["ruleContent"]?.string.map { "\(tool)(\($0))" } ?? tool }
      }
      return names.count == rules.count ? names.map { "\($0) \(place)" } : nil
    default: return nil
    }
  }

  private static func place(_ destination: String?) -> String? {
    switch destination {
    case "session": "for this session"
    case "localSettings": "in .claude/settings.local.json"
    case "projectSettings": "in .claude/settings.json, for everybody on the project"
    case "userSettings": "in ~/.claude/settings.json, for all projects"
    default: nil
    }
  }
}
