import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire

// A new daemon finds what the last one left: every run that was recorded as open either has a keeper, which is adopted,
// or left an ending on disk, which is kept, or is lost. Nothing is ever started again by itself.

extension Coordinator {
  package func adopt() throws {
    for run in try store.loadLatestRuns() {
      guard run.phase == .starting || run.phase == .running else {
        dismissKeeper(run)
        continue
      }
      guard let session = sessions[run.session], session.run == run.number else { continue }
      let inputs = try store.loadInputs(of: session.id, finished: false)
      let waiting = inputs.filter { $0.kind == .prompt }.map(\.promptID)
      let liveRun = try LiveRun(
        run: run,
        turn: TurnState(
          since: run.isTerminal ? run.startedAt : now, continuing: run.continuing, waiting: waiting,
          isTerminal: run.isTerminal, isSpoken: run.isSpoken),
        greeting: run.isSpoken ? [] : ClaudeAgent.greeting, inputs: inputs, store: store, log: log, hooks: hooks())
      live[session.id] = liveRun
      hearSpooled(liveRun)
      if run.isOfAnotherBoot(than: boot) {
        log.warning("session \(session.id) \(session.name): the machine was started again since run \(run.number)")
        keeperGone(liveRun)
      } else if liveRun.attach() {
        log.info("session \(session.id) \(session.name): adopted, run \(run.number)")
        expectClient(liveRun)
        try liveRun.advance([liveRun.event(.adopted)])
      } else {
        log.warning("session \(session.id) \(session.name): no keeper answers for run \(run.number)")
        awaitKeeper(liveRun, tries: 20)
      }
    }
    tieAll()
    for session in sessions.values where session.state.isLive && live[session.id] == nil {
      if session.state == .queued { continue }
      if let mark = session.watched {
        watch(session.id, mark)
        continue
      }
      // Recorded, and its run never was: the daemon ended in between.
      try update(session.id) { session in
        session.state = .ended
        session.interrupted = session.prompted
      }
      log.warning("session \(session.id) \(session.name): its start was never completed")
    }
    try beginLocks()
    try beginNotices()
    try beginDeployments()
    for session in sessions.values where session.state.isLive && session.state != .queued { joinTogether(session.id) }
    try beginSessionsFiles()
    serveQueue()
    watchLimits()
    registerPorts()
    mending = LoopActor.begin { [self] in
      await clearScratch()
      _ = await mendUndertakings()
    }
  }

  /// The last daemon kept the run's ending and ended before it told the keeper, which waits to be told.
  private func dismissKeeper(_ run: Run) {
    guard let link = KeeperLink.connect(socket: run.socket) else { return }
    log.info("session \(run.session): the keeper of run \(run.number) may go")
    link.onGone = { link.close() }
    link.send(.hello(version: KeeperProtocol.version))
    link.send(.acknowledgeEnding)
  }

  /// A keeper that was just being started when the last daemon ended may still come up.
  private func awaitKeeper(_ run: LiveRun, tries: Int) {
    guard live[run.session] === run, !run.isOver else { return }
    if run.attach() { return log.info("session \(run.session): adopted, run \(run.run.number)") }
    let mark = "APUS_KEEPS=" + run.run.directory
    LoopActor.begin { [self] in
      let isStarting = await Offload.run { !Processes.carrying(mark).isEmpty }
      guard isStarting, tries > 0 else { return keeperGone(run) }
      await pause(milliseconds: 100)
      awaitKeeper(run, tries: tries - 1)
    }
  }
}
