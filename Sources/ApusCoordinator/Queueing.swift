import ApusAgents
import ApusCore
import ApusLoop
import ApusWire

// The queue: what may not run yet for a limit's sake waits in the store, first come first served, and starts by itself
// when there is room, also after a new daemon came. Its prompt waits as an input.

extension Coordinator {
  /// Those that wait, in order; what is just being started has a place already.
  var queue: [String] {
    sessions.values.filter { $0.state == .queued && !limits.admitted.contains($0.id) }
      .sorted { ($0.queued?.ticket ?? 0, $0.id) < ($1.queued?.ticket ?? 0, $1.id) }.map(\.id)
  }

  /// Where each of them stands.
  func queuePlaces() -> [String: QueuePlace] {
    let waiting = queue
    guard !waiting.isEmpty else { return [:] }
    var places: [String: QueuePlace] = [:]
    for (index, id) in waiting.enumerated() { places[id] = QueuePlace(place: index + 1, reason: "its turn has come") }
    for decision in settingsSource.limits.decide(runs: runViews(), queue: waiting, now: now) {
      if case .wait(let id, let place, let reason) = decision { places[id] = QueuePlace(place: place, reason: reason) }
    }
    return places
  }

  /// Gives the session a place to run, to be given back with `leaveSlot`; false when it has to wait for one.
  func takeSlot(_ id: String) async -> Bool {
    let inForce = settingsSource.limits
    guard inForce.sessions != nil || inForce.totalMemory != nil || !queue.isEmpty else {
      limits.admitted.insert(id)
      return true
    }
    if inForce.totalMemory != nil { await sampleMemory() }
    let decisions = inForce.decide(runs: runViews(), queue: queue.filter { $0 != id } + [id], now: now)
    guard decisions.contains(.start(id)) else { return false }
    limits.admitted.insert(id)
    return true
  }

  /// The same for somebody who sits there and will not wait in a queue.
  func requirePlace(_ session: Session) async throws {
    if session.state == .queued {
      throw Failure(
        .conversationHeld, "\(session.name) (\(session.id)) waits in the queue",
        hint: "`apus stop \(session.name)` takes it out")
    }
    guard await takeSlot(session.id) else {
      let inForce = settingsSource.limits
      let decision = inForce.decide(runs: runViews(), queue: queue + [session.id], now: now).last
      var reason = "others wait before it"
      if case .wait(_, _, let why) = decision { reason = why }
      throw Failure(
        .limitReached, "a limit does not let it run now: \(reason)",
        hint: "`apus stop NAME` makes room; `apus help settings` names the limits")
    }
  }

  /// By now its run is recorded, or came to nothing.
  func leaveSlot(_ id: String) {
    limits.admitted.remove(id)
    changes.announce(id)
    serveQueue()
  }

  /// Whether its start is under way and no run of it is recorded yet.
  func isBegun(_ id: String) -> Bool {
    live[id] == nil && limits.admitted.contains(id) && sessions[id]?.state == .starting
  }

  /// Puts the session at the end of the queue, with what it is to hear.
  func enqueue(
    _ id: String, resumes: Bool = false, terminal: TerminalWish? = nil, prompt: String? = nil,
    _ change: (inout Session) -> Void = { _ in }
  ) throws {
    let last = sessions.values.compactMap { $0.queued?.ticket }.max() ?? 0
    try update(id) { session in
      session.state = .queued
      session.queued = QueuedStart(
        ticket: last + 1, since: now, resumes: resumes, terminal: terminal, prompt: terminal == nil ? nil : prompt)
      session.problem = nil
      session.archivedAt = nil
      session.lastActive = now
      change(&session)
    }
    let place = queuePlaces()[id]
    log.info("session \(id) \(sessions[id]?.name ?? ""): queued: \(place?.text ?? "")")
    try note(
      id, .queued,
      .object(["place": .integer(Int64(place?.place ?? 0)), "reason": .string(place?.reason ?? "")]))
    // What it waits for may have gone while it was put here.
    serveQueue()
  }

  /// Takes a session out of the queue, for good.
  func dequeue(_ id: String) throws {
    try note(id, .stopRequested, .object(["queued": .bool(true)]))
    try update(id) { session in
      session.state = .ended
      session.queued = nil
      session.stopped = true
    }
    log.info("session \(id): taken out of the queue")
    serveQueue()
  }

  /// Starts whatever may start by now.
  func serveQueue() {
    if queue.isEmpty || isShuttingDown { return }
    limits.servesAgain = true
    if limits.isServing { return }
    limits.isServing = true
    LoopActor.begin { [self] in
      while limits.servesAgain {
        limits.servesAgain = false
        let inForce = settingsSource.limits
        if inForce.totalMemory != nil { await sampleMemory() }
        for case .start(let id) in inForce.decide(runs: runViews(), queue: queue, now: now) {
          guard !isShuttingDown, limits.admitted.insert(id).inserted else { continue }
          LoopActor.begin { [self] in await startQueued(id) }
        }
      }
      limits.isServing = false
    }
    watchLimits()
  }

  private func startQueued(_ id: String) async {
    defer { leaveSlot(id) }
    guard let session = sessions[id], session.state == .queued, busy.insert(id).inserted else { return }
    defer { busy.remove(id) }
    log.info("session \(id) \(session.name): its turn has come")
    do {
      if session.queued?.resumes != true {
        let version = try await probe.check(program: session.spec.program, environment: session.spec.environment)
        // Somebody may have stopped it meanwhile.
        guard sessions[id]?.state == .queued else { return }
        let inputs = try store.loadInputs(of: id, finished: false)
        sessions[id]?.state = .starting
        sessions[id]?.queued = nil
        sessions[id]?.agentVersion = version
        let parent = session.forkedFrom.flatMap { sessions[$0] }
        try await start(
          id, opening: parent.map { .forked(from: $0.conversationID) } ?? .fresh, continuing: false, carried: [],
          inputs: inputs, terminal: session.queued?.terminal, prompt: session.queued?.prompt)
      } else {
        try await resumeQueued(session)
      }
    } catch { await queuedStartFailed(session, error as? Failure ?? Failure(.internalError, "\(error)")) }
  }

  /// `session` is as it was in the queue.
  private func queuedStartFailed(_ session: Session, _ failure: Failure) async {
    let id = session.id
    if let run = live[id] { run.endsBecause = run.endsBecause ?? failure }
    // As the store has it: the next daemon starts it.
    if isShuttingDown, live[id] == nil { return sessions[id] = session }
    if sessions[id]?.state.isLive == true || sessions[id]?.problem == failure {
      log.error("session \(id): its start from the queue failed: \(failure.summary)")
    }
    guard live[id] == nil, sessions[id]?.state.isLive == true else { return }
    do {
      try update(id) { session in
        session.state = .ended
        session.queued = nil
        session.problem = failure
      }
    } catch {
      // Not kept (a full disk): it waits on, and is tried again when there may be room.
      log.error("session \(id): \(error)")
      sessions[id] = session
      await pause(milliseconds: Self.retryMilliseconds)
    }
  }

  private static var retryMilliseconds: Int { 5000 }
}
