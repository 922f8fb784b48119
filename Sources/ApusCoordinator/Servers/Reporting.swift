import ApusCore
import ApusGit
import ApusLoop
import ApusWire

// What a server's owner says of it, and what sessions are told of that: whoever changed something hears once what became
// of it, with its next hook.

extension Coordinator {
  private static let linesTold = 5

  package func devReport(_ report: DevReport) -> Nothing {
    guard let serving = servers.all.first(where: { $0.request.id == report.id }) else { return Nothing() }
    serving.state = report.state
    if !report.changed.isEmpty { noteEditors(of: report.changed, serving) }
    if let outcome = report.outcome { become(outcome, report.lines, serving) }
    changes.announce(.servers)
    return Nothing()
  }

  private func become(_ outcome: DevOutcome, _ lines: [String], _ serving: DevServing) {
    let before = serving.last
    serving.last = outcome
    serving.lines = lines
    let words = Self.words(outcome, serving)
    serving.lastWords = words
    for answer in serving.waiting { answer.give(outcome) }
    serving.waiting = []
    log.info("server \(serving.name): \(words)")
    // A server that is tried again and fails again is no news.
    let isNews = before?.kind != outcome.kind || before?.change != outcome.change
    if outcome.isReload, isNews, outcome.kind != .ended || outcome.status != 0 {
      var text = "Development server \(words)"
      if outcome.kind != .healthy, !lines.isEmpty {
        text +=
          " Its last lines:\n"
          + lines.suffix(Self.linesTold).map { "> " + SessionName.excerpt($0, of: 200) }
          .joined(separator: "\n")
      }
      for id in serving.editors.sorted() where sessions[id]?.state.isLive == true { tell(text, of: serving, to: id) }
    }
    if outcome.kind == .healthy { serving.editors = [] }
  }

  /// Only the newest is worth hearing.
  private func tell(_ text: String, of serving: DevServing, to id: String) {
    let prefix = "Development server \(serving.name) "
    if hasNotices.contains(id), let open = try? store.loadNotices(of: id, read: false, limit: 500) {
      let older = open.filter { $0.kind == .dev && $0.text.hasPrefix(prefix) }
      do { try markRead(older) } catch { log.error("session \(id): \(error)") }
    }
    leave(Notice(session: id, kind: .dev, from: nil, text: text, at: now, wakes: false))
  }

  private static func words(_ outcome: DevOutcome, _ serving: DevServing) -> String {
    let place = (serving.state?.port ?? serving.port).map { " (port \($0))" } ?? ""
    let late =
      outcome.overdue.isEmpty
      ? ""
      : " It was held as long as it may be; still at work: "
        + outcome.overdue.map(\.words).joined(separator: ", ") + "."
    let keeps = outcome.keepsLast ? " The one before it goes on serving." : ""
    let what: String
    switch outcome.kind {
    case .healthy where outcome.isReload: what = "reloaded at change \(outcome.change), healthy."
    case .healthy: what = "started, healthy."
    case .late: what = "is not healthy at change \(outcome.change), though it runs."
    case .failed: what = "did not come up at change \(outcome.change) (\(outcome.ending))."
    case .ended: what = "ended by itself at change \(outcome.change) (\(outcome.ending))."
    }
    return "\(serving.name)\(place) \(what)\(keeps)\(late)"
  }

  /// Who changed these files: whoever claims one, else the only one who can have.
  private func noteEditors(of paths: [String], _ serving: DevServing) {
    for session in sessions.values where session.state.isLive && covers(session, serving) {
      if serving.editors.contains(session.id) { continue }
      let checkout = self.checkout(of: session)
      let prefix = checkout + "/"
      let own = paths.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      if own.isEmpty { continue }
      let scope = repository(of: session, session.directory)
      let claimed = scope.map { claims.book($0).claims.filter { $0.checkout == checkout } } ?? []
      let claimants = Set(claimed.filter { own.contains($0.path) }.map(\.session))
      if claimants.contains(session.id) || (claimants.isEmpty && worker(in: checkout) == session.id) {
        serving.editors.insert(session.id)
      }
    }
  }
}
