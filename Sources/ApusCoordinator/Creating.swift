import ApusAgents
import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// New sessions, and what changes their record.

extension Coordinator {
  package func new(_ request: NewRequest, _ caller: Caller) async throws -> SessionObject {
    try refuseWhileShuttingDown()
    try requireFree(name: request.name)
    try Self.check(request)
    var spec = request.spec
    spec.environment = shared(ClaudeEnvironment.scrub(spec.environment))
    let version = try await probe.check(program: spec.program, environment: spec.environment)
    // Somebody may have taken the name while the program was asked.
    try requireFree(name: request.name)
    let id = freeID()
    desk.making.insert(request.name)
    defer { desk.making.remove(request.name) }
    var request = request
    request.spec = spec
    var made: MadePlace?
    if let wish = request.place { made = try await makePlace(id, request, wish, caller) }
    var session = Session(
      id: id, name: request.name, conversationID: RandomID.conversation(),
      directory: made?.directory ?? request.directory, spec: spec, createdAt: now)
    session.owner = request.owner
    session.tags = request.tags
    session.persists = request.persists
    session.agentVersion = version
    session.terminal = request.terminal != nil
    session.creation = request.creation
    session.tiedTo = request.tiedTo
    if let made {
      session.place = made.place
      if made.place.worktree != nil { spec.environment = Git.elsewhere(spec.environment) }
      session.spec.environment = shared(spec.environment.merging(made.place.variables) { $1 })
      if session.spec.model == nil { session.spec.model = made.template?.model }
      request.prompt = Self.prompt(request.prompt, made.template?.prompt, session)
    }
    session.prompted = request.prompt != nil
    let inputs: [Input]
    do {
      // At a terminal the prompt is a word of the command line, and what comes of it is seen there.
      inputs = try keep(
        session, prompt: request.terminal == nil ? request.prompt : nil, completing: made?.undertaking)
    } catch {
      if let made { await undo(made, session: id) }
      throw error
    }
    log.info("session \(id) \(session.name): created in \(session.directory), conversation \(session.conversationID)")
    tie(session)
    let isMade = made?.undertaking != nil
    if request.isEarly {
      // Whoever asked hears of what fails from then on as of everything else: by events and by how the session is.
      LoopActor.begin { [self, request] in
        do {
          try await begin(id, opening: .fresh, inputs: inputs, terminal: request.terminal, prompt: request.prompt)
        } catch { if isMade { await undoNew(id) } }
      }
    } else {
      do {
        try await begin(id, opening: .fresh, inputs: inputs, terminal: request.terminal, prompt: request.prompt)
      } catch {
        if isMade { await undoNew(id) }
        throw error
      }
    }
    var notes = made?.notes ?? []
    if made != nil, let session = sessions[id], let wish = request.place {
      let started = MomentText.iso(session.createdAt)
      if let trouble = await enterWorkLog(session, files: wish.files, eta: wish.eta, started: started) {
        notes.append(trouble)
      }
    }
    // Nothing but a set-up command can have changed a place that was just made, unless its first turn is over already.
    let isNew = isMade && made?.setUp != true
    var object = try await reply(
      id, waitingFor: request.wait ? inputs.last?.promptID : nil, looking: !isNew, caller)
    if made != nil { object.notes = notes }
    return object
  }

  /// What is asked, by a template and by a person.
  private static func prompt(_ asked: String?, _ template: String?, _ session: Session) -> String? {
    guard let template else { return asked }
    let text = template.replacing("{name}", with: session.name)
      .replacing("{branch}", with: session.place?.branch ?? "")
      .replacing("{component}", with: session.place?.component ?? "")
    if template.contains("{prompt}") { return text.replacing("{prompt}", with: asked ?? "") }
    return asked.map { text + "\n\n" + $0 } ?? text
  }

  /// A session in a place of ours whose agent could not be started: place and name are free again, the record is archived.
  private func undoNew(_ id: String) async {
    guard let session = sessions[id], live[id] == nil, !session.state.isLive else { return }
    do {
      guard try await isUntouched(session) else { return }
      try await takeBackPlace(of: session)
      try update(id) { session in
        session.name = freedName(session)
        session.state = .archived
        session.archivedAt = now
        session.place?.worktree = nil
        session.place?.ports = [:]
      }
    } catch { log.error("session \(id): its place could not be taken back: \(error)") }
  }

  /// The name an archived session has when its own is free for others.
  func freedName(_ session: Session) -> String {
    String(session.name.prefix(SessionName.longest - session.id.count - 1)) + "-" + session.id
  }

  /// Starts a session that never ran, or has it wait for a place to run in.
  func begin(
    _ id: String, opening: Opening, inputs: [Input], terminal: TerminalWish?, prompt: String?
  ) async throws {
    guard await takeSlot(id) else { return try enqueue(id, terminal: terminal, prompt: prompt) }
    defer { leaveSlot(id) }
    do {
      try await start(
        id, opening: opening, continuing: false, carried: [], inputs: inputs, terminal: terminal, prompt: prompt)
    } catch {
      if isBegun(id) { neverBegan(id, error) }
      throw error
    }
  }

  /// No run of it could be recorded.
  private func neverBegan(_ id: String, _ error: any Error) {
    do {
      try update(id) { session in
        session.state = .ended
        session.problem = error as? Failure
      }
    } catch { log.error("session \(id): \(error)") }
  }

  /// The record of a new session and its first prompt, in one step.
  func keep(_ session: Session, prompt: String?, completing undertaking: Undertaking? = nil) throws -> [Input] {
    let inputs = try store.transaction { () -> [Input] in
      try store.save(session)
      if let undertaking { try finish(undertaking) }
      guard let prompt else { return [] }
      return [try store.add(newPrompt(session.id, prompt))]
    }
    sessions[session.id] = session
    try note(session.id, .created, .object(["name": .string(session.name), "directory": .string(session.directory)]))
    for input in inputs { try notePrompt(input) }
    return inputs
  }

  func newPrompt(_ session: String, _ text: String) -> Input {
    Input(
      row: 0, session: session, kind: .prompt, promptID: RandomID.conversation(), text: text, acceptedAt: now)
  }

  func notePrompt(_ input: Input) throws {
    try note(
      input.session, .promptAccepted, .object(["id": .string(input.promptID), "text": .string(input.text)]))
  }

  func refuseWhileShuttingDown() throws(Failure) {
    if isShuttingDown {
      throw Failure(.daemonUnreachable, "the daemon is shutting down", hint: "do it again in a moment")
    }
  }

  /// Throws where an agent could not be started there.
  static func check(directory: String) throws(Failure) {
    var facts = stat()
    guard directory.utf8.first == UInt8(ascii: "/"), stat(directory, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR
    else {
      throw Failure(
        .directoryMissing, "there is no directory \(SessionName.printable(directory))",
        hint: "name one that is there with --dir")
    }
  }

  private static func check(_ request: NewRequest) throws(Failure) {
    try check(directory: request.directory)
    guard ClaudeAgent.permissionModes.contains(request.spec.permissionMode) else {
      throw Failure(
        .usage, "\"\(SessionName.printable(request.spec.permissionMode))\" is no permission mode",
        hint: "one of \(ClaudeAgent.permissionModes.joined(separator: ", "))")
    }
    if let prompt = request.prompt { try check(prompt: prompt) }
    try check(request.terminal)
    if request.terminal != nil, request.wait {
      throw Failure(
        .usage, "a terminal's turns are watched, not waited for", hint: "`apus wait NAME` waits until it is idle")
    }
  }

  static func check(_ terminal: TerminalWish?) throws(Failure) {
    guard let terminal, !terminal.isPossible else { return }
    throw Failure(
      .usage, "a terminal of \(terminal.columns)x\(terminal.rows) cannot be made",
      hint: "columns and rows are 1 to \(TerminalWish.largest)")
  }

  static func check(prompt: String) throws(Failure) {
    guard prompt.contains(where: { !$0.isWhitespace }) else {
      throw Failure(
        .usage, "the prompt is empty", hint: "say what the agent is to do: `apus send NAME \"fix the parser\"`")
    }
  }

  /// The session as it is now, or, where a prompt is waited for, when the agent is done with it.
  func reply(
    _ id: String, waitingFor prompt: String?, looking: Bool = true, _ caller: Caller
  ) async throws -> SessionObject {
    guard let prompt else { return try await object(id, looking: looking) }
    let result = try await outcome(of: prompt, in: id, caller)
    var object = try await object(id)
    object.result = result?.text
    return object
  }

  package func rename(_ request: RenameRequest) async throws -> SessionObject {
    let session = try require(request.session)
    if request.name != session.name {
      try requireFree(name: request.name)
      try update(session.id) { $0.name = request.name }
      try note(session.id, .renamed, .object(["from": .string(session.name), "to": .string(request.name)]))
    }
    return try await object(session.id)
  }

  package func tag(_ request: TagRequest) async throws -> SessionObject {
    let session = try require(request.session)
    try update(session.id) { session in
      session.tags.removeAll { request.remove.contains($0) || request.add.contains($0) }
      session.tags += request.add
    }
    let tags = sessions[session.id]?.tags ?? []
    try note(session.id, .tagged, .object(["tags": .array(tags.map(JSON.string))]))
    return try await object(session.id)
  }

  package func archive(_ request: SessionRequest) async throws -> SessionObject {
    let session = try require(request.session)
    guard live[session.id] == nil, !session.state.isLive else {
      throw Failure(
        .sessionLive, "\(session.name) (\(session.id)) is \(session.state.rawValue)",
        hint: "stop it first: `apus stop \(session.name)`")
    }
    if session.state != .archived {
      try update(session.id) { session in
        session.state = .archived
        session.archivedAt = now
      }
      releaseAllPorts(of: session.id)
      statuses.forget(session.id)
      try note(session.id, .archived)
    }
    return try await object(session.id)
  }
}
