import ApusAgents
import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// Resuming: the same conversation goes on in a new run, with everything the first run was started with. Refused while
// anybody else has it; a turn that was cut off is taken up again; what was accepted and never reached the agent is sent.

extension Coordinator {
  package func resume(_ request: ResumeRequest, _ caller: Caller) async throws -> SessionObject {
    try refuseWhileShuttingDown()
    let session = try require(request.session)
    if let text = request.text { try Self.check(prompt: text) }
    if let directory = request.directory { try Self.check(directory: directory) }
    try Self.check(request.terminal)
    if let fork = request.fork { return try await self.fork(session, as: fork, request, caller) }
    try refuseLive(session)
    if session.state == .queued {
      throw Failure(
        .conversationHeld,
        "\(session.name) (\(session.id)) waits in the queue: \(queuePlaces()[session.id]?.text ?? "")",
        hint: "it starts by itself; give it more to do with `apus send \(session.name) TEXT`")
    }
    if let mark = session.watched {
      throw Self.held(session, "a claude that Apus only watches has it, pid \(mark.pid), in its own terminal")
    }
    guard busy.insert(session.id).inserted else {
      let number = session.state.isLive ? session.run : session.run + 1
      throw Self.held(session, "run \(session.id)/\(number) is just being started")
    }
    let last = try await resumeNowOrLater(session, request)
    return try await resumed(session.id, waits: request.wait, last: last, caller)
  }

  /// The prompt to wait for, if any.
  private func resumeNowOrLater(_ session: Session, _ request: ResumeRequest) async throws -> String? {
    let id = session.id
    defer { busy.remove(id) }
    let verdict = await verdicts.evaluate([query(session, directory: request.directory)])[0]
    let opening = try opening(of: session, verdict, request)
    if await takeSlot(id) {
      defer { leaveSlot(id) }
      try await startAgain(session, opening, verdict, request)
      return live[id]?.inputs.last { $0.kind == .prompt }?.promptID
    }
    // Into the queue, with what it is to hear when its turn comes.
    let text = request.terminal == nil ? request.text : nil
    let input = try text.map { try store.add(newPrompt(id, $0)) }
    if let input { try notePrompt(input) }
    try enqueue(id, resumes: true, terminal: request.terminal, prompt: request.text) { session in
      if request.text != nil { session.prompted = true }
      session.tiedTo = nextTie(session, request.tiedTo)
      if let directory = request.directory { session.directory = directory }
    }
    if let session = sessions[id] { tie(session) }
    return input?.promptID
  }

  /// What a resume does, for a session whose turn in the queue has come.
  func resumeQueued(_ session: Session) async throws {
    let verdict = await verdicts.evaluate([query(session)])[0]
    let terminal = session.queued?.terminal
    let request = ResumeRequest(
      session: session.id, text: terminal == nil ? nil : session.queued?.prompt, fork: nil, directory: nil,
      wait: false, terminal: terminal)
    try await startAgain(session, try opening(of: session, verdict, request), verdict, request)
  }

  private func resumed(_ id: String, waits: Bool, last: String?, _ caller: Caller) async throws -> SessionObject {
    guard waits else { return try await object(id) }
    if let last { return try await reply(id, waitingFor: last, caller) }
    while !caller.isGone, live[id] == nil, sessions[id]?.state.isLive == true {
      await changes.next(of: id, caller: caller, milliseconds: nil)
      if live[id] == nil, sessions[id]?.state.isLive == false, let problem = sessions[id]?.problem { throw problem }
    }
    // Nothing was asked, but a cut-off turn may be under way.
    while !caller.isGone, let run = live[id], !run.isOver, run.turn.activity != .idle {
      await changes.next(of: id, caller: caller, milliseconds: nil)
    }
    var object = try await object(id)
    object.result = live[id]?.lastOutcome?.text
    if let failure = live[id]?.lastOutcome?.failure { throw failure }
    return object
  }

  private func refuseLive(_ session: Session) throws(Failure) {
    if let run = live[session.id] {
      let agent = run.run.agent.map { ", agent pid \($0.pid)" } ?? ""
      throw Self.held(session, "run \(run.run.holder) has it\(agent), since \(MomentText.iso(run.run.startedAt))")
    }
  }

  private static func held(_ session: Session, _ why: String) -> Failure {
    Failure(
      .conversationHeld, "the conversation of \(session.name) is in use: \(why)",
      hint:
        "send it a message: `apus send \(session.name) TEXT`, or continue a copy: `apus resume \(session.name) --fork NEW`"
    )
  }

  /// How the conversation can be taken up; throws where it cannot.
  private func opening(of session: Session, _ verdict: Verdict, _ request: ResumeRequest) throws(Failure) -> Opening {
    if verdict.resumable { return .resumed(continuing: false, file: nil) }
    let neverOnDisk = verdict.reason == .sessionFileMissing && !session.transcriptSeen
    if verdict.reason == .notStarted || neverOnDisk {
      // Nothing was ever written: the conversation begins now, under the id it was promised.
      if let parent = session.forkedFrom.flatMap({ sessions[$0] }) { return .forked(from: parent.conversationID) }
      return .fresh
    }
    if let elsewhere = verdict.liveElsewhere, verdict.reason == .liveElsewhere {
      throw Failure(
        .conversationHeld,
        "the conversation is open in another process (\(elsewhere.program), pid \(elsewhere.pid))",
        hint: "end that one first, or continue a copy: `apus resume \(session.name) --fork NEW`")
    }
    log.warning("session \(session.id): not resumable: \(verdict.reason?.rawValue ?? "?")")
    throw Self.notResumable(session, verdict)
  }

  private static func notResumable(_ session: Session, _ verdict: Verdict) -> Failure {
    let reason = verdict.reason?.rawValue ?? "unknown"
    let what: String
    switch verdict.reason {
    case .workingDirectoryMissing:
      return Failure(
        .notResumable, "\(session.name) cannot be resumed there: \(reason) (\(session.directory))",
        hint: "continue it elsewhere: `apus resume \(session.name) --dir PATH`")
    case .timedOut: what = "its files did not answer in time"
    case .permissionDenied: what = "its files may not be read"
    case .sessionFileMissing: what = "Claude Code's transcript is gone"
    case .sessionFileTooSmall, .noConversation: what = "there is no conversation in its transcript"
    default: what = "it has no record that would do"
    }
    return Failure(
      .notResumable, "\(session.name) cannot be resumed: \(reason): \(what)",
      hint: "`apus logs \(session.name)` shows what was recorded; begin anew with it: "
        + "`apus logs \(session.name) | apus new \(session.name)-2 --prompt -`")
  }

  /// Ends what is left of the old run, decides what the new one has to catch up with, and starts it.
  private func startAgain(
    _ session: Session, _ opening: Opening, _ verdict: Verdict, _ request: ResumeRequest
  ) async throws {
    let id = session.id
    await endTree(session: id, run: session.run, agent: nil)
    let version = try await probe.check(program: session.spec.program, environment: session.spec.environment)
    try refuseLive(session)
    var (continuing, carried) = await cutOff(session, verdict)
    if session.state == .queued, sessions[id]?.state != .queued {
      throw Failure(.sessionEnded, "\(session.name) was taken out of the queue")
    }
    var opening = opening
    if case .resumed = opening {
      let own = verdict.path.map { _ in verdict.warnings.contains(.duplicateTranscript) } ?? false
      // At a terminal a person sees what was cut off, and decides.
      if request.terminal != nil { (continuing, carried) = (false, []) }
      opening = .resumed(continuing: continuing, file: own ? verdict.path : nil)
    } else {
      (continuing, carried) = (false, [])
    }
    let inputs = try store.transaction { () -> [Input] in
      var inputs = try reopen(id, carried: carried)
      if let text = request.text, request.terminal == nil { inputs.append(try store.add(newPrompt(id, text))) }
      return inputs
    }
    try ensurePorts(id)
    sessions[id]?.run += 1
    sessions[id]?.state = .starting
    sessions[id]?.ending = nil
    sessions[id]?.problem = nil
    sessions[id]?.queued = nil
    sessions[id]?.stopped = false
    sessions[id]?.archivedAt = nil
    sessions[id]?.lastActive = now
    sessions[id]?.agentVersion = version
    sessions[id]?.tiedTo = nextTie(session, request.tiedTo)
    if request.text != nil { sessions[id]?.prompted = true }
    if let directory = request.directory { sessions[id]?.directory = directory }
    do {
      if request.text != nil, request.terminal == nil, let prompt = inputs.last { try notePrompt(prompt) }
      log.info("session \(id) \(session.name): resumed\(continuing ? ", continuing the turn that was cut off" : "")")
      try await start(
        id, opening: opening, continuing: continuing, carried: carried, inputs: inputs, terminal: request.terminal,
        prompt: request.text)
      if let session = sessions[id] { tie(session) }
    } catch {
      // No run was recorded: the session is as it was, and the message was not taken.
      if try store.loadRuns(of: id).last?.number ?? 0 < sessions[id]?.run ?? 0 {
        sessions[id] = session
        if request.text != nil, request.terminal == nil, var unsent = inputs.last {
          unsent.finished = true
          try store.save(unsent)
        }
      }
      throw error
    }
  }

  /// Whether a turn was cut off that the agent can take up again, and the prompts it was answering.
  private func cutOff(_ session: Session, _ verdict: Verdict) async -> (continuing: Bool, carried: [String]) {
    guard session.interrupted, let path = verdict.path,
      let turn = (try? store.loadCursor(session: session.id, run: session.run))?.turn
    else { return (false, []) }
    if let cut = turn.cut { return (true, cut) }
    if turn.continuing { return (true, turn.started) }
    guard let last = turn.started.last else { return (turn.mode == .running || turn.mode == .waiting, []) }
    // Killed early enough, the agent wrote nothing down: then the prompt is simply sent again.
    let known = await Offload.run { TranscriptIndex.holds(line: last, path: path) }
    return known ? (true, turn.started) : (false, [])
  }

  /// The open inputs of the last run: prompts the agent never took up are to be sent again, the rest is done with.
  private func reopen(_ id: String, carried: [String]) throws -> [Input] {
    var open: [Input] = []
    for var input in try store.loadInputs(of: id, finished: false) {
      if input.kind != .prompt {
        input.finished = true
        try store.save(input)
        continue
      }
      // A carried prompt keeps its number: the agent has it.
      if !carried.contains(input.promptID) {
        input.run = nil
        input.number = nil
        try store.save(input)
      } else {
        input.number = input.number ?? 0
      }
      open.append(input)
    }
    return open
  }

  private func fork(
    _ parent: Session, as name: String, _ request: ResumeRequest, _ caller: Caller
  ) async throws -> SessionObject {
    try requireFree(name: name)
    let verdict = await verdicts.evaluate([query(parent, directory: request.directory)])[0]
    guard verdict.resumable || verdict.reason == .liveElsewhere else { throw Self.notResumable(parent, verdict) }
    _ = try await probe.check(program: parent.spec.program, environment: parent.spec.environment)
    try requireFree(name: name)
    let id = freeID()
    var session = Session(
      id: id, name: name, conversationID: RandomID.conversation(), directory: request.directory ?? parent.directory,
      spec: parent.spec, createdAt: now)
    session.owner = parent.owner
    session.tags = parent.tags
    session.persists = parent.persists
    session.tiedTo = request.tiedTo
    if var place = parent.place {
      // Where its parent works; the worktree and branch stay the parent's, ports are never anybody else's.
      (place.worktree, place.madeBranch, place.merged) = (nil, false, nil)
      place.ports = try leasePorts(place.ports, session: id)
      for (variable, port) in place.ports { place.variables[variable] = String(port) }
      session.place = place
      session.spec.environment = shared(session.spec.environment.merging(place.variables) { $1 })
    }
    session.forkedFrom = parent.id
    session.forkedAtEvent = try countEvents(parent.id)
    session.prompted = request.text != nil
    let inputs = try store.transaction { () -> [Input] in
      try store.save(session)
      guard let text = request.text, request.terminal == nil else { return [] }
      return [try store.add(newPrompt(id, text))]
    }
    sessions[id] = session
    try note(id, .created, .object(["name": .string(name), "forkedFrom": .string(parent.id)]))
    for input in inputs { try notePrompt(input) }
    log.info("session \(id) \(name): forked from \(parent.id)")
    tie(session)
    try await begin(
      id, opening: .forked(from: parent.conversationID), inputs: inputs, terminal: request.terminal,
      prompt: request.text)
    return try await reply(id, waitingFor: request.wait ? inputs.last?.promptID : nil, caller)
  }

  private func countEvents(_ id: String) throws -> Int {
    var count = 0
    while let last = try store.loadEvents(of: id, from: count, limit: 1000).last { count = last.n + 1 }
    return count
  }
}
