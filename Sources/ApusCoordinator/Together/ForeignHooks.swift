import ApusAgents
import ApusCore
import ApusWire

// Sessions of Claude Code that are not ours, but have our plugin: they are registered by their first hook, without being
// asked, and have the same rights and duties as others from then on.

extension Coordinator {
  func hearForeign(_ request: HookRequest, _ caller: Caller) async throws -> HookAnswer {
    guard let json = try? JSONText.decode(JSON.self, from: request.report), let report = ClaudeHooks.read(json) else {
      throw Failure(.usage, "that is no hook's report")
    }
    let known = sessions.values.first { $0.conversationID == report.conversationID }
    if let known, known.watched == nil, known.state.isLive {
      // One of ours without our mark in its environment: its own hooks say the same.
      throw Failure(.usage, "that conversation is session \(known.name)")
    }
    guard let session = try register(request, report, known) else { return .nothing }
    if case .ended(_, let isFollowed) = report.fact, !isFollowed { changes.announce(session.id) }
    return await answer(report, of: session, caller)
  }

  /// The session of that conversation: an old one that goes on, or a new one. Nil where its process is not known.
  private func register(_ request: HookRequest, _ report: HookReport, _ known: Session?) throws -> Session? {
    guard let mark = request.agent else { return nil }
    if let known, known.watched == mark { return known }
    if let other = sessions.values.first(where: { $0.watched == mark && $0.id != known?.id }) {
      return try move(other, to: report)
    }
    if var known {
      guard !known.state.isLive || known.watched != nil else { return nil }
      known.watched = mark
      known.state = .running
      known.lastActive = now
      known.archivedAt = nil
      try store.save(known)
      sessions[known.id] = known
      watch(known.id, mark)
      joinTogether(known.id)
      return known
    }
    var variables: [String: String] = [:]
    for entry in request.environment {
      guard let equals = entry.firstIndex(of: "=") else { continue }
      variables[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
    }
    if variables.isEmpty { variables = environment }
    let id = freeID()
    var session = Session(
      id: id, name: freeName("claude-\(id)", report.directory ?? "/"), conversationID: report.conversationID,
      directory: report.directory ?? "/",
      spec: SpawnSpec(
        program: settings[.claude], model: nil, permissionMode: "manual", maxTurns: nil,
        environment: shared(ClaudeEnvironment.scrub(variables))), createdAt: now)
    session.run = 0
    session.prompted = true
    session.watched = mark
    session.state = .running
    session.tags = ["plain"]
    try store.save(session)
    sessions[id] = session
    try note(
      id, .created,
      .object([
        "name": .string(session.name), "directory": .string(session.directory), "adoptedFrom": .string("hook"),
      ]))
    log.info("session \(id) \(session.name): registered by its hook, conversation \(session.conversationID)")
    watch(id, mark)
    joinTogether(id)
    return sessions[id]
  }

  /// The same process is at another conversation now (`/clear`, one picked from a list).
  private func move(_ session: Session, to report: HookReport) throws -> Session {
    removeSheet(of: session)
    try update(session.id) { $0.conversationID = report.conversationID }
    joinTogether(session.id)
    return sessions[session.id] ?? session
  }
}
