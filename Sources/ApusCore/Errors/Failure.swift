/// What went wrong, in words a person can act on: what happened, then what to do.
///
/// The same object on every door: `error:` and `hint:` lines, `{"error":{…}}` in JSON, a problem document over HTTP.
package struct Failure: Error, Codable, Equatable, Sendable {
  package var code: ErrorCode
  /// One line: what happened.
  package var summary: String
  /// What to do next; names a real command wherever there is one.
  package var hint: String?

  package init(_ code: ErrorCode, _ summary: String, hint: String? = nil) {
    self.code = code
    self.summary = summary
    self.hint = hint
  }

  /// A code of a later version is none that this one can tell apart; what it says stays.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    code = ErrorCode(rawValue: try fields.decode(String.self, forKey: .code)) ?? .internalError
    summary = try fields.decode(String.self, forKey: .summary)
    hint = try fields.decodeIfPresent(String.self, forKey: .hint)
  }
}

/// Every way of failing that outsiders can tell apart. Codes are promises: append, never rename.
package enum ErrorCode: String, Codable, CaseIterable, Sendable {
  case usage
  case nameInvalid = "name.invalid"
  case configurationInvalid = "configuration.invalid"
  case directoryMissing = "directory.missing"

  case sessionNotFound = "session.not_found"
  case permissionNotFound = "permission.not_found"

  case nameTaken = "name.taken"
  case nameAmbiguous = "name.ambiguous"
  case sessionLive = "session.live"
  case sessionNotRunning = "session.not_running"
  case conversationHeld = "conversation.held"
  case permissionAmbiguous = "permission.ambiguous"
  case daemonTaken = "daemon.taken"

  case notResumable = "session.not_resumable"
  case sessionEnded = "session.ended"
  case sessionWatched = "session.watched"
  case limitReached = "limit.reached"
  case turnInterrupted = "turn.interrupted"

  case agentMissing = "agent.missing"
  case agentTooOld = "agent.too_old"
  case agentLogin = "agent.login"
  case agentLimit = "agent.limit"
  case agentOverloaded = "agent.overloaded"
  case agentMaxTurns = "agent.max_turns"
  case agentBudget = "agent.budget"
  case agentNoConversation = "agent.no_conversation"
  case agentCrashed = "agent.crashed"
  case agentError = "agent.error"

  case repositoryMissing = "repository.missing"
  case repositoryUnusable = "repository.unusable"
  case refInvalid = "ref.invalid"
  case branchTaken = "branch.taken"
  case pathTaken = "path.taken"
  case workUnsaved = "work.unsaved"
  case workConflict = "work.conflict"
  case workBusy = "work.busy"
  case testsFailed = "tests.failed"
  case setUpFailed = "setup.failed"
  case portsExhausted = "ports.exhausted"
  case rescueNotFound = "rescue.not_found"
  case toolMissing = "tool.missing"
  case gitFailed = "git.failed"

  case lockHeld = "lock.held"
  case lockDeadlock = "lock.deadlock"
  case lockStale = "lock.stale"
  case claimHeld = "claim.held"

  case serverNotFound = "server.not_found"
  case portTaken = "port.taken"

  case accessRefused = "access.refused"
  case requestMalformed = "request.malformed"
  case routeUnknown = "route.unknown"
  case tokenNotFound = "token.not_found"
  case webhookNotFound = "webhook.not_found"
  case keyReused = "key.reused"

  case timedOut = "timed_out"

  case daemonUnreachable = "daemon.unreachable"
  case daemonVersion = "daemon.version"
  case homeRefused = "home.refused"
  case diskFull = "disk.full"
  case storeFailed = "store.failed"
  case permissionDenied = "permission.denied"
  case keeperFailed = "keeper.failed"
  case demoUnavailable = "demo.unavailable"
  case internalError = "internal"

  /// Whether whatever is started next would fail of the same.
  package var isCommonCause: Bool {
    switch self {
    case .agentLogin, .agentLimit, .agentOverloaded, .agentMissing, .agentTooOld, .diskFull, .storeFailed,
      .daemonUnreachable:
      true
    case .usage, .nameInvalid, .configurationInvalid, .directoryMissing, .sessionNotFound, .permissionNotFound,
      .nameTaken, .nameAmbiguous, .sessionLive, .sessionNotRunning, .conversationHeld, .permissionAmbiguous,
      .daemonTaken, .notResumable, .sessionEnded, .sessionWatched, .limitReached, .turnInterrupted, .agentMaxTurns,
      .agentBudget, .agentNoConversation, .agentCrashed, .agentError, .timedOut, .daemonVersion,
      .homeRefused, .permissionDenied, .keeperFailed, .demoUnavailable, .internalError, .repositoryMissing,
      .repositoryUnusable, .refInvalid, .branchTaken, .pathTaken, .workUnsaved, .workConflict, .workBusy, .testsFailed,
      .setUpFailed, .rescueNotFound, .toolMissing, .gitFailed, .portsExhausted, .lockHeld, .lockDeadlock, .lockStale,
      .claimHeld, .serverNotFound, .portTaken, .accessRefused, .requestMalformed, .routeUnknown, .tokenNotFound,
      .webhookNotFound, .keyReused:
      false
    }
  }

  /// 0 done, 1 failed, 2 usage, 3 not found, 4 conflict, 5 the agent's fault, 124 timed out.
  package var exitCode: Int32 {
    switch self {
    case .usage, .nameInvalid, .configurationInvalid, .directoryMissing, .refInvalid, .requestMalformed: 2
    case .sessionNotFound, .permissionNotFound, .rescueNotFound, .serverNotFound, .routeUnknown, .tokenNotFound,
      .webhookNotFound:
      3
    case .nameTaken, .nameAmbiguous, .sessionLive, .sessionNotRunning, .conversationHeld, .permissionAmbiguous,
      .daemonTaken, .sessionWatched, .branchTaken, .pathTaken, .workUnsaved, .workConflict, .workBusy,
      .lockHeld, .lockDeadlock, .lockStale, .claimHeld, .portTaken, .keyReused:
      4
    case .agentMissing, .agentTooOld, .agentLogin, .agentLimit, .agentOverloaded, .agentMaxTurns, .agentBudget,
      .agentNoConversation, .agentCrashed, .agentError:
      5
    case .timedOut: 124
    case .notResumable, .sessionEnded, .turnInterrupted, .daemonUnreachable, .daemonVersion, .homeRefused, .diskFull,
      .storeFailed, .limitReached, .permissionDenied, .keeperFailed, .demoUnavailable, .internalError,
      .repositoryMissing, .repositoryUnusable, .testsFailed, .setUpFailed, .portsExhausted, .toolMissing, .gitFailed,
      .accessRefused:
      1
    }
  }
}
