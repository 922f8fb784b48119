import ApusCore
import ApusWire

/// Sessions as a person reads them: what needs them first.
enum SessionList {
  private enum Heading: String, CaseIterable {
    case needsYou = "NEEDS YOU"
    case working = "WORKING"
    case starting = "STARTING"
    case idle = "IDLE"
    case unknown = "UNKNOWN"
    case lost = "LOST"
    case ended = "ENDED"
    case archived = "ARCHIVED"
  }

  static func text(_ sessions: [SessionObject], _ output: Output) -> String {
    if sessions.isEmpty { return "No sessions. Make one: apus new NAME --prompt \"what it is to do\"\n" }
    let names = min(28, max(8, sessions.map { Width.of($0.name) }.max() ?? 8))
    var text = ""
    for heading in Heading.allCases {
      let group = sessions.filter { self.heading($0) == heading }
      if group.isEmpty { continue }
      text += output.styled(heading.rawValue, style(heading)) + "\n"
      for session in group { text += row(session, names, output) + "\n" }
    }
    return text
  }

  private static func heading(_ session: SessionObject) -> Heading {
    switch session.state {
    case .queued, .starting: .starting
    case .ended: .ended
    case .lost: .lost
    case .archived: .archived
    case .running:
      switch session.activity {
      case .needsYou: .needsYou
      case .working: .working
      case .idle: .idle
      case .unknown: .unknown
      }
    }
  }

  private static func style(_ heading: Heading) -> Output.Style {
    switch heading {
    case .needsYou: .yellow
    case .working, .starting: .green
    case .idle, .unknown: .cyan
    case .lost: .red
    case .ended, .archived: .dim
    }
  }

  private static func row(_ session: SessionObject, _ names: Int, _ output: Output) -> String {
    let age = MomentText.age(session.state.isLive ? session.activityAge : session.lastActiveAge)
    let fixed = 2 + 6 + names + 2 + 2 + 7
    let what = Width.fit(SessionName.printable(about(session)), max(10, output.columns - fixed))
    return "  " + Width.fit(session.id, 6) + Width.fit(session.name, names) + "  " + what + "  "
      + String(repeating: " ", count: max(0, 7 - Width.of(age))) + age
  }

  static func about(_ session: SessionObject) -> String {
    if let asked = session.needs.first { return "allow \(asked.brief)?" }
    switch session.state {
    case .queued, .starting: return "starting in \(session.directory)"
    case .running:
      if let problem = session.problem { return problem.summary }
      return session.doing ?? session.directory
    case .ended, .lost, .archived:
      var words = session.verdict.resumable ? "resumable" : session.verdict.reason?.rawValue ?? ""
      if session.interrupted { words += ", in the middle of a turn" }
      if !session.verdict.warnings.isEmpty {
        words += " ⚠ " + session.verdict.warnings.map(\.rawValue).joined(separator: ", ")
      }
      if let problem = session.problem, problem.code != .turnInterrupted { words += ": " + problem.summary }
      return words
    }
  }
}

/// One session in full.
enum SessionCard {
  static func text(_ session: SessionObject, _ output: Output) -> String {
    var lines = [headline(session, output)]
    func row(_ label: String, _ value: String) {
      lines.append("  " + output.styled(Width.fit(label, 11), .dim) + SessionName.printable(value))
    }
    for asked in session.needs {
      row("asks", "\(asked.brief)   (apus permit \(session.name) \(asked.id.prefix(8)) allow|deny)")
    }
    if let doing = session.doing { row("last", doing) }
    row("place", session.directory)
    var agent = [session.agent + (session.agentVersion.map { " \($0)" } ?? "")]
    if let model = session.model { agent.append(model) }
    agent.append(session.permissionMode)
    agent.append("run \(session.run)")
    if let pid = session.pid { agent.append("pid \(pid)\(session.keeperPID.map { " (keeper \($0))" } ?? "")") }
    row("agent", agent.joined(separator: ", "))
    row("verdict", verdict(session.verdict))
    row("talks as", session.conversationID)
    if let owner = session.owner { row("owner", owner) }
    if !session.tags.isEmpty { row("tags", session.tags.joined(separator: ", ")) }
    if let parent = session.forkedFrom { row("forked", "from \(parent)") }
    if session.cost > 0 || session.tokens.output > 0 {
      row("cost", "$\(cents(session.cost)), \(session.tokens.output) tokens out")
    }
    row("persists", session.persists ? "yes: it goes on when the daemon is shut down" : "no: `apus down` ends it")
    if let problem = session.problem {
      row("problem", problem.summary)
      if let hint = problem.hint { row("", hint) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func headline(_ session: SessionObject, _ output: Output) -> String {
    let name = output.styled(session.name, .bold) + " (\(session.id))  "
    if session.state == .running || session.state == .starting {
      let age = MomentText.age(session.activityAge)
      return name
        + "\(session.state == .starting ? "starting, " : "")\(session.activity.rawValue), from \(session.activitySource) \(age) ago"
    }
    var words = session.state.rawValue
    switch session.ending {
    case .exit(let code): words += ", exit \(code)"
    case .signal(let number): words += ", signal \(number)"
    case nil: break
    }
    if session.interrupted { words += ", in the middle of a turn" }
    return name + words + ", \(MomentText.age(session.lastActiveAge)) ago"
  }

  static func verdict(_ verdict: Verdict) -> String {
    var words = verdict.resumable ? "resumable" : "not resumable: \(verdict.reason?.rawValue ?? "?")"
    if let elsewhere = verdict.liveElsewhere { words += " (\(elsewhere.program), pid \(elsewhere.pid))" }
    if let bytes = verdict.bytes { words += "; transcript \(size(bytes))" }
    if let days = verdict.expiresInDays { words += ", kept for \(max(0, days)) days" }
    if !verdict.warnings.isEmpty { words += "; ⚠ " + verdict.warnings.map(\.rawValue).joined(separator: ", ") }
    return words
  }

  private static func size(_ bytes: Int) -> String {
    bytes < 1 << 20 ? "\((bytes + 1023) >> 10) KB" : "\(bytes >> 20).\((bytes % (1 << 20)) * 10 >> 20) MB"
  }

  private static func cents(_ cost: Double) -> String {
    let hundredths = Int((cost * 100).rounded(.up))
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
  }
}
