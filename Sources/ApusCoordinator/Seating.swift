import ApusAgents
import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Terminals people sit at: where one is found, and `claude` with a person's own flags in a keeper.

extension Coordinator {
  /// Where a session's latest run is.
  package func locate(_ request: SessionRequest) throws -> RunPlace {
    place(try require(request.session), isNew: false)
  }

  func place(_ session: Session, isNew: Bool) -> RunPlace {
    RunPlace(
      id: session.id, name: session.name, run: session.run,
      directory: places.runDirectory(session: session.id, run: session.run),
      socket: live[session.id]?.run.socket ?? places.keeperSocket(session: session.id, run: session.run),
      terminal: session.terminal, isLive: live[session.id] != nil, isNew: isNew)
  }

  /// `claude` with a person's own flags: a new session, the next run of the one whose conversation is named, or the run
  /// that is alive and has it, to be attached to.
  package func claude(_ request: ClaudeRequest) async throws -> RunPlace {
    try refuseWhileShuttingDown()
    if request.terminal == nil { return try await claudeOverPipes(request) }
    try Self.check(request.terminal)
    let asked = ClaudeArguments(request.arguments)
    var spec = request.spec
    spec.environment = shared(ClaudeEnvironment.scrub(spec.environment))
    spec.arguments = asked.lasting
    let version = try await probe.check(program: spec.program, environment: spec.environment)
    if let session = await known(asked.conversation, request.directory, spec) {
      if let run = live[session.id], !run.isOver { return try seat(at: run, session) }
      return try await claudeAgain(session, request, spec)
    }
    let id = ShortID.choose(random: RandomID.number()) { sessions[$0] != nil }
    var words = request.arguments
    var conversation = RandomID.conversation()
    switch asked.conversation {
    case .named(let own): conversation = own
    case .resumed(let own): conversation = own
    case .new, .forked: words.insert("--session-id=\(conversation)", at: 0)
    // The agent says which conversation it took when it has started.
    case .newest, .unknown: break
    }
    var session = Session(
      id: id, name: freeName(asked.name, request.directory), conversationID: conversation,
      directory: request.directory, spec: spec, createdAt: now)
    session.persists = request.persists
    session.agentVersion = version
    session.terminal = true
    session.prompted = asked.hasPrompt
    if case .resumed = asked.conversation { try await refuseElsewhere(session) }
    try await requirePlace(session)
    defer { leaveSlot(id) }
    _ = try keep(session, prompt: nil)
    log.info("session \(id) \(session.name): claude in \(session.directory), conversation \(conversation)")
    try await start(
      id, opening: .given(words), continuing: false, carried: [], inputs: [], terminal: request.terminal)
    return place(sessions[id] ?? session, isNew: true)
  }

  /// The session of ours that has the conversation.
  func known(
    _ conversation: ClaudeArguments.Conversation, _ directory: String, _ spec: SpawnSpec
  ) async -> Session? {
    let wanted: String?
    switch conversation {
    case .resumed(let id): wanted = id
    case .newest:
      let configuration = ClaudeEnvironment.configurationDirectory(spec.environment)
      wanted = await Offload.run { ClaudePlaces.newest(directory: directory, configuration: configuration) }
    case .new, .named, .unknown, .forked: wanted = nil
    }
    return wanted.flatMap { id in sessions.values.first { $0.conversationID == id } }
  }

  private func seat(at run: LiveRun, _ session: Session) throws -> RunPlace {
    guard run.run.isTerminal else {
      throw Failure(
        .conversationHeld, "the conversation is at work without a terminal, as session \(session.name) (\(session.id))",
        hint: "end that run first: `apus stop \(session.name)`; `apus send \(session.name) TEXT` talks to it")
    }
    return place(session, isNew: false)
  }

  /// The next run of a session, with the flags that were given now.
  func claudeAgain(_ session: Session, _ request: ClaudeRequest, _ spec: SpawnSpec) async throws -> RunPlace {
    guard busy.insert(session.id).inserted else {
      throw Failure(
        .conversationHeld, "session \(session.name) (\(session.id)) is just being started",
        hint: "attach to it: `apus attach \(session.name)`")
    }
    defer { busy.remove(session.id) }
    try await refuseElsewhere(session)
    try await requirePlace(session)
    defer { leaveSlot(session.id) }
    await endTree(session: session.id, run: session.run, agent: nil)
    sessions[session.id]?.run += 1
    sessions[session.id]?.state = .starting
    sessions[session.id]?.ending = nil
    sessions[session.id]?.problem = nil
    sessions[session.id]?.stopped = false
    sessions[session.id]?.archivedAt = nil
    sessions[session.id]?.directory = request.directory
    sessions[session.id]?.spec = spec
    if request.terminal == nil { sessions[session.id]?.persists = request.persists }
    sessions[session.id]?.lastActive = now
    log.info("session \(session.id) \(session.name): claude resumed in \(request.directory)")
    do {
      try await start(
        session.id, opening: .given(request.arguments), continuing: false, carried: [], inputs: [],
        terminal: request.terminal, spoken: request.terminal == nil)
    } catch {
      if try store.loadRuns(of: session.id).last?.number ?? 0 < sessions[session.id]?.run ?? 0 {
        sessions[session.id] = session
      }
      throw error
    }
    return place(sessions[session.id] ?? session, isNew: true)
  }

  /// Two processes never write one conversation.
  func refuseElsewhere(_ session: Session) async throws {
    let verdict = await verdicts.evaluate([query(session)])[0]
    guard let elsewhere = verdict.liveElsewhere, verdict.reason == .liveElsewhere else { return }
    throw Failure(
      .conversationHeld, "the conversation is open in another process (\(elsewhere.program), pid \(elsewhere.pid))",
      hint: "end that one first, or continue a copy: add --fork-session")
  }

  /// A name nobody has: the one that was asked for, else that of the directory, numbered where it is taken.
  func freeName(_ wanted: String?, _ directory: String) -> String {
    let taken = Set(sessions.values.map(\.name))
    let start = SessionName.made(from: wanted ?? directory.split(separator: "/").last.map(String.init) ?? "claude")
    if !taken.contains(start) { return start }
    var number = 2
    while taken.contains("\(start)-\(number)") { number += 1 }
    return "\(start)-\(number)"
  }
}
