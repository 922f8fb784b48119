import ApusAgents
import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// Sessions of Claude Code that nobody of ours started: which there are, and making one of them a session of ours. One
// that ended is resumed here; one that lives is watched until it ends. None is ever doubled.

extension Coordinator {
  /// Those nobody of ours started, as Claude Code's own lists name them.
  func foreign(seenFrom environment: [String: String]) async -> [ForeignSession] {
    strangers(among: await lookUp(configurations(environment)))
  }

  private func configurations(_ environment: [String: String]) -> [String] {
    var places = Set(sessions.values.map { ClaudeEnvironment.configurationDirectory($0.spec.environment) })
    if environment["HOME"] != nil || environment["CLAUDE_CONFIG_DIR"] != nil || environment["CLAUDE_HOME"] != nil {
      places.insert(ClaudeEnvironment.configurationDirectory(environment))
    }
    return places.sorted()
  }

  private func strangers(among all: [ForeignSession]) -> [ForeignSession] {
    let agents = Set(live.values.compactMap(\.run.agent)).union(sessions.values.compactMap(\.watched))
    let cookies = live.values.map { places.cookie(session: $0.session, run: $0.run.number) }
    let known = Set(sessions.values.map(\.conversationID))
    return all.filter { one in
      guard let mark = one.mark else { return !known.contains(one.conversationID) }
      if agents.contains(mark) { return false }
      // What a run of ours started is part of that run.
      return !cookies.contains { apus_process_environment_has(mark.pid, $0) == 1 }
    }
  }

  /// A stranger as outsiders see a session.
  func object(_ one: ForeignSession, verdict: Verdict?) -> SessionObject {
    let id = one.pid.map { "p\($0)" } ?? String(one.conversationID.prefix(8))
    let spec = SpawnSpec(program: "claude", model: nil, permissionMode: "", maxTurns: nil, environment: [:])
    var session = Session(
      id: id, name: SessionName.printable(one.name ?? id), conversationID: one.conversationID,
      directory: one.directory ?? "", spec: spec, createdAt: one.statusUpdatedAt ?? now)
    session.state = one.mark == nil ? .ended : .running
    session.run = 0
    var judged = verdict ?? Verdict(resumable: false, reason: .liveElsewhere)
    if verdict == nil { judged.liveElsewhere = one.pid.map { Verdict.Elsewhere(pid: Int($0), program: "claude") } }
    var object = SessionObject(
      session: session, activity: one.activity, activitySource: one.source,
      activityAge: max(0, now - session.lastActive), needs: [], doing: nil, verdict: judged,
      pid: one.mark.map { Int($0.pid) }, keeperPID: nil, now: now)
    object.needsWhat = one.waitingFor
    object.source = one.source
    return object
  }

  // MARK: apus adopt

  package func adopt(_ request: AdoptRequest) async throws -> AdoptReply {
    let environment = ClaudeEnvironment.scrub(request.spec.environment)
    var all = await lookUp(configurations(environment))
    var notes: [String] = []
    let place = ClaudeEnvironment.configurationDirectory(environment)
    let (printed, status) = await probe.run(
      [request.spec.program, "agents", "--json", "--all"], ClaudeEnvironment.forAgent(environment))
    if status == 0, let told = ForeignSession.read(agents: Array(printed.utf8), configuration: place) {
      all = ForeignSession.merged(all + told)
    } else {
      notes.append("`claude agents --json` could not be asked: what only it knows is missing here")
    }
    guard let target = request.target else {
      var objects: [SessionObject] = []
      for one in strangers(among: all) { objects.append(object(one, verdict: await verdict(of: one))) }
      return AdoptReply(sessions: objects, notes: notes)
    }
    let found = try await find(target, among: all, configurations(environment))
    return AdoptReply(sessions: [try await takeOver(found, request, environment)], notes: notes)
  }

  private func verdict(of one: ForeignSession) async -> Verdict? {
    guard one.mark == nil else { return nil }
    let query = VerdictDesk.Query(
      session: one.conversationID,
      transcript: TranscriptIndex.Query(
        conversationID: one.conversationID, directory: one.directory ?? "", configuration: one.configuration,
        prompted: true, bytesSeen: 0, ours: []), elsewhereDirectory: false)
    return await verdicts.evaluate([query])[0]
  }

  private func find(
    _ target: String, among all: [ForeignSession], _ configurations: [String]
  ) async throws -> ForeignSession {
    let text = target.lowercased()
    if let pid = Int32(text.hasPrefix("p") ? text.dropFirst() : text[...]) {
      if let one = all.first(where: { $0.pid == pid }) { return one }
    }
    let isID =
      text.utf8.count >= 8 && text.utf8.allSatisfy { $0 == 45 || (48...57).contains($0) || (97...102).contains($0) }
    if isID {
      let found = all.filter { $0.conversationID.hasPrefix(text) }
      if found.count == 1 { return found[0] }
      let milliseconds = Int(((try? settings.number(.verdictSeconds)) ?? 2) * 1000)
      let alone = await Offload.run(withinMilliseconds: milliseconds) {
        ForeignSession.find(conversation: text, configurations: configurations)
      }
      if let one = alone ?? nil { return one }
    }
    throw Failure(
      .sessionNotFound, "no session of Claude Code is \"\(SessionName.excerpt(target))\"",
      hint: "`apus adopt` lists those that can be adopted; a conversation id may be of any that left a transcript")
  }

  private func refuseKnown(_ one: ForeignSession) throws(Failure) {
    guard let session = sessions.values.first(where: { $0.conversationID == one.conversationID }) else { return }
    throw Failure(
      .conversationHeld, "that conversation is session \(session.name) (\(session.id)) already",
      hint: "`apus show \(session.name)` says what it does")
  }

  private func takeOver(
    _ found: ForeignSession, _ request: AdoptRequest, _ environment: [String: String]
  ) async throws -> SessionObject {
    try refuseWhileShuttingDown()
    try refuseKnown(found)
    if let name = request.name { try requireFree(name: name) }
    let one = await Offload.run { found.withDirectory() }
    guard let directory = one.directory else {
      throw Failure(
        .notResumable, "nothing says in which directory conversation \(one.conversationID) was held",
        hint: "is its transcript there? It is looked for in \(one.configuration)/projects")
    }
    let verdict = await verdict(of: one)
    // Somebody may have adopted it meanwhile.
    try refuseKnown(one)
    var spec = request.spec
    spec.environment = environment
    if ClaudeEnvironment.configurationDirectory(environment) != one.configuration {
      spec.environment["CLAUDE_CONFIG_DIR"] = one.configuration
    }
    spec.environment = shared(spec.environment)
    let id = ShortID.choose(random: RandomID.number()) { sessions[$0] != nil }
    let name = request.name ?? freeName(one.name ?? "claude-\(one.conversationID.prefix(8))", directory)
    try requireFree(name: name)
    var session = Session(
      id: id, name: name, conversationID: one.conversationID, directory: directory, spec: spec, createdAt: now)
    session.run = 0
    session.persists = request.persists
    session.transcriptSeen = verdict?.path != nil
    session.prompted = one.mark != nil || session.transcriptSeen
    session.watched = one.mark
    session.state = one.mark == nil ? .ended : .running
    try store.save(session)
    sessions[id] = session
    try note(
      id, .created,
      .object(["name": .string(name), "directory": .string(directory), "adoptedFrom": .string(one.source)]))
    log.info("session \(id) \(name): adopted from \(one.source), conversation \(one.conversationID)")
    if let mark = one.mark {
      try note(id, .watchBegan, .object(["pid": .integer(Int64(mark.pid))]))
      watch(id, mark)
    }
    return try await object(id)
  }
}
