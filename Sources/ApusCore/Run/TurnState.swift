/// What a session does, as people see it.
package enum Activity: String, Codable, Sendable {
  case working, idle
  case needsYou = "needs-you"
  case unknown
}

/// The turn of a run: what was asked, what is under way, what is waited for. Pure; its owner keeps it beside the
/// place in the recording up to which it has seen, so that it can be rebuilt exactly.
///
/// From the acceptance of a prompt until the agent is done with it, the session works: `idle` never shows in between,
/// whatever the agent says of itself meanwhile.
package struct TurnState: Codable, Equatable, Sendable {
  private static let longestKept = 4096

  /// The agent answered its greeting.
  package private(set) var isReady = false
  package private(set) var mode = AgentMode.unknown
  /// Prompts accepted and not done with, in order.
  package private(set) var open: [String] = []
  /// Those of them the agent has taken up.
  package private(set) var started: [String] = []
  /// A turn cut off in an earlier run is being taken up again and has not ended yet.
  package private(set) var continuing = false
  package private(set) var pending: [PermissionRequest] = []
  /// Done with, says the agent, while it goes on with the turn that took them in: what came of them is known at its end.
  private var takenIn: [String]?
  /// Prompts of a turn that we ourselves cut off by ending the run: it is taken up again, unlike a turn that a person
  /// interrupted. Nil when there is none.
  package private(set) var cut: [String]?
  /// How the last turn ended, its text cut: this is written again with every change of the turn.
  package private(set) var lastResult: TurnResult?
  /// What the agent last said or did, in one line.
  package private(set) var doing: String?
  /// When the activity last changed or was confirmed, and by what.
  package private(set) var source = "process"
  package private(set) var since: Moment
  /// The moment of its last word when it was found to have been silent for too long; any later word undoes it.
  package private(set) var stalledSince: Moment?
  /// Of an agent in a terminal of its own: what is known of it from outside. Nil where its stream tells.
  package private(set) var terminal: TerminalActivity?
  /// A client speaks with the agent: turns begin and permissions are given without our hearing of it but from the agent.
  private var isSpoken: Bool?
  /// The agent says itself when it works and when it rests; nil: not yet, as far as is known.
  private var tellsMode: Bool?

  /// `carried`: prompts of the turn that is taken up again; `waiting`: prompts to be sent after it.
  package init(
    since: Moment, continuing: Bool = false, carried: [String] = [], waiting: [String] = [], isTerminal: Bool = false,
    isSpoken: Bool = false
  ) {
    self.since = since
    if isSpoken { self.isSpoken = true }
    if isTerminal { terminal = TerminalActivity(since: since) }
    self.continuing = continuing
    open = carried + waiting
    started = carried
  }

  /// The agent is ready, was to take up a turn again, and has not begun to by itself.
  package var mustBeToldToContinue: Bool { isReady && continuing && mode != .running && mode != .waiting }

  /// A prompt that was accepted here is done with, and the agent has come to rest or is at another.
  package func isFinished(_ prompt: String) -> Bool {
    guard !open.contains(prompt), !continuing, takenIn?.contains(prompt) != true else { return false }
    return !open.isEmpty || mode == .idle || terminal != nil
  }

  package var activity: Activity {
    if isStalled { return .needsYou }
    if let terminal { return terminal.activity }
    if !pending.isEmpty { return .needsYou }
    if isAtWork { return .working }
    return isReady ? .idle : .unknown
  }

  private var isAtWork: Bool {
    if let terminal { return terminal.activity == .working }
    return !open.isEmpty || continuing || mode == .running || mode == .waiting
  }

  /// At work, and silent for longer than it should be.
  package var isStalled: Bool { pending.isEmpty && isAtWork && stalledSince == since }

  package mutating func stall() { if isAtWork { stalledSince = since } }

  /// Whether ending now would cut a turn off.
  package var isMidTurn: Bool { activity == .working || activity == .needsYou }

  /// Whether a further prompt may be sent: a turn that is taken up again comes first, alone.
  package var takesPrompts: Bool { (isReady || isSpoken == true) && !continuing }

  package mutating func acceptPrompt(_ id: String, now: Moment) {
    guard !open.contains(id) else { return }
    open.append(id)
    note("prompt", now)
  }

  /// The run is about to be ended; a turn that is under way will be interrupted for that.
  package mutating func stop() {
    if isMidTurn { cut = started }
  }

  package mutating func answerPermission(_ id: String, now: Moment) {
    pending.removeAll { $0.id == id }
    note("answer", now)
  }

  /// The event as it is to be told: a turn that was taken up again answers the prompts it was cut off in, also where
  /// the agent names only the word that told it to go on.
  package func completed(_ event: AgentEvent) -> AgentEvent {
    guard continuing, case .turnEnded(var result) = event else { return event }
    result.prompts = started + result.prompts.filter { !started.contains($0) }
    return .turnEnded(result)
  }

  package mutating func handle(_ event: AgentEvent, now: Moment) {
    switch event {
    case .ready:
      isReady = true
      if mode == .unknown { mode = .idle }
      note("stream", now)
    case .modeChanged(let new):
      mode = new
      tellsMode = true
      if isSpoken == true, new == .running { pending = [] }
      if new == .idle, !continuing {
        // What the agent took up and is idle after is over, also where it did not say so.
        open.removeAll { started.contains($0) }
        started = []
        takenIn = nil
        pending = []
      }
      note("stream", now)
    case .turnBegan:
      if isSpoken == true {
        isReady = true
        if tellsMode != true { mode = .running }
      }
      note("stream", now)
    case .promptStarted(let id):
      if open.contains(id), !started.contains(id) { started.append(id) }
      note("stream", now)
    case .promptFinished(let id, let withdrawn):
      // Taken back because we end the run, not because anybody thought better of it: it is still to be answered.
      if !withdrawn || cut.map({ $0.contains(id) }) ?? true { open.removeAll { $0 == id } }
      started.removeAll { $0 == id }
      if !withdrawn, !started.isEmpty { takenIn = (takenIn ?? []) + [id] }
      note("stream", now)
    case .said(let utterance):
      if let line = utterance.brief { doing = line }
      // A tool that answers was allowed, or denied.
      if isSpoken == true, tellsMode != true, utterance.isError != nil { pending = [] }
      note("stream", now)
    case .saying: note("stream", now)
    case .unreadable: since = now
    case .permissionAsked(let request):
      if !pending.contains(where: { $0.id == request.id }) { pending.append(request) }
      note("stream", now)
    case .permissionWithdrawn(let id):
      pending.removeAll { $0.id == id }
      note("stream", now)
    case .turnEnded(let result):
      lastResult = result
      lastResult?.text = String(result.text.prefix(Self.longestKept))
      if result.failure?.code != .turnInterrupted { cut = nil }
      let done = continuing ? result.prompts + started : result.prompts
      open.removeAll { done.contains($0) }
      started.removeAll { done.contains($0) }
      continuing = false
      takenIn = nil
      pending = []
      if isSpoken == true, tellsMode != true { mode = .idle }
      note("stream", now)
    case .retrying: note("stream", now)
    }
  }

  // MARK: an agent in a terminal

  package func hasHeard(_ report: String) -> Bool { terminal?.hasHeard(report) ?? true }

  /// Whether what the list says is newer than what is known.
  package func isNews(_ sighting: Sighting) -> Bool { terminal.map { sighting.at > $0.since } ?? false }

  /// Takes in what a hook of an agent in a terminal said. `id` tells the report from every other, `prompt` is the id
  /// of what was asked, where something was.
  package mutating func hear(_ report: HookReport, id: String, at: Moment, prompt: String) {
    guard terminal?.hasHeard(id) == false else { return }
    let result = result(of: report, at: at)
    terminal?.hear(report, id: id, at: at)
    isReady = true
    if case .prompted = report.fact, terminal?.hasEnded(since: at) == false {
      if !open.contains(prompt) { open.append(prompt) }
      if !started.contains(prompt) { started.append(prompt) }
      terminal?.began(prompt, at: at)
    }
    if let result { close(result) }
    followTerminal()
  }

  /// Takes in what an agent's own list of processes says of an agent in a terminal.
  package mutating func see(_ sighting: Sighting) {
    terminal?.see(sighting)
    isReady = isReady || sighting.mode != .unknown
    followTerminal()
  }

  /// An agent in a terminal is no longer in its own list.
  package mutating func vanish(now: Moment) {
    terminal?.vanish(now: now)
    followTerminal()
  }

  /// How the turn ended that this report ends; nil where it ends none. What was asked after it was made is another's.
  package func result(of report: HookReport, at: Moment) -> TurnResult? {
    let prompts = started.filter { terminal?.wasAsked($0, by: at) ?? true }
    switch report.fact {
    case .turnEnded(let text, _):
      return TurnResult(text: text ?? "", prompts: prompts, failure: nil, cost: nil, tokens: Tokens())
    case .turnFailed(let failure):
      return TurnResult(text: "", prompts: prompts, failure: failure, cost: nil, tokens: Tokens())
    case .started, .prompted, .wentOn, .toolBegan, .permissionAsked, .toolEnded, .ended, .notified: return nil
    }
  }

  /// The agent in the terminal has come to rest and never said how its turn ended: somebody interrupted it.
  package var isLeft: Bool { terminal?.hasRested == true && started.contains { terminal?.restedAfter($0) == true } }

  /// Closes a turn that was left, or that another conversation took the place of.
  package mutating func leave(_ result: TurnResult) { close(result) }

  private mutating func close(_ result: TurnResult) {
    lastResult = result
    lastResult?.text = String(result.text.prefix(Self.longestKept))
    if result.failure?.code != .turnInterrupted { cut = nil }
    open.removeAll { result.prompts.contains($0) }
    started.removeAll { result.prompts.contains($0) }
    terminal?.finish(result.prompts)
    continuing = false
  }

  private mutating func followTerminal() {
    guard let terminal else { return }
    (pending, doing, source, since) = (terminal.needs, terminal.doing, terminal.source, terminal.since)
  }

  private mutating func note(_ source: String, _ now: Moment) {
    self.source = source
    since = now
  }
}
