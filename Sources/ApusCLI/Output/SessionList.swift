import ApusCore
import ApusWire

/// What a list shows of a session: reading no more of 200 of them is a third of the time.
struct SessionRow: Decodable {
  var id: String
  var name: String
  var directory: String
  var state: SessionState
  var activity: Activity
  var activityAge: Double
  var lastActiveAge: Double
  var needs: [PermissionRequest]
  var doing: String?
  var problem: Failure?
  var interrupted: Bool
  var verdict: Judged

  struct Judged: Decodable {
    var resumable: Bool
    var reason: Verdict.Reason?
    var warnings: [Verdict.Warning]
  }
}

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

  static func text(_ sessions: [SessionRow], _ output: Output) -> String {
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

  private static func heading(_ session: SessionRow) -> Heading {
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

  private static func row(_ session: SessionRow, _ names: Int, _ output: Output) -> String {
    let age = MomentText.age(session.state.isLive ? session.activityAge : session.lastActiveAge)
    let fixed = 2 + 6 + names + 2 + 2 + 7
    let what = Width.fit(SessionName.printable(about(session)), max(10, output.columns - fixed))
    return "  " + Width.fit(session.id, 6) + Width.fit(session.name, names) + "  " + what + "  "
      + String(repeating: " ", count: max(0, 7 - Width.of(age))) + age
  }

  static func about(_ session: SessionRow) -> String {
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
