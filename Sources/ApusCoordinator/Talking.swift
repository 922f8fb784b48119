import ApusAgents
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem

// Prompts, interruptions and permissions of running sessions, and waiting for what comes of them.

extension Coordinator {
  package func send(_ request: SendRequest, _ caller: Caller) async throws -> SessionObject {
    let session = try require(request.session)
    try Self.check(prompt: request.text)
    // What it is to hear waits with it.
    if session.state == .queued { return try await sendLater(session.id, request, caller) }
    let run = try requireLive(session)
    try refuseTerminal(session, run, instead: "type it there: `apus type \(session.name) TEXT --enter`")
    try refuseSpoken(session, run)
    guard !run.isStopping else {
      throw Failure(
        .sessionNotRunning, "\(session.name) (\(session.id)) is being stopped",
        hint: "`apus resume \(session.name) TEXT` continues it")
    }
    let input = try store.transaction { () -> Input in
      try update(session.id) { session in
        session.prompted = true
        session.lastActive = now
      }
      return try store.add(newPrompt(session.id, request.text))
    }
    try run.accept(input)
    changes.announce(session.id)
    return try await reply(session.id, waitingFor: request.wait ? input.promptID : nil, caller)
  }

  private func refuseTerminal(_ session: Session, _ run: LiveRun, instead hint: String) throws(Failure) {
    guard run.run.isTerminal else { return }
    throw Failure(.sessionLive, "\(session.name) (\(session.id)) runs in a terminal", hint: hint)
  }

  /// Where a client speaks with the agent, what it would not understand is not said to it.
  private func refuseSpoken(_ session: Session, _ run: LiveRun) throws(Failure) {
    guard let speaker = run.speaker else { return }
    throw Failure(
      .sessionLive, "\(session.name) (\(session.id)) is spoken with by a client, process \(speaker)",
      hint: "have that one say it; `apus interrupt` and `apus stop` work")
  }

  private func sendLater(_ id: String, _ request: SendRequest, _ caller: Caller) async throws -> SessionObject {
    let input = try store.transaction { () -> Input in
      try update(id) { $0.prompted = true }
      return try store.add(newPrompt(id, request.text))
    }
    try notePrompt(input)
    return try await reply(id, waitingFor: request.wait ? input.promptID : nil, caller)
  }

  package func interrupt(_ request: SessionRequest) async throws -> SessionObject {
    let session = try require(request.session)
    let run = try requireLive(session)
    if run.run.isTerminal {
      run.type(ClaudeAgent.escapeKey)
      try note(session.id, .interruptRequested)
      return try await object(session.id)
    }
    try control(session.id, run, ClaudeAgent.interrupt(id: "apus-" + RandomID.conversation(), withQueued: false))
    try note(session.id, .interruptRequested)
    return try await object(session.id)
  }

  package func permit(_ request: PermitRequest) async throws -> SessionObject {
    let session = try require(request.session)
    let run = try requireLive(session)
    try refuseTerminal(session, run, instead: "answer there: `apus attach \(session.name)`")
    try refuseSpoken(session, run)
    let pending = run.turn.pending
    let asked: PermissionRequest
    if let wanted = request.request {
      let found = pending.filter { $0.id == wanted || (wanted.count >= 4 && $0.id.hasPrefix(wanted)) }
      guard found.count == 1 else { throw Self.noRequest(session, wanted, pending) }
      asked = found[0]
    } else {
      guard let only = pending.first, pending.count == 1 else { throw Self.noRequest(session, nil, pending) }
      asked = only
    }
    let always = request.allow && request.always == true
    if always, asked.always == nil {
      throw Failure(
        .usage, "\(session.name) offers nothing to allow from now on with \(SessionName.excerpt(asked.brief))",
        hint: "allow it this once: `apus permit \(session.name) allow`")
    }
    try control(
      session.id, run, ClaudeAgent.answer(asked, allow: request.allow, message: request.message, always: always))
    if run.run.isSpoken { Files.add(line: asked.id, to: run.run.directory + "/" + RunFile.answered) }
    try run.advance([
      run.event(
        .permissionAnswered,
        .object([
          "id": .string(asked.id), "allow": .bool(request.allow), "message": .init(request.message),
          "always": .bool(always),
        ]))
    ]) { $0.answerPermission(asked.id, now: now) }
    changes.announce(session.id)
    log.info("session \(session.id): \(asked.brief) \(request.allow ? "allowed" : "denied")")
    return try await object(session.id)
  }

  private static func noRequest(_ session: Session, _ wanted: String?, _ pending: [PermissionRequest]) -> Failure {
    if pending.isEmpty {
      return Failure(
        .permissionNotFound, "\(session.name) asks for no permission",
        hint: "`apus show \(session.name)` says what it does")
    }
    let list = pending.map { "\($0.id.prefix(8)) \(SessionName.printable($0.brief))" }.joined(separator: ", ")
    if let wanted {
      return Failure(
        .permissionNotFound, "\(session.name) has no request \"\(SessionName.printable(wanted))\"; it asks: \(list)",
        hint: "`apus permit \(session.name) \(pending[0].id.prefix(8)) allow`")
    }
    return Failure(
      .permissionAmbiguous, "\(session.name) asks for several permissions: \(list)",
      hint: "name one: `apus permit \(session.name) \(pending[0].id.prefix(8)) allow`")
  }

  private func control(_ session: String, _ run: LiveRun, _ bytes: [UInt8]) throws {
    let input = try store.add(
      Input(
        row: 0, session: session, kind: .control, promptID: "", text: String(decoding: bytes, as: UTF8.self),
        acceptedAt: now))
    try run.accept(input)
  }

  // MARK: waiting

  /// Waits until the agent is done with that prompt. Throws what the turn failed of. Nil when the caller left.
  func outcome(of prompt: String, in id: String, _ caller: Caller) async throws -> TurnResult? {
    while !caller.isGone {
      if live[id] == nil, sessions[id]?.state.isLive == true {
        // In the queue, or on its way out of it.
        await changes.next(of: id, caller: caller, milliseconds: nil)
        continue
      }
      guard let run = live[id], !run.isOver else { throw endedMeanwhile(id) }
      if run.turn.isFinished(prompt) {
        let result = run.outcome(of: prompt)
        if let failure = result?.failure { throw failure }
        return result
      }
      await changes.next(of: id, caller: caller, milliseconds: nil)
    }
    return nil
  }

  private func endedMeanwhile(_ id: String) -> Failure {
    guard let session = sessions[id] else { return Failure(.sessionEnded, "the session is gone") }
    if session.state == .lost {
      return Failure(
        .agentCrashed, "\(session.name) (\(id)) was lost: its keeper vanished before the turn was over",
        hint: "`apus resume \(session.name)` continues the turn")
    }
    return session.problem
      ?? Failure(
        .sessionEnded, "\(session.name) (\(id)) ended before the turn was over",
        hint: "`apus resume \(session.name)` continues it")
  }

  package func wait(_ request: WaitRequest, _ caller: Caller) async throws -> SessionObject {
    let id = try require(request.session).id
    let until = request.seconds.map { apus_monotonic_milliseconds() + Int64($0 * 1000) }
    while !caller.isGone {
      if try isReached(request.goal, id) { return try await object(id) }
      var left: Int?
      if let until {
        left = Int(until - apus_monotonic_milliseconds())
        if let left, left <= 0 {
          let activity = live[id]?.turn.activity.rawValue ?? sessions[id]?.state.rawValue ?? "gone"
          throw Failure(
            .timedOut, "\(sessions[id]?.name ?? id) is not \(request.goal.rawValue) yet: it is \(activity)",
            hint: "wait again, with a longer --timeout or none")
        }
      }
      if sessions[id]?.watched != nil { left = min(left ?? .max, await lookAgainMilliseconds()) }
      await changes.next(of: id, caller: caller, milliseconds: left)
    }
    return try await object(id)
  }

  /// Throws where the goal can no longer be reached.
  private func isReached(_ goal: WaitGoal, _ id: String) throws -> Bool {
    guard let run = live[id], !run.isOver else {
      if let seen = sessions[id]?.watched == nil ? nil : watches.seen[id] {
        return goal == .idle && seen.activity == .idle || goal == .needsYou && seen.activity == .needsYou
      }
      if sessions[id]?.state.isLive == true { return false }
      if goal == .ended { return true }
      throw endedMeanwhile(id)
    }
    switch goal {
    case .ended: return false
    case .idle: return run.turn.activity == .idle
    case .needsYou: return run.turn.activity == .needsYou
    }
  }
}
