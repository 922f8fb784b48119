import ApusCore
import ApusWire

/// Development servers in words.
enum DevWords {
  static func card(_ server: DevServerObject, _ output: Output) -> String {
    var head = output.styled(server.name, .bold) + "  " + health(server.health, output)
    if let port = server.port { head += "  :\(port)" }
    if let session = server.session { head += "  of \(session)" }
    head += "  " + output.styled("for \(MomentText.age(server.age))", .dim) + "\n"
    var text = head
    func row(_ label: String, _ value: String) { text += "  " + Width.fit(label, 9) + value + "\n" }
    row("runs", SessionName.excerpt(server.command, of: 60) + (server.pid.map { " (pid \($0))" } ?? ""))
    let files = "\(server.files) file\(server.files == 1 ? "" : "s")"
    row("watches", SessionName.excerpt(server.watches.joined(separator: ", "), of: 60) + "  (\(files))")
    let mode = server.reload ? "when files change" : "when asked: safe mode (\(server.reloadWhy ?? ""))"
    row("reloads", mode)
    row(
      "changes", changes(server.change, server.loaded) + "; \(server.reloads) reload\(server.reloads == 1 ? "" : "s")")
    for hold in server.holds { row("held", "\(hold.words), since \(MomentText.clock(hold.since))") }
    if let problem = server.problem { row("problem", SessionName.excerpt(problem, of: 200)) }
    if let words = server.lastWords { row("last", words) }
    if server.last?.kind != .healthy {
      for line in server.lines.suffix(10) {
        text += "    " + output.styled(SessionName.excerpt(line, of: 200), .dim) + "\n"
      }
    }
    return text
  }

  static func changes(_ change: Int, _ loaded: Int) -> String {
    let pending = change - loaded
    return "\(change)" + (pending > 0 ? ", \(pending) not loaded" : ", all loaded")
  }

  static func health(_ health: DevHealth, _ output: Output) -> String {
    switch health {
    case .starting: output.styled("○ starting", .yellow)
    case .healthy: output.styled("● healthy", .green)
    case .late: output.styled("◐ not healthy yet", .yellow)
    case .failed: output.styled("✗ does not come up", .red)
    case .ended: output.styled("✗ ended", .red)
    case .stopped: output.styled("□ stopped", .dim)
    }
  }

  /// What became of a start or reload, for who watches.
  static func outcome(_ outcome: DevOutcome, port: Int?, reloads: Bool) -> String {
    let place = port.map { " on port \($0)" } ?? ""
    var text: String
    let end = outcome.ending
    switch outcome.kind {
    case .healthy: text = outcome.isReload ? "reloaded at change \(outcome.change), healthy\(place)" : "healthy\(place)"
    case .late: text = outcome.isReload ? "change \(outcome.change) is not healthy in time" : "not healthy in time"
    case .failed:
      text = outcome.isReload ? "change \(outcome.change) does not come up (\(end))" : "it does not come up (\(end))"
    case .ended: text = "it ended by itself (\(end))"
    }
    if outcome.keepsLast { text += "; the one before it goes on serving" }
    if let retry = outcome.retry { text += "; tried again in \(retry) s, or at the next change" }
    if outcome.kind == .ended, outcome.retry == nil, reloads { text += "; it is started again at the next change" }
    if !outcome.overdue.isEmpty {
      text += "; held as long as it may be, still at work: " + outcome.overdue.map(\.words).joined(separator: ", ")
    }
    return text
  }

  /// Why nothing was loaded yet.
  static func waiting(_ state: DevStateObject) -> String {
    let pending = state.change - state.loaded
    let changes = "\(pending) change\(pending == 1 ? " waits" : "s wait")"
    if !state.reloads { return "\(changes) for `apus dev reload`" }
    return changes + ": " + state.holds.map(\.words).joined(separator: ", ")
  }
}
