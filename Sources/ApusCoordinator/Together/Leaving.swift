import ApusCore

extension Coordinator {
  /// A session's run is over: nothing of what it had among others is left.
  func leaveTogether(_ id: String, _ evidence: String) {
    sleepers.removeValue(forKey: id)?.give(())
    _ = guards.end(of: id) { _ in true }
    releaseLocks(of: id, evidence)
    endDeployments(of: id)
    releaseClaims(of: id)
    if let session = sessions[id] { removeSheet(of: session) }
    stopWatchingClaims()
    servers.turns.remove(id)
    servers.checkouts[id] = nil
    refreshHolds()
    if let scope = sessionsFiles.members.removeValue(forKey: id) { sessionsFiles.write(scopes: [scope]) }
  }

  /// A session's run began: what it does is followed from now on.
  func joinTogether(_ id: String) {
    guard let session = sessions[id] else { return }
    keepSheet(of: session)
    guard let scope = repository(of: session, session.directory) else { return }
    watchClaims(in: checkout(of: session), scope: scope)
    sessionsFiles.members[id] = scope
    sessionsFiles.write(scopes: [scope])
  }
}
