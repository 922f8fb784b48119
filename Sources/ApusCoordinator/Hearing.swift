import ApusAgents
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem
import Glibc

// What hooks report, and what Claude Code's own list says. For a run in a terminal these are all there is: its turn, its
// events and its conversation follow them. For a headless run the stream says the same and more, and they change nothing.

extension Coordinator {
  private static let settleMilliseconds = 2000
  private static let lookMilliseconds = 2000
  private static let againMilliseconds = 100

  // MARK: hooks

  /// Takes in what a hook of a living run says; the answer is what its agent is to be told. Throws where the run is
  /// over: then the report is of no use to anybody any more.
  package func hear(_ request: HookRequest, _ caller: Caller) async throws -> HookAnswer {
    if request.run.isEmpty { return try await hearForeign(request, caller) }
    guard let run = live.values.first(where: { $0.run.directory == request.run }), !run.isOver else {
      throw Failure(.sessionNotRunning, "the run at \(SessionName.printable(request.run)) is over")
    }
    hearSpooled(run)
    try take(request, run)
    guard let json = try? JSONText.decode(JSON.self, from: request.report), let report = ClaudeHooks.read(json),
      let session = sessions[run.session]
    else { return .nothing }
    return await answer(report, of: session, caller)
  }

  /// What hooks of the run wrote down where no daemon heard them in time. The file is taken away first, so that who
  /// writes meanwhile begins another.
  func hearSpooled(_ run: LiveRun) {
    let path = run.run.directory + "/" + RunFile.hooks
    let taken = path + RunFile.takenSuffix
    repeat {
      guard hearLines(of: taken, run) else {
        Timers.shared.after(Self.againMilliseconds) { [weak self] in
          guard let self, live[run.session] === run, !run.isOver else { return }
          hearSpooled(run)
        }
        return
      }
    } while Glibc.rename(path, taken) == 0
  }

  /// False where they cannot be heard at the moment.
  private func hearLines(of path: String, _ run: LiveRun) -> Bool {
    let descriptor = apus_open(path, O_RDWR | O_NOFOLLOW, 0)
    guard descriptor >= 0 else { return true }
    defer { close(descriptor) }
    // A hook that began before the file was taken away may still be writing.
    guard apus_lock_file(descriptor) == 0, let bytes = Files.load(path) else { return false }
    var spoiled = 0
    for line in bytes.split(separator: 10) {
      guard let request = HookRequest(line: line, run: run.run.directory) else {
        spoiled += 1
        continue
      }
      do {
        try take(request, run)
        missed(request, run)
      } catch {
        // Not kept (a full disk): the lines stay, and what was kept of them is known again by its id.
        log.error("run \(run.run.holder): \(error)")
        return false
      }
    }
    if spoiled > 0 { log.warning("run \(run.run.holder): \(spoiled) unreadable lines among its hooks' reports") }
    unlink(path)
    return true
  }

  /// Hears of reports as they are written there: a hook leaves them also where we were too busy to answer in time.
  private func watchSpool(_ run: LiveRun) {
    guard spools[run.session] == nil else { return }
    spools[run.session] = -1
    LoopActor.begin { [self] in
      let number = await directories.add(run.run.directory) { [weak self, weak run] change in
        guard let self, let run, live[run.session] === run, !run.isOver else { return }
        switch change {
        case .written(RunFile.hooks), .lost: hearSpooled(run)
        case .written, .removed, .gone: break
        }
      }
      guard live[run.session] === run else {
        if let number { directories.remove(number) }
        return
      }
      spools[run.session] = number
      hearSpooled(run)
    }
  }

  /// The run is over: nothing is to be heard of it any more.
  func stopHearing(_ run: LiveRun) {
    registries.leave(run.session)
    if let number = spools.removeValue(forKey: run.session) { directories.remove(number) }
  }

  private func take(_ request: HookRequest, _ run: LiveRun) throws {
    guard run.run.isTerminal else { return }
    guard let json = try? JSONText.decode(JSON.self, from: request.report) else {
      return log.warning("run \(run.run.holder): a hook said what is no JSON (\(request.report.count) bytes)")
    }
    guard let report = ClaudeHooks.read(json), !run.turn.hasHeard(request.id) else { return }
    try take(report, id: request.id, at: request.at, run)
    // By now Claude Code has made its directory, if it had none.
    observe(run)
  }

  /// Keeps what the report means, in one step, and does what follows from it.
  private func take(_ report: HookReport, id: String, at: Moment, _ run: LiveRun) throws {
    switch report.fact {
    case .started(let start): try move(run, to: report.conversationID, because: start.rawValue)
    case .prompted: if run.turn.isLeft { try closeLeft(run) }
    case .ended: try closeLeft(run)
    case .wentOn, .toolBegan, .permissionAsked, .toolEnded, .turnEnded, .turnFailed, .notified: break
    }
    var prompt = RandomID.conversation()
    var events: [Event] = []
    if case .prompted(let text) = report.fact {
      if let ours = run.promptNotTakenUp(text) {
        prompt = ours
      } else {
        events.append(run.event(.promptAccepted, .object(["id": .string(prompt), "text": .string(text)])))
      }
    }
    let said = agentEvents(report, at: at, prompt: prompt, run.turn)
    events += said.compactMap { EventText.event(of: $0) }.map { run.event($0.kind, $0.detail) }
    try run.advance(events) { $0.hear(report, id: id, at: at, prompt: prompt) }
    if case .prompted = report.fact {
      try update(run.session) { session in
        session.prompted = true
        session.lastActive = now
      }
    }
    run.settle(said)
    follow(run, said)
    closeIfLeft(run)
  }

  /// The same in the words a stream would have used, so that everything else need not know the difference.
  private func agentEvents(
    _ report: HookReport, at: Moment, prompt: String, _ turn: TurnState
  ) -> [AgentEvent] {
    var said: [AgentEvent] = turn.isReady ? [] : [.ready(version: nil)]
    switch report.fact {
    case .prompted: said.append(.promptStarted(id: prompt))
    case .toolBegan(let tool, let input, let id):
      said.append(.said(Utterance(role: .tool, text: (try? JSONText.string(input)) ?? "", id: id, tool: tool)))
    case .permissionAsked(let request): said.append(.permissionAsked(request))
    case .turnEnded(let text, _):
      if let text, !text.isEmpty { said.append(.said(Utterance(role: .assistant, text: text))) }
    case .started, .wentOn, .toolEnded, .turnFailed, .ended, .notified: break
    }
    if let result = turn.result(of: report, at: at) { said.append(.turnEnded(result)) }
    return said
  }

  // MARK: the list

  /// Begins to follow what Claude Code's own list says of a run in a terminal.
  func observe(_ run: LiveRun) {
    guard run.run.isTerminal, !run.isOver, let session = sessions[run.session] else { return }
    watchSpool(run)
    registries.written = { [unowned self] configuration, process in
      for run in runs(configuration, process) { look(run) }
    }
    registries.removed = { [unowned self] configuration, process in
      for run in runs(configuration, process) { vanish(run) }
    }
    registries.follow(
      run.session, configuration: ClaudeEnvironment.configurationDirectory(session.spec.environment))
  }

  /// The runs in terminals under that configuration; with `process` the one whose agent that is.
  private func runs(_ configuration: String, _ process: Int32?) -> [LiveRun] {
    live.values.filter { run in
      guard run.run.isTerminal, !run.isOver, let session = sessions[run.session] else { return false }
      return (process == nil || run.run.agent?.pid == process)
        && ClaudeEnvironment.configurationDirectory(session.spec.environment) == configuration
    }
  }

  /// Reads what the list says of the run's agent now.
  func look(_ run: LiveRun) {
    guard run.run.isTerminal, let agent = run.run.agent, let session = sessions[run.session] else { return }
    let configuration = ClaudeEnvironment.configurationDirectory(session.spec.environment)
    LoopActor.begin { [self] in
      // A list that cannot be read in time says nothing, and one that is just being written says it in a moment.
      let found = await Offload.run(withinMilliseconds: Self.lookMilliseconds) {
        ClaudeRegistry.find(agent, configuration: configuration)
      }
      guard let entry = found ?? nil, live[run.session] === run, !run.isOver else { return }
      do { try took(entry, run) } catch { log.error("run \(run.run.holder): \(error)") }
    }
  }

  private func vanish(_ run: LiveRun) {
    do { try run.advance([]) { $0.vanish(now: now) } } catch { log.error("run \(run.run.holder): \(error)") }
    changes.announce(run.session)
  }

  private func took(_ entry: ClaudeRegistry.Entry, _ run: LiveRun) throws {
    // An older entry may still name the conversation before.
    if let updatedAt = entry.updatedAt, updatedAt > run.turn.terminal?.startedAt ?? 0 {
      try move(run, to: entry.conversationID.lowercased(), because: "sessions file")
    }
    guard let sighting = entry.sighting, run.turn.isNews(sighting) else { return }
    let said: [AgentEvent] = run.turn.isReady || sighting.mode == .unknown ? [] : [.ready(version: nil)]
    let events = said.compactMap { EventText.event(of: $0) }.map { run.event($0.kind, $0.detail) }
    try run.advance(events) { $0.see(sighting) }
    // Where hooks are shut off nothing else says that there is a conversation.
    if sighting.mode == .running { try update(run.session) { $0.prompted = true } }
    follow(run, said)
    closeIfLeft(run)
  }

  /// The hook that tells of an orderly end may still be on its way.
  private func closeIfLeft(_ run: LiveRun) {
    guard run.turn.isLeft else { return }
    Timers.shared.after(Self.settleMilliseconds) { [weak self] in
      guard let self, live[run.session] === run, !run.isOver else { return }
      do { try closeLeft(run) } catch { log.error("run \(run.run.holder): \(error)") }
    }
  }

  /// A turn whose end nobody reported, and which is over: it was interrupted.
  private func closeLeft(_ run: LiveRun) throws {
    guard run.turn.isLeft else { return }
    let result = TurnResult(
      text: "", prompts: run.turn.started,
      failure: Failure(.turnInterrupted, "the turn was interrupted", hint: "send another message to go on"), cost: nil,
      tokens: Tokens())
    let told = EventText.event(of: .turnEnded(result)).map { [run.event($0.kind, $0.detail)] } ?? []
    try run.advance(told) { $0.leave(result) }
    run.settle([.turnEnded(result)])
    follow(run, [.turnEnded(result)])
  }

  // MARK: the conversation

  /// The agent is at another conversation than the session's (`/clear`, `--continue`, one picked from a list): the
  /// session goes with it, and so does the right to write it.
  func move(_ run: LiveRun, to conversation: String, because why: String) throws {
    guard let session = sessions[run.session], session.conversationID != conversation else { return }
    var moved = session
    moved.conversationID = conversation
    moved.prompted = why == HookReport.Start.resume.rawValue || why == HookReport.Start.fork.rawValue
    (moved.transcriptSeen, moved.transcriptBytes) = (false, 0)
    var token: Int64 = 0
    try store.transaction {
      _ = try store.decide(.release(token: run.run.leaseToken), name: Self.leaseName(session), now: now)
      let decision = try store.decide(
        .take(holder: run.run.holder, seconds: nil, deadHolder: nil), name: Self.leaseName(moved), now: now)
      switch decision {
      case .granted(let lease): token = lease.token
      case .refused(let other):
        // A person chose what another run of ours has; that cannot be undone from here, only told.
        log.error("session \(session.id): its agent took up conversation \(conversation), held by run \(other.holder)")
      case .released, .stale: break
      }
      var kept = run.run
      kept.leaseToken = token
      try store.save(kept)
      try store.save(moved)
    }
    run.hold(token: token)
    sessions[session.id] = moved
    log.info("session \(session.id): goes on in conversation \(conversation), \(why)")
    try run.advance([
      run.event(
        .conversationChanged,
        .object(["from": .string(session.conversationID), "to": .string(conversation), "by": .string(why)]))
    ])
    changes.announce(session.id)
  }
}
