import ApusCore
import ApusWire

/// One session in full.
enum SessionCard {
  static func text(_ session: SessionObject, _ output: Output) -> String {
    var lines = [headline(session, output)]
    func row(_ label: String, _ value: String) {
      lines.append("  " + output.styled(Width.fit(label, 11), .dim) + SessionName.printable(value))
    }
    for asked in session.needs {
      let answer =
        session.terminal
        ? "attach \(session.name)" : "permit \(session.name) \(asked.id.prefix(8)) allow|deny"
      row("asks", "\(asked.brief)   (apus \(answer))")
      for word in asked.always?.words ?? [] { row("or always", word) }
    }
    if session.needs.isEmpty, let what = session.needsWhat { row("needs", what) }
    if let doing = session.doing { row("last", doing) }
    if let branch = branch(session) { row("branch", branch) }
    if let component = session.component { row("component", component) }
    if !session.outside.isEmpty {
      row(
        "outside",
        "⚠ \(session.outside.count) changed outside \(session.component ?? ""): \(session.outside.prefix(4).joined(separator: ", "))"
      )
    }
    row("place", session.directory)
    if !session.ports.isEmpty {
      row("ports", session.ports.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    }
    if let profile = session.profile { row("profile", profile) }
    if !session.locks.isEmpty { row("holds", "lock " + session.locks.joined(separator: ", ")) }
    if let wanted = session.waitsFor { row("waits", wanted) }
    var agent = [session.agent + (session.agentVersion.map { " \($0)" } ?? "")]
    if let model = session.model { agent.append(model) }
    agent.append(session.permissionMode)
    agent.append("run \(session.run)")
    if let pid = session.pid { agent.append("pid \(pid)\(session.keeperPID.map { " (keeper \($0))" } ?? "")") }
    row("agent", agent.joined(separator: ", "))
    if let figures = figures(session) { row("takes", figures) }
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

  private static func branch(_ session: SessionObject) -> String? {
    guard let branch = session.branch else { return nil }
    var words = branch
    if let base = session.base {
      let distance = BranchMark.text(ahead: session.ahead, behind: session.behind)
      words += (distance.isEmpty ? "" : "  " + distance) + ", base \(base)"
    }
    if session.dirty == true { words += ", uncommitted changes" }
    if let merged = session.merged { words += ", merged as \(merged.prefix(10))" }
    if let conflicts = session.conflicts {
      words += conflicts.isEmpty ? ", no conflicts" : ", ⚠ conflicts with \(conflicts.joined(separator: ", "))"
    }
    return words
  }

  private static func figures(_ session: SessionObject) -> String? {
    var words: [String] = []
    if let memory = session.memory { words.append(Amount.bytes(memory)) }
    if let cpu = session.cpu { words.append("\(Amount.percent(cpu)) CPU") }
    if let disk = session.disk { words.append("\(Amount.bytes(disk)) on disk") }
    if let ports = session.listening, !ports.isEmpty { words.append("listens on \(Amount.ports(ports))") }
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  private static func headline(_ session: SessionObject, _ output: Output) -> String {
    let name = output.styled(session.name, .bold) + " (\(session.id))  "
    if let queue = session.queue { return name + "queued: \(queue.text)" }
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

/// How far a branch and its base are apart, in a few columns.
enum BranchMark {
  static func text(ahead: Int?, behind: Int?) -> String {
    [ahead.flatMap { $0 > 0 ? "↑\($0)" : nil }, behind.flatMap { $0 > 0 ? "↓\($0)" : nil }].compactMap(\.self)
      .joined(separator: " ")
  }
}
