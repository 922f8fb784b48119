import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// What the daemon does about what its runs do: the session's record follows the run, endings are kept, and a keeper
// that vanished is told from one whose run ended.

extension Coordinator {
  /// The agent said something that is kept by now.
  func follow(_ run: LiveRun, _ events: [AgentEvent]) {
    let id = run.session
    do {
      for event in events { try follow(run, event) }
    } catch { log.error("session \(id): \(error)") }
    if events.isEmpty || !events.allSatisfy(\.isPassing) { changes.announce(id) }
  }

  private func follow(_ run: LiveRun, _ event: AgentEvent) throws {
    let id = run.session
    switch event {
    case .ready(let version):
      run.markRunning()
      try store.transaction {
        try store.save(run.run)
        try update(id) { session in
          if session.state == .starting { session.state = .running }
          session.agentVersion = version ?? session.agentVersion
          // A turn that is taken up again may be over before the greeting is answered.
          session.problem = run.turn.cut == nil ? run.turn.lastResult?.failure : nil
        }
      }
      serveQueue()
      wakeIfTold(id)
      log.info(
        "session \(id): established, run \(run.run.number), agent \(run.run.agent.map { "\($0.pid)" } ?? "?") \(version ?? "")"
      )
    case .turnBegan(let conversation, let model):
      if run.run.isSpoken {
        // What its client says to it we do not hear.
        try move(run, to: conversation, because: "stream")
        try update(id) { $0.prompted = true }
      } else if conversation != sessions[id]?.conversationID {
        log.error("session \(id): the agent speaks of conversation \(conversation), not of ours")
      }
      try update(id) { session in session.model = model ?? session.model }
    case .said(let utterance): if utterance.role == .assistant { sayings.end(id) }
    case .saying(let text, let begins): sayings.add(text, begins: begins, to: id)
    case .turnEnded(let result):
      sayings.end(id)
      // A turn that we cut off ourselves did not fail.
      let failure = run.turn.cut == nil ? result.failure : nil
      try update(id) { session in
        session.lastActive = now
        if let cost = result.cost { session.cost = max(session.cost, cost) }
        if result.tokens != Tokens() { session.tokens = result.tokens }
        session.problem = failure
      }
      if let failure {
        log.warning("session \(id): turn failed: \(failure.code.rawValue): \(failure.summary)")
      }
      noteTranscript(id)
      // An interrupted turn ends no tool of its own.
      endGuards(of: id, background: false)
      editEnded(nil, of: id)
      wakeIfTold(id)
    case .permissionAsked, .promptFinished: try update(id) { $0.lastActive = now }
    case .unreadable(let offset): log.warning("session \(id): unreadable line at \(offset) of run \(run.run.number)")
    case .retrying(let failure): log.warning("session \(id): \(failure.summary)")
    // What was left while it was not known whether it works (a new daemon's first moments), or before its turn was over.
    case .modeChanged(.idle): wakeIfTold(id)
    case .modeChanged, .promptStarted, .permissionWithdrawn: break
    }
  }

  /// Remembers how large the transcript is: a smaller one later has lost something.
  func noteTranscript(_ id: String) {
    guard let session = sessions[id] else { return }
    let query = query(session)
    LoopActor.begin { [self] in
      let verdict = await verdicts.evaluate([query])[0]
      guard let bytes = verdict.bytes else { return }
      do {
        try update(id) { session in
          session.transcriptSeen = true
          session.transcriptBytes = max(session.transcriptBytes, bytes)
        }
      } catch { log.error("session \(id): \(error)") }
    }
  }

  /// The run is over and its keeper says how.
  func finish(_ run: LiveRun, _ kept: KeptEnding) {
    let errors = Files.load(run.run.directory + "/" + RunFile.errors)
    let text = String(decoding: (errors ?? []).suffix(4096), as: UTF8.self)
    let ending: Ending
    var problem: Failure?
    switch kept {
    case .exit(let code): ending = .exit(Int(code))
    case .signal(let number): ending = .signal(Int(number))
    case .neverStarted(let code):
      ending = .exit(127)
      problem = Failure(
        .agentMissing,
        "the agent could not be started in \(sessions[run.session]?.directory ?? "?"): \(String(cString: apus_error_text(code)))",
        hint: "are the directory and the claude program there? `apus show` names both")
    }
    problem = problem ?? run.endsBecause
    // A person sits at a terminal and saw what the agent said of its end.
    if problem == nil, !run.isStopping, !run.run.isTerminal {
      problem = run.turn.isReady ? nil : run.turn.lastResult?.failure
      problem = problem ?? ClaudeAgent.failure(of: ending, errors: text)
    }
    close(run, phase: .ended, state: .ended, ending: ending, problem: problem)
    log.info("session \(run.session): run \(run.run.number) ended, \(ending)")
  }

  /// A run that could not be started, or cannot be followed.
  func fail(_ run: LiveRun, _ problem: Failure) {
    log.error("session \(run.session): run \(run.run.number) failed: \(problem.summary)")
    close(run, phase: .ended, state: .ended, ending: nil, problem: problem)
  }

  /// Keeps that a run is over; then, and only then, the keeper may forget it.
  private func close(_ run: LiveRun, phase: Run.Phase, state: SessionState, ending: Ending?, problem: Failure?) {
    let id = run.session
    let cut = run.turn.isMidTurn || run.turn.cut != nil
    sayings.end(id)
    run.mark(phase, ending: ending)
    do {
      var detail: [String: JSON] = ["interrupted": .bool(cut)]
      switch ending {
      case .exit(let code): detail["exit"] = .integer(Int64(code))
      case .signal(let number): detail["signal"] = .integer(Int64(number))
      case nil: break
      }
      if !run.isEndingTold {
        try run.advance([run.event(phase == .lost ? .runLost : .runEnded, .object(detail))])
        run.isEndingTold = true
      }
      try store.transaction {
        try store.save(run.run)
        _ = try store.decide(
          .release(token: run.run.leaseToken), name: sessions[id].map(Self.leaseName) ?? "", now: now)
        try update(id) { session in
          session.state = state
          session.ending = ending
          session.interrupted = cut
          session.lastActive = now
          if let problem { session.problem = problem }
          if Self.neverBegan(session, run) { (session.state, session.archivedAt) = (.archived, now) }
        }
      }
      run.acknowledgeEnding()
      let temporary = places.temporaryDirectory(session: id, run: run.run.number)
      LoopActor.begin { await Offload.run { Files.removeTree(temporary) } }
      if live[id] === run { live[id] = nil }
      stopHearing(run)
      leaveTogether(id, phase == .lost ? "its run was lost" : "its run ended")
      keepToQuota()
      serveQueue()
    } catch {
      // Not kept (a full disk): the keeper keeps it, and it is tried again.
      log.error("session \(id): its ending is not kept yet: \(error)")
      run.isHeldUp(by: error)
      Timers.shared.after(1000) { [weak self] in
        guard let self, live[id] === run else { return }
        close(run, phase: phase, state: state, ending: ending, problem: problem)
      }
    }
    changes.announce(id)
  }

  /// A person's own `claude` that refused its flags: nothing came of it that anybody would look for in a list.
  private static func neverBegan(_ session: Session, _ run: LiveRun) -> Bool {
    guard session.spec.arguments != nil, session.run == 1,
      run.turn.terminal?.hasBegun ?? (!run.run.isSpoken || run.turn.isReady) == false,
      case .exit(let code)? = session.ending
    else { return false }
    return code != 0
  }

  /// The connection to a keeper broke. What is on disk and who is alive says why.
  func keeperGone(_ run: LiveRun) {
    guard live[run.session] === run, !run.isOver else { return }
    if let bytes = Files.load(run.run.directory + "/" + RunFile.ending), let note = try? EndingNote(bytes) {
      run.readRest()
      return finish(run, note.ending)
    }
    if run.run.isOfAnotherBoot(than: boot) {
      // Whoever has its pids now is somebody else, and nothing of it can be left.
      return conclude(run)
    }
    if let keeper = run.run.keeper ?? card(run)?.keeper, Processes.isAlive(keeper) {
      // Alive and not answering for a moment: indeterminate means alive.
      Timers.shared.after(200) { [weak self] in
        guard let self, live[run.session] === run, !run.isOver, !run.isAttached else { return }
        if !run.attach() { keeperGone(run) }
      }
      return
    }
    LoopActor.begin { [self] in await lose(run) }
  }

  private func card(_ run: LiveRun) -> (keeper: ProcessMark, agent: ProcessMark)? {
    guard let bytes = Files.load(run.run.directory + "/" + RunFile.keeper), let card = try? KeeperCard(bytes) else {
      return nil
    }
    return (
      ProcessMark(pid: card.keeper, start: card.keeperStart), ProcessMark(pid: card.agent, start: card.agentStart)
    )
  }

  /// The keeper vanished and nobody saw the run's ending: what is left of the run is ended, then it is told.
  private func lose(_ run: LiveRun) async {
    log.warning("session \(run.session): the keeper of run \(run.run.number) vanished")
    let agent = run.run.agent ?? card(run)?.agent
    await endTree(session: run.session, run: run.run.number, agent: agent)
    guard live[run.session] === run else { return }
    conclude(run)
  }

  /// Nothing of the run lives, and nobody saw it end.
  private func conclude(_ run: LiveRun) {
    run.readRest()
    close(run, phase: .lost, state: .lost, ending: nil, problem: nil)
    Files.remove(run.run.socket)
    log.warning("session \(run.session): run \(run.run.number) is lost; nothing of it is left")
  }

  /// Ends whatever still lives of a run, found by the mark in its environment and, where it had one, by its control
  /// group: first politely, so that the agent writes down its conversation, then for good.
  func endTree(session: String, run: Int, agent: ProcessMark?) async {
    let cookie = places.cookie(session: session, run: run)
    let directory = places.runDirectory(session: session, run: run)
    let since = apus_monotonic_milliseconds()
    var asked: Set<ProcessMark> = []
    while true {
      var members = await Offload.run { () -> [ProcessMark] in
        let marked = Processes.carrying(cookie)
        return marked + ControlGroup.members(of: directory).filter { !marked.contains($0) }
      }
      if let agent, Processes.isAlive(agent), !members.contains(agent) { members.append(agent) }
      if members.isEmpty { return ControlGroup.remove(of: directory) }
      let elapsed = apus_monotonic_milliseconds() - since
      if elapsed < 1200, let agent, members.contains(agent) {
        if asked.insert(agent).inserted { Processes.signal(agent, 15) }
      } else {
        for member in members { Processes.signal(member, 19) }
        for member in members { Processes.signal(member, 9) }
      }
      await pause(milliseconds: 20)
    }
  }
}
