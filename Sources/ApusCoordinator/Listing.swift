import ApusAgents
import ApusCore
import ApusLoop
import ApusWire

// What there is: sessions, verdicts, events, conversations.

extension Coordinator {
  package func list(_ request: ListRequest) async throws -> [SessionObject] {
    let chosen = sessions.values
      .filter { request.all || $0.state != .archived }
      .filter { request.owner == nil || $0.owner == request.owner }
      .filter { session in request.tag.map { session.tags.contains($0) } ?? true }
      .sorted { ($0.lastActive, $0.id) > ($1.lastActive, $1.id) }
    if request.figures == true { await measure(chosen) }
    let judged = await verdicts.evaluate(chosen.map { query($0) })
    if chosen.contains(where: { $0.watched != nil }) { await lookAtWatched() }
    if chosen.contains(where: { $0.place != nil }) {
      await statuses.refresh(chosen)
      await markConflicts(chosen)
    }
    watchLimits()
    let queued = queuePlaces()
    var objects = zip(chosen, judged).map { session, verdict in
      var object = object(sessions[session.id] ?? session, verdict: verdict)
      object.queue = queued[session.id]
      return object
    }
    if request.all, !request.resumable, request.owner == nil, request.tag == nil {
      objects += await foreign(seenFrom: request.claude).filter { $0.mark != nil }.map { object($0, verdict: nil) }
    }
    // The limit counts what will really resume, so it comes last.
    if request.resumable { objects.removeAll { !$0.verdict.resumable } }
    if let limit = request.limit { objects = Array(objects.prefix(limit)) }
    return objects
  }

  package func show(_ request: SessionRequest) async throws -> SessionObject {
    let session = try require(request.session)
    await measure([session])
    await markConflicts([session])
    return try await object(session.id)
  }

  package func check(_ request: CheckRequest) async throws -> [CheckItem] {
    if request.sessions.isEmpty {
      let all = sessions.values.filter { $0.state != .archived }.sorted { $0.createdAt > $1.createdAt }
      let judged = await verdicts.evaluate(all.map { query($0) })
      return zip(all, judged).map { CheckItem(id: $0.id, name: $0.name, verdict: $1) }
    }
    var items: [CheckItem] = []
    for text in request.sessions {
      guard let session = try find(text) else {
        items.append(CheckItem(id: nil, name: text, verdict: .unknownSession))
        continue
      }
      let verdict = await verdicts.evaluate([query(session)])[0]
      if let reason = verdict.reason, reason != .notStarted {
        log.warning("session \(session.id): verdict \(reason.rawValue)")
      }
      items.append(CheckItem(id: session.id, name: session.name, verdict: verdict))
    }
    return items
  }

  // MARK: events

  /// Hands every event from number `from` on to the caller, one JSON object each; following, until the caller goes.
  package func events(_ request: EventsRequest, _ caller: Caller) async throws {
    let id = try require(request.session).id
    var next = max(0, request.from)
    while !caller.isGone {
      let events = try store.loadEvents(of: id, from: next, limit: 200)
      for event in events {
        await caller.item(try JSONText.encode(EventObject(event)))
        next = event.n + 1
      }
      if !events.isEmpty { continue }
      guard request.follow else { return }
      await changes.next(of: id, caller: caller, milliseconds: nil)
    }
  }

  // MARK: the conversation

  /// Hands the conversation to the caller, one `Utterance` each: what was asked when it was taken up, what was answered
  /// to the letter; of a fork, what its parent had said before.
  package func logs(_ request: LogsRequest, _ caller: Caller) async throws {
    let session = try require(request.session)
    var ancestors: [(id: String, until: Int)] = []
    var child = session
    while let parent = child.forkedFrom.flatMap({ sessions[$0] }), ancestors.count < 64 {
      ancestors.insert((parent.id, child.forkedAtEvent ?? 0), at: 0)
      child = parent
    }
    for ancestor in ancestors {
      var reader = ConversationReader()
      var next = 0
      while next < ancestor.until {
        let events = try store.loadEvents(of: ancestor.id, from: next, limit: min(200, ancestor.until - next))
        guard let last = events.last else { break }
        for event in events { for said in reader.read(event) { await caller.item(try JSONText.encode(said)) } }
        next = last.n + 1
      }
    }
    var reader = ConversationReader()
    var next = 0
    while !caller.isGone {
      let events = try store.loadEvents(of: session.id, from: next, limit: 200)
      for event in events {
        for said in reader.read(event) { await caller.item(try JSONText.encode(said)) }
        next = event.n + 1
      }
      if !events.isEmpty { continue }
      guard request.follow else { break }
      await changes.next(of: session.id, caller: caller, milliseconds: nil)
    }
    if !request.follow { for said in reader.unanswered { await caller.item(try JSONText.encode(said)) } }
  }
}

/// Puts a conversation together from events.
struct ConversationReader {
  private var prompts: [(id: String, text: String)] = []
  private var shown: Set<String> = []

  /// Prompts no agent has taken up.
  var unanswered: [Utterance] {
    prompts.map { Utterance(role: .user, text: $0.text, id: $0.id) }
  }

  mutating func read(_ event: Event) -> [Utterance] {
    switch event.kind {
    case .promptAccepted:
      guard let id = event.detail["id"]?.string else { return [] }
      prompts.append((id, event.detail["text"]?.string ?? ""))
      return []
    case .promptStarted: return event.detail["id"]?.string.flatMap { take($0) } ?? []
    case .said:
      guard let role = event.detail["role"]?.string.flatMap(Utterance.Role.init(rawValue:)) else { return [] }
      let id = event.detail["id"]?.string
      if role == .user {
        // The agent repeats our prompts when it answers them; a merged one comes twice.
        guard let id else { return [] }
        return take(id) ?? []
      }
      return [
        Utterance(
          role: role, text: event.detail["text"]?.string ?? "", id: id, tool: event.detail["tool"]?.string,
          isError: event.detail["isError"]?.bool)
      ]
    default: return []
    }
  }

  private mutating func take(_ id: String) -> [Utterance]? {
    guard let index = prompts.firstIndex(where: { $0.id == id }), shown.insert(id).inserted else { return nil }
    let prompt = prompts.remove(at: index)
    return [Utterance(role: .user, text: prompt.text, id: id)]
  }
}
