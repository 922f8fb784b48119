import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// `claude` under a program that speaks stream-json with it: a run whose words are the program's. The daemon follows what
// the agent writes, and says nothing to it unless it is asked to while no client is there.

extension Coordinator {
  /// A new session, the next run of the one whose conversation is named, or the run that is alive and has it and is as
  /// the client wants it.
  func claudeOverPipes(_ request: ClaudeRequest) async throws -> RunPlace {
    let asked = ClaudeArguments(request.arguments)
    var spec = request.spec
    spec.environment = shared(ClaudeEnvironment.ofClient(spec.environment))
    spec.arguments = asked.lasting
    let version = try await probe.check(program: spec.program, environment: spec.environment)
    if let session = await known(asked.conversation, request.directory, spec) {
      if let run = live[session.id] {
        if takes(run, session, asked, spec, request.directory) { return place(session, isNew: false) }
        try await makeWay(run, session)
      }
      return try await claudeAgain(sessions[session.id] ?? session, request, spec)
    }
    var words = request.arguments
    var conversation = RandomID.conversation()
    switch asked.conversation {
    case .named(let own), .resumed(let own): conversation = own
    case .new, .forked: words.insert("--session-id=\(conversation)", at: 0)
    // The agent says which conversation it took when its first turn begins.
    case .newest, .unknown: break
    }
    var session = Session(
      id: freeID(), name: freeName(asked.name, request.directory), conversationID: conversation,
      directory: request.directory, spec: spec, createdAt: now)
    session.persists = request.persists
    session.agentVersion = version
    if case .resumed = asked.conversation {
      session.prompted = true
      try await refuseElsewhere(session)
    }
    try await requirePlace(session)
    defer { leaveSlot(session.id) }
    _ = try keep(session, prompt: nil)
    log.info("session \(session.id) \(session.name): claude over pipes in \(session.directory)")
    try await start(
      session.id, opening: .given(words), continuing: false, carried: [], inputs: [], spoken: true)
    return place(sessions[session.id] ?? session, isNew: true)
  }

  private static let clientMilliseconds = 30_000

  /// A client may be killed before it ever spoke with the agent that was started for it; nobody wants that one then.
  /// One that wrote anything was spoken to.
  func expectClient(_ run: LiveRun) {
    guard run.run.isSpoken, !run.hasWritten else { return }
    Timers.shared.after(Self.clientMilliseconds) { [weak self, weak run] in
      guard let self, let run, live[run.session] === run, !run.isOver, !run.hasWritten, run.speaker == nil else {
        return
      }
      log.warning("session \(run.session): no client came to speak with its agent")
      run.end(now: false, milliseconds: stopMilliseconds)
    }
  }

  /// Whether the agent that lives is what the client would get if it started one.
  private func takes(
    _ run: LiveRun, _ session: Session, _ asked: ClaudeArguments, _ spec: SpawnSpec, _ directory: String
  ) -> Bool {
    guard run.run.isSpoken, !run.isOver, !run.isStopping, let agent = run.run.agent, Processes.isAlive(agent) else {
      return false
    }
    return !asked.goesBack && session.directory == directory && session.spec.program == spec.program
      && session.spec.arguments == spec.arguments
      && ClaudeEnvironment.isSame(session.spec.environment, spec.environment)
  }

  /// Ends a run so that another can have its conversation: once its turn is over, as an agent ends whose client is gone.
  private func makeWay(_ run: LiveRun, _ session: Session) async throws {
    let isThere = run.run.agent.map(Processes.isAlive) ?? true
    if isThere, !run.isOver {
      guard run.run.isSpoken else {
        throw Failure(
          .conversationHeld, "the conversation is at work as session \(session.name) (\(session.id))",
          hint: run.run.isTerminal
            ? "end that one first, or continue a copy: add --fork-session"
            : "end that run first: `apus stop \(session.name)`; `apus send \(session.name) TEXT` talks to it")
      }
      if let speaker = run.speaker {
        throw Failure(
          .conversationHeld, "another client speaks with that conversation: process \(speaker)",
          hint: "close that one first, or continue a copy: add --fork-session")
      }
      log.info("session \(session.id): its run makes way for one with other arguments")
      run.endAfterTurn()
    }
    let nobody = Caller.nobody()
    while live[session.id] === run { await changes.next(of: session.id, caller: nobody, milliseconds: nil) }
  }
}
