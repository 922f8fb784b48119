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
  var needsWhat: String?
  var queue: QueuePlace?
  var source: String
  var pid: Int?
  var component: String?
  var branch: String?
  var ahead: Int?
  var behind: Int?
  var dirty: Bool?
  var ports: [String: Int]
  var conflicts: [String]?
  var outside: [String]
  var waitsFor: String?

  /// Branch, distance, dirt and trouble in a few columns.
  var marks: String {
    var words = [BranchMark.text(ahead: ahead, behind: behind)]
    if dirty == true { words.append("±") }
    if conflicts?.isEmpty == false || !outside.isEmpty { words.append("⚠") }
    return words.filter { !$0.isEmpty }.joined(separator: " ")
  }

  var portsText: String {
    ports.isEmpty ? "" : ":" + ports.values.sorted().map { String($0) }.joined(separator: ",")
  }

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
    case queued = "QUEUED"
    case idle = "IDLE"
    case unknown = "UNKNOWN"
    case lost = "LOST"
    case ended = "ENDED"
    case archived = "ARCHIVED"
    case elsewhere = "ELSEWHERE"
  }

  /// `figures`: what each takes, shown as columns; nil where these are not wanted.
  static func text(_ sessions: [SessionRow], figures: [FigureRow]? = nil, _ output: Output) -> String {
    if sessions.isEmpty { return "No sessions. Make one: apus new NAME --prompt \"what it is to do\"\n" }
    let most = figures == nil ? 28 : max(8, min(28, output.columns / 6))
    let names = min(most, max(8, sessions.map { Width.of($0.name) }.max() ?? 8))
    let columns = figures.map { FigureColumns($0) }
    let place = PlaceColumns(sessions, output.columns, isWide: figures != nil)
    let known = Dictionary((figures ?? []).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var text = ""
    if let columns {
      let room = max(0, output.columns - columns.width - 9)
      text += output.styled(String(repeating: " ", count: room) + columns.heading, .dim) + "\n"
    }
    for heading in Heading.allCases {
      var group = sessions.filter { self.heading($0) == heading }
      if group.isEmpty { continue }
      text += output.styled(heading.rawValue, style(heading)) + "\n"
      if heading == .queued { group.sort { ($0.queue?.place ?? 0) < ($1.queue?.place ?? 0) } }
      for session in group {
        let takes = columns.map { $0.row(known[session.id]) } ?? ""
        text += row(session, names, place, takes, output) + "\n"
      }
    }
    return text
  }

  private static func heading(_ session: SessionRow) -> Heading {
    if session.source != "apus" { return .elsewhere }
    return switch session.state {
    case .queued: .queued
    case .starting: .starting
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
    case .idle, .unknown, .queued: .cyan
    case .lost: .red
    case .ended, .archived, .elsewhere: .dim
    }
  }

  private static func row(
    _ session: SessionRow, _ names: Int, _ place: PlaceColumns, _ takes: String, _ output: Output
  ) -> String {
    let age = MomentText.age(session.state.isLive ? session.activityAge : session.lastActiveAge)
    // A stranger's is its pid, which may be longer than ours.
    let id = max(6, Width.of(session.id) + 1)
    let (before, behind) = (place.before(session), place.behind(session))
    let fixed = 2 + id + names + 2 + Width.of(before) + Width.of(behind) + Width.of(takes) + 2 + 7
    let what = Width.fit(SessionName.printable(about(session)), max(10, output.columns - fixed))
    return "  " + Width.fit(session.id, id) + Width.fit(session.name, names) + "  " + before + what + behind + takes
      + "  "
      + String(repeating: " ", count: max(0, 7 - Width.of(age))) + age
  }

  static func about(_ session: SessionRow) -> String {
    if let asked = session.needs.first { return "allow \(asked.brief)?" }
    if session.source != "apus" { return elsewhere(session) }
    if let queue = session.queue { return queue.text }
    if let what = session.needsWhat { return what }
    switch session.state {
    case .queued, .starting: return "starting in \(session.directory)"
    case .running:
      if let problem = session.problem { return problem.summary }
      if let wanted = session.waitsFor { return "waiting for \(wanted)" }
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

  private static func elsewhere(_ session: SessionRow) -> String {
    var words = session.activity.rawValue
    if let what = session.needsWhat { words += ": " + what }
    return words + session.directory.prefixed(" in ") + ", " + session.source
  }

  /// Sessions that Apus did not start, those that live first.
  static func strangers(_ sessions: [SessionObject], _ output: Output) -> String {
    let names = min(28, max(8, sessions.map { Width.of($0.name) }.max() ?? 8))
    var text = ""
    for (heading, state) in [("LIVE", SessionState.running), ("ENDED", .ended)] {
      let group = sessions.filter { $0.state == state }
      if !group.isEmpty { text += output.styled(heading, .bold) + "\n" }
      for session in group {
        let what = state == .running ? session.activity.rawValue : SessionCard.verdict(session.verdict)
        let words = what + session.directory.prefixed(" in ") + ", " + session.source
        text += "  " + Width.fit(state == .running ? session.id : String(session.conversationID.prefix(8)), 9)
        text += Width.fit(session.name, names) + "  "
        text += Width.cut(SessionName.printable(words), max(20, output.columns - names - 13)) + "\n"
      }
    }
    return text
      + "\nTake one over: apus adopt \(sessions[0].state == .running ? sessions[0].id : sessions[0].conversationID)\n"
  }
}

/// Component and branch, marks, ports: columns that are there where any session has something in them.
struct PlaceColumns {
  private var component = 0
  private var branch = 0
  private var marks = 0
  private var ports = 0

  init(_ rows: [SessionRow], _ columns: Int, isWide: Bool) {
    func widest(_ text: (SessionRow) -> String, _ most: Int) -> Int {
      min(most, rows.map { Width.of(text($0)) }.max() ?? 0)
    }
    component = widest({ $0.component ?? "" }, 12)
    marks = widest(\.marks, 10)
    let room = columns - (isWide ? 60 : 0)
    if room >= 80 { ports = widest(\.portsText, 12) }
    if room >= 110 { branch = widest({ $0.branch ?? "" }, 32) }
  }

  func before(_ row: SessionRow) -> String {
    column(SessionName.printable(row.component ?? ""), component)
      + column(SessionName.printable(row.branch ?? ""), branch)
  }

  func behind(_ row: SessionRow) -> String {
    let text = column(row.marks, marks) + column(row.portsText, ports)
    return text.isEmpty ? "" : "  " + text.dropLast(2)
  }

  private func column(_ text: String, _ width: Int) -> String { width == 0 ? "" : Width.fit(text, width) + "  " }
}

extension String {
  fileprivate func prefixed(_ word: String) -> String { isEmpty ? "" : word + self }
}
