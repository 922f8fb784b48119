import ApusCore

extension Coordinator {
  /// A session's run is over: nothing of what it had among others is left.
  func leaveTogether(_ id: String, _ evidence: String) {
    releaseLocks(of: id, evidence)
  }
}
