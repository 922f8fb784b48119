import ApusCore

extension Coordinator {
  /// A session's run is over: nothing of what it had among others is left.
  func leaveTogether(_ id: String, _ evidence: String) {
    sleepers.removeValue(forKey: id)?.give(())
    _ = guards.end(of: id) { _ in true }
    releaseLocks(of: id, evidence)
    releaseClaims(of: id)
    if let session = sessions[id] { removeSheet(of: session) }
    stopWatchingClaims()
  }

  /// A session's run began: what it does is followed from now on.
  func joinTogether(_ id: String) {
    guard let session = sessions[id] else { return }
    keepSheet(of: session)
    if let scope = repository(of: session, session.directory) { watchClaims(in: checkout(of: session), scope: scope) }
  }
}
