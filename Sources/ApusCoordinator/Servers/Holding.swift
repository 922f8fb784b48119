import ApusAgents
import ApusCore
import ApusGit
import ApusLoop
import ApusWire

// What keeps development servers from reloading. A hold is worked out from what is known of sessions whenever something
// of them changes, so that none can be left behind: who has ended is in no turn.

extension Coordinator {
  /// Tells every server's owner what holds it, where that changed.
  func refreshHolds() {
    for serving in servers.all {
      let now = holds(of: serving)
      guard now != serving.told else { continue }
      serving.told = now
      changes.announce(.servers)
      var order = DevOrder(.holds)
      order.holds = now
      serving.send(order)
    }
  }

  func holds(of serving: DevServing) -> [Hold] {
    var found: [Hold] = []
    func add(_ reason: Hold.Reason, _ id: String, _ name: String) {
      let before = serving.told.first { $0.reason == reason && $0.id == id && $0.name == name }
      found.append(before ?? Hold(reason, id: id, name: name, since: now))
    }
    for session in sessions.values.sorted(by: { $0.id < $1.id }) where session.state.isLive {
      if isInTurn(session), covers(session, serving) { add(.turn, session.id, session.name) }
    }
    // What is edited outside of turns: by what an agent left running.
    for edit in claims.underWay.values where !found.contains(where: { $0.id == edit.session }) {
      guard let session = sessions[edit.session], session.state.isLive,
        serving.request.roots.contains(where: { Self.holds($0, edit.file.checkout + "/" + edit.file.path) })
      else { continue }
      add(.edit, session.id, session.name)
    }
    // What a session asked for goes with it.
    serving.asked.removeAll { !$0.id.isEmpty && sessions[$0.id]?.state.isLive != true }
    return found + serving.asked
  }

  private func isInTurn(_ session: Session) -> Bool {
    if let run = live[session.id] { return !run.isOver && run.turn.isMidTurn }
    return session.watched != nil && servers.turns.contains(session.id)
  }

  /// Whether what a session works in and what a server watches have files in common.
  func covers(_ session: Session, _ serving: DevServing) -> Bool {
    let checkout = realCheckout(of: session)
    return serving.request.roots.contains { root in
      if Self.holds(checkout, root) { return true }
      // A worktree of a session's inside of what is watched is not watched.
      return Self.holds(root, checkout) && session.place?.worktree == nil
    }
  }

  private func realCheckout(of session: Session) -> String {
    let directory = session.place?.worktree ?? session.directory
    if let known = servers.checkouts[session.id], known.directory == directory { return known.checkout }
    let found = self.checkout(of: session)
    let checkout = Repository.real(found) ?? found
    servers.checkouts[session.id] = (directory, checkout)
    return checkout
  }

  private nonisolated static func holds(_ directory: String, _ path: String) -> Bool {
    path == directory || directory == "/" || path.hasPrefix(directory + "/")
  }

  // MARK: sessions that are not ours

  /// Of a session that is only watched its hooks alone say that it is in a turn.
  func followTurn(_ fact: HookReport.Fact, of session: Session) {
    guard session.watched != nil else { return }
    switch fact {
    case .prompted, .toolBegan: servers.turns.insert(session.id)
    case .turnEnded, .turnFailed, .ended: servers.turns.remove(session.id)
    case .started, .toolEnded, .wentOn, .permissionAsked, .notified: return
    }
    refreshHolds()
  }

  /// What turns those are in that the hooks of did not come to this daemon.
  func seedTurns() {
    LoopActor.begin { [self] in
      guard sessions.values.contains(where: { $0.watched != nil }) else { return }
      await lookAtWatched()
      for (id, seen) in watches.seen where seen.activity == .working && sessions[id]?.watched != nil {
        servers.turns.insert(id)
      }
      refreshHolds()
    }
  }
}
