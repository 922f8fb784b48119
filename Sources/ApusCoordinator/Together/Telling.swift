import ApusAgents
import ApusCore
import ApusLoop
import ApusWire
import CSystem

// What sessions are told: by one another, and by us. It is kept first; the session's next hook delivers it, and what
// wakes is said at once to a session at rest.

extension Coordinator {
  private static let mostAtOnce = 20

  /// Leaves a text for other sessions.
  package func tell(_ request: TellRequest) throws -> TellReply {
    let text = request.text.trimmed
    guard !text.isEmpty else { throw Failure(.usage, "there is nothing to tell", hint: "`apus tell all TEXT`") }
    guard text.utf8.count <= Notice.longest else {
      throw Failure(
        .usage, "a message has at most \(Notice.longest) bytes; this has \(text.utf8.count)",
        hint: "write it into a file, and tell where that is")
    }
    let asking = try identify(request.asker)
    let from = asking.session.map { "\($0.name) (\($0.id))" } ?? "a person at a terminal"
    let receivers: [Session]
    if request.to == "all" {
      receivers = (asking.scope.isEmpty ? sessions.values.filter { $0.state.isLive } : companions(in: asking.scope))
        .filter { $0.id != asking.session?.id }
    } else {
      receivers = [try require(request.to)]
    }
    for session in receivers {
      try keep(Notice(session: session.id, kind: .told, from: from, text: text, at: now, wakes: false))
    }
    return TellReply(told: receivers.map(\.name).sorted())
  }

  /// What was left for a session.
  package func inbox(_ request: InboxRequest) throws -> [NoticeObject] {
    let session = try requireSession(of: request.asker, for: "an inbox")
    let notices = try store.loadNotices(of: session.id, read: request.all, limit: 500)
    if request.reads { try markRead(notices) }
    return notices.map { NoticeObject($0, now: now) }
  }

  func markRead(_ notices: [Notice]) throws {
    let unread = notices.filter { $0.readAt == nil }
    if unread.isEmpty { return }
    try store.transaction {
      for var notice in unread {
        notice.readAt = now
        try store.save(notice)
      }
    }
    for id in Set(unread.map(\.session)) { hasNotices.remove(id) }
  }

  private func keep(_ notice: Notice) throws {
    let kept = try store.add(notice)
    hasNotices.insert(kept.session)
    log.info("session \(kept.session): is to be told (\(kept.kind.rawValue))")
    changes.announce(kept.session)
    if kept.wakes { wake(kept.session) }
  }

  /// The same where it cannot be refused.
  func leave(_ notice: Notice) {
    do { try keep(notice) } catch { log.error("session \(notice.session): not told: \(error)") }
  }

  /// Takes what a session is to be told at this moment, as it reads it; nil: nothing.
  func takeNotices(_ id: String) -> String? {
    guard hasNotices.contains(id) else { return nil }
    do {
      let notices = try store.loadNotices(of: id, read: false, limit: Self.mostAtOnce)
      try markRead(notices)
      return notices.isEmpty ? nil : notices.map(\.quoted).joined(separator: "\n\n")
    } catch {
      log.error("session \(id): not told: \(error)")
      return nil
    }
  }

  /// A headless session at rest hears it as a prompt; others hear it at their next hook, or where a hook waits for it.
  private func wake(_ id: String) {
    if let waiting = sleepers.removeValue(forKey: id) { return waiting.give(()) }
    guard let run = live[id], !run.isOver, !run.isStopping, !run.run.isTerminal, !run.run.isSpoken,
      run.turn.mode == .idle,
      let text = takeNotices(id)
    else { return }
    do {
      let input = try store.transaction { () -> Input in
        try update(id) { session in
          session.prompted = true
          session.lastActive = now
        }
        return try store.add(newPrompt(id, text))
      }
      try run.accept(input)
    } catch { log.error("session \(id): not woken: \(error)") }
  }

  /// A turn is over: what was to wake the session while it worked does so now.
  func wakeIfTold(_ id: String) {
    if hasNoticeThatWakes(id) { wake(id) }
  }

  func hasNoticeThatWakes(_ id: String) -> Bool {
    guard hasNotices.contains(id), let open = try? store.loadNotices(of: id, read: false, limit: Self.mostAtOnce) else {
      return false
    }
    return open.contains(where: \.wakes)
  }

  /// Which sessions have something to hear, as the last daemon left it.
  func beginNotices() throws {
    for session in sessions.values where session.state.isLive {
      if try !store.loadNotices(of: session.id, read: false, limit: 1).isEmpty { hasNotices.insert(session.id) }
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    String(trimmingPrefix { $0.isWhitespace }.reversed().trimmingPrefix { $0.isWhitespace }.reversed())
  }
}
