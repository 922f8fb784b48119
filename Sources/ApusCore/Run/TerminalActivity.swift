/// What an agent in a terminal of its own does, as far as that can be known from outside. The evidence: what its hooks
/// report, what its own list of processes says, and that it lives. The newest counts, whichever it is: a turn that is
/// interrupted with Esc reports no end, the list alone tells; a list is written a moment after the hook that says the
/// same, with more. Where nothing is known the activity is `unknown`, never a guess. Pure; times are those at which
/// something happened, not those at which it was heard.
package struct TerminalActivity: Codable, Equatable, Sendable {
  private static let longestText = 2000
  private static let mostTools = 16
  private static let mostRemembered = 32

  package private(set) var activity = Activity.unknown
  /// What the activity rests on: `hook NAME`, `sessions file` or `process`.
  package private(set) var source = "process"
  /// When the activity last changed or was confirmed.
  package private(set) var since: Moment
  /// What the agent last did, was asked or said, in one line.
  package private(set) var doing: String?
  /// When a conversation was last taken up, by its hook.
  package private(set) var startedAt: Moment?
  /// Asked and, as far as is known, not answered; texts cut.
  private var asked: [PermissionRequest] = []
  /// Tools that began and did not end; texts cut.
  private var begun: [PermissionRequest] = []
  /// Up to when nothing that was begun or asked matters any more, and nothing that was asked.
  private var restedAt: Moment = 0
  private var answeredAt: Moment = 0
  private var toldAt: Moment = 0
  private var endedAt: Moment = 0
  private var idleAt: Moment = 0
  private var workedAt: Moment = 0
  private var waitingFor: String?
  private var isForTool = false
  /// When the prompts were asked that are not done with.
  private var askedAt: [String: Moment] = [:]
  /// Reports that were heard, lately: a report may come twice, over the socket and from the disk.
  private var heard: [String] = []

  package init(since: Moment) { self.since = since }

  /// What the agent waits for, where it waits: the tools it asked for, else what its list says.
  package var needs: [PermissionRequest] {
    guard activity == .needsYou else { return [] }
    if !asked.isEmpty { return asked }
    if isForTool, begun.count == 1 { return begun }
    return [PermissionRequest(id: "", tool: waitingFor ?? "an answer", input: .null)]
  }

  /// Whether a conversation was taken up at all, as far as anybody told.
  package var hasBegun: Bool { startedAt != nil || workedAt > 0 }

  package mutating func began(_ prompt: String, at: Moment) { askedAt[prompt] = at }

  package mutating func finish(_ prompts: [String]) { for prompt in prompts { askedAt[prompt] = nil } }

  package func wasAsked(_ prompt: String, by at: Moment) -> Bool { askedAt[prompt].map { $0 <= at } ?? true }

  /// Whether it came to rest and nothing was begun since; a dialog that a person opened is no work.
  package var hasRested: Bool { idleAt > 0 && idleAt >= workedAt && activity != .working }

  package func restedAfter(_ prompt: String) -> Bool { wasAsked(prompt, by: idleAt) }

  /// Whether a turn's end that is newer was heard of: then what was asked before it is answered.
  package func hasEnded(since at: Moment) -> Bool { endedAt > at }

  package func hasHeard(_ id: String) -> Bool { heard.contains(id) }

  /// Takes a report in; one that was heard before changes nothing. What is older than what is known still tells of
  /// what was done and asked, but no longer decides what goes on.
  package mutating func hear(_ report: HookReport, id: String, at: Moment) {
    guard !hasHeard(id) else { return }
    heard.append(id)
    heard.removeFirst(max(0, heard.count - Self.mostRemembered))
    let isNews = at >= since
    switch report.fact {
    case .started(let start): started(start, at)
    case .prompted(let text):
      tell(Utterance(role: .assistant, text: text).brief, at)
      if isNews { rest(from: at, .working, "hook UserPromptSubmit") }
    case .wentOn: if isNews { rest(from: at, .working, "hook UserPromptSubmit") }
    case .toolBegan(let tool, let input, let id):
      let call = PermissionRequest(id: id, tool: tool, input: input)
      if at >= restedAt { Self.add(call, to: &begun) }
      if report.isSubagent, activity == .idle { return }
      tell(call.brief, at)
      if isNews { settle(asked.isEmpty ? .working : .needsYou, "hook PreToolUse", at) }
    case .permissionAsked(let request):
      if at >= max(restedAt, answeredAt) { Self.add(request, to: &asked) }
      workedAt = max(workedAt, at)
      if isNews { settle(.needsYou, "hook PermissionRequest", at) }
    case .toolEnded(let tool, let id, let failed):
      // What has ended waits for nothing any more, however late it is told.
      forget(tool, id)
      // After a turn was left with Esc a tool may still report its end: that begins no work.
      guard isNews, activity != .idle else { return }
      settle(asked.isEmpty ? .working : .needsYou, failed ? "hook PostToolUseFailure" : "hook PostToolUse", at)
    case .turnEnded(let text, let isAtRest):
      endedAt = max(endedAt, at)
      tell(text.flatMap { Utterance(role: .assistant, text: $0).brief }, at)
      if isNews { rest(from: at, isAtRest ? .idle : .working, "hook Stop") }
    case .turnFailed:
      endedAt = max(endedAt, at)
      if isNews { rest(from: at, .idle, "hook StopFailure") }
    case .ended(_, let isFollowed): if isNews, !isFollowed { rest(from: at, .unknown, "hook SessionEnd") }
    case .notified: break
    }
  }

  /// What the agent's own list says. It is written after the fact and names its own time, so it counts where it is newer.
  package mutating func see(_ sighting: Sighting) {
    guard sighting.at > since else { return }
    switch sighting.mode {
    case .unknown: return
    case .idle: rest(from: sighting.at, .idle, Self.list)
    case .running:
      // It goes on: whatever was asked is answered.
      (asked, answeredAt) = ([], sighting.at)
      settle(.working, Self.list, sighting.at)
    case .waiting:
      (waitingFor, isForTool) = (sighting.waitingFor, sighting.isForTool)
      if isForTool { workedAt = sighting.at }
      settle(.needsYou, Self.list, sighting.at)
    }
  }

  /// The agent is no longer in its list: it ends, or somebody removed the file.
  package mutating func vanish(now: Moment) { rest(from: now, .unknown, "process") }

  private static let list = "sessions file"

  private mutating func started(_ start: HookReport.Start, _ at: Moment) {
    startedAt = max(startedAt ?? 0, at)
    switch start {
    case .clear: if at >= since { rest(from: at, .idle, "hook SessionStart") }
    // Whether a prompt came along is not known from this; what the list said is, and stays.
    case .startup, .resume, .fork: if activity == .unknown { source = "hook SessionStart" }
    case .compact: break
    }
  }

  private mutating func tell(_ line: String?, _ at: Moment) {
    guard let line, at >= toldAt else { return }
    (doing, toldAt) = (line, at)
  }

  private static func add(_ request: PermissionRequest, to list: inout [PermissionRequest]) {
    list.append(cut(request))
    list.removeFirst(max(0, list.count - mostTools))
  }

  private mutating func forget(_ tool: String, _ id: String?) {
    let input = begun.first { $0.id == id }?.input
    begun.removeAll { $0.id == id }
    // A request bears no id of its tool: the same tool with the same input is the one.
    let index = asked.firstIndex { $0.tool == tool && (input == nil || $0.input == input) }
    if let index { asked.remove(at: index) }
  }

  /// A boundary: nothing that was begun or asked before it matters.
  private mutating func rest(from at: Moment, _ activity: Activity, _ source: String) {
    (asked, begun, waitingFor, isForTool) = ([], [], nil, false)
    restedAt = max(restedAt, at)
    settle(activity, source, at)
  }

  private mutating func settle(_ activity: Activity, _ source: String, _ at: Moment) {
    (self.activity, self.source, since) = (activity, source, at)
    switch activity {
    case .idle: idleAt = at
    case .working: workedAt = at
    case .needsYou, .unknown: break
    }
  }

  /// This is written with every change: a file that is to be written need not be in it whole.
  private static func cut(_ request: PermissionRequest) -> PermissionRequest {
    var request = request
    request.input = cut(request.input)
    return request
  }

  private static func cut(_ value: JSON) -> JSON {
    switch value {
    case .string(let text):
      text.utf8.count > longestText ? .string(String(text.prefix(longestText)) + "…") : value
    case .array(let values): .array(values.prefix(mostTools).map(cut))
    case .object(let fields): .object(fields.mapValues(cut))
    case .null, .bool, .integer, .number: value
    }
  }
}
