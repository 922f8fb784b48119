import ApusCore

/// How a failure is said in HTTP.
enum HTTPStatus {
  static func of(_ code: ErrorCode) -> Int {
    switch code {
    case .requestMalformed: 400
    case .accessRefused: 403
    case .sessionNotFound, .permissionNotFound, .rescueNotFound, .serverNotFound, .routeUnknown, .tokenNotFound,
      .webhookNotFound,
      .directoryMissing, .repositoryMissing:
      404
    case .nameTaken, .nameAmbiguous, .sessionLive, .sessionNotRunning, .conversationHeld, .permissionAmbiguous,
      .daemonTaken, .sessionWatched, .branchTaken, .pathTaken, .workUnsaved, .workConflict, .workBusy,
      .lockHeld, .lockDeadlock, .lockStale, .claimHeld, .portTaken, .keyReused, .timedOut:
      409
    // Well formed, and still nothing that can be done.
    case .usage, .nameInvalid, .configurationInvalid, .refInvalid, .notResumable, .sessionEnded, .turnInterrupted,
      .testsFailed, .setUpFailed, .repositoryUnusable:
      422
    case .limitReached: 429
    case .agentMissing, .agentTooOld, .agentLogin, .agentLimit, .agentOverloaded, .agentMaxTurns, .agentBudget,
      .agentNoConversation, .agentCrashed, .agentError:
      502
    case .daemonUnreachable, .daemonVersion, .diskFull, .portsExhausted: 503
    case .homeRefused, .storeFailed, .permissionDenied, .keeperFailed, .demoUnavailable, .internalError, .toolMissing,
      .gitFailed:
      500
    }
  }

  static func title(_ status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 500: "Internal Server Error"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    default: "Error"
    }
  }
}
