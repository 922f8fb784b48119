/// The answer to "can this session be resumed", from the file system alone.
package struct Verdict: Equatable, Sendable {
  package enum Reason: String, Codable, Sendable, CaseIterable {
    case metadataNotFound = "metadata_not_found"
    case noWorkingDirectory = "no_working_directory"
    case workingDirectoryMissing = "working_directory_missing"
    case sessionFileMissing = "session_file_missing"
    case sessionFileTooSmall = "session_file_too_small"
    case noConversation = "no_conversation"
    case notStarted = "not_started"
    case liveElsewhere = "live_elsewhere"
    case permissionDenied = "permission_denied"
    case timedOut = "timed_out"
  }

  package enum Warning: String, Codable, Sendable, CaseIterable {
    case tailTruncated = "tail_truncated"
    case linesUnreadable = "lines_unreadable"
    case historyGap = "history_gap"
    case duplicateTranscript = "duplicate_transcript"
    case expiresSoon = "expires_soon"
  }

  /// A process that is not ours and has the conversation open.
  package struct Elsewhere: Codable, Equatable, Sendable {
    package var pid: Int
    package var program: String

    package init(pid: Int, program: String) {
      self.pid = pid
      self.program = program
    }
  }

  package var resumable: Bool
  package var reason: Reason?
  package var warnings: [Warning] = []
  package var path: String?
  package var bytes: Int?
  package var workingDirectory: String?
  package var expiresInDays: Int?
  package var liveElsewhere: Elsewhere?

  package init(resumable: Bool, reason: Reason?) {
    self.resumable = resumable
    self.reason = reason
  }
}

/// What was found out about a conversation on disk; the rule below turns it into a verdict.
package struct ConversationEvidence: Equatable, Sendable {
  package enum Place: Equatable, Sendable { case none, missing, denied, present }

  package struct Transcript: Equatable, Sendable {
    package var path: String
    package var bytes: Int
    package var modified: Moment
    package var readable: Bool
    package var content: TranscriptContent

    package init(path: String, bytes: Int, modified: Moment, readable: Bool, content: TranscriptContent) {
      self.path = path
      self.bytes = bytes
      self.modified = modified
      self.readable = readable
      self.content = content
    }
  }

  package var directory: String?
  package var place: Place = .none
  /// Every file that bears the conversation's id, the one that would be resumed first.
  package var transcripts: [Transcript] = []
  /// A place that had to be searched could not be.
  package var searchDenied = false
  package var timedOut = false
  package var prompted = false
  /// The largest size the file was ever seen with.
  package var bytesSeen = 0
  /// After how many days the agent deletes transcripts.
  package var retentionDays = 30
  package var elsewhere: Verdict.Elsewhere?

  package init() {}
}

/// What a transcript's lines say about its soundness.
package struct TranscriptContent: Codable, Equatable, Sendable {
  /// Lines of the conversation proper (user, assistant).
  package var conversationLines = 0
  package var unreadableLines = 0
  /// The last line has no end, or is no line.
  package var tornTail = false
  /// A line continues another that is not in the file.
  package var missingParents = 0

  package init() {}
}

extension Verdict {
  package static let smallest = 100
  package static let soonDays = 7

  package static let unknownSession = Verdict(resumable: false, reason: .metadataNotFound)

  /// The rule. `elsewhereDirectory`: the resume will run in another directory, so that the old one is not needed.
  package static func decide(
    _ evidence: ConversationEvidence, now: Moment, elsewhereDirectory: Bool = false
  ) -> Verdict {
    var verdict = Verdict(resumable: false, reason: nil)
    verdict.workingDirectory = evidence.directory
    if evidence.timedOut {
      verdict.reason = .timedOut
      return verdict
    }
    if let file = evidence.transcripts.first {
      verdict.path = file.path
      verdict.bytes = file.bytes
      let age = (now - file.modified) / 86400
      let left = (Double(evidence.retentionDays) - age).rounded(.up)
      // A person may write any number of days: beyond what an Int of days can mean, it is "never".
      verdict.expiresInDays = Int(max(-1e9, min(left, 1e9)))
      verdict.warnings = warnings(file, evidence, expiresInDays: verdict.expiresInDays ?? 0)
    }
    verdict.liveElsewhere = evidence.elsewhere
    verdict.reason = blocker(evidence, elsewhereDirectory: elsewhereDirectory)
    verdict.resumable = verdict.reason == nil
    return verdict
  }

  private static func blocker(_ evidence: ConversationEvidence, elsewhereDirectory: Bool) -> Reason? {
    if !elsewhereDirectory {
      switch evidence.place {
      case .none: return .noWorkingDirectory
      case .missing: return .workingDirectoryMissing
      case .denied: return .permissionDenied
      case .present: break
      }
    }
    guard let file = evidence.transcripts.first else {
      if evidence.searchDenied { return .permissionDenied }
      return evidence.prompted ? .sessionFileMissing : .notStarted
    }
    if !file.readable { return .permissionDenied }
    if file.bytes < smallest { return .sessionFileTooSmall }
    if file.content.conversationLines == 0 { return .noConversation }
    if evidence.elsewhere != nil { return .liveElsewhere }
    return nil
  }

  private static func warnings(
    _ file: ConversationEvidence.Transcript, _ evidence: ConversationEvidence, expiresInDays: Int
  ) -> [Warning] {
    var warnings: [Warning] = []
    if file.content.tornTail { warnings.append(.tailTruncated) }
    if file.content.unreadableLines > 0 { warnings.append(.linesUnreadable) }
    if file.content.missingParents > 0 || file.bytes < evidence.bytesSeen { warnings.append(.historyGap) }
    if evidence.transcripts.count > 1 { warnings.append(.duplicateTranscript) }
    if expiresInDays < soonDays { warnings.append(.expiresSoon) }
    return warnings
  }
}

extension Verdict: Codable {
  private enum CodingKeys: String, CodingKey {
    case resumable, reason, warnings, path, bytes, workingDirectory, expiresInDays, liveElsewhere
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    resumable = try fields.decode(Bool.self, forKey: .resumable)
    reason = try fields.decodeIfPresent(Reason.self, forKey: .reason)
    warnings = try fields.decode([Warning].self, forKey: .warnings)
    path = try fields.decodeIfPresent(String.self, forKey: .path)
    bytes = try fields.decodeIfPresent(Int.self, forKey: .bytes)
    workingDirectory = try fields.decodeIfPresent(String.self, forKey: .workingDirectory)
    expiresInDays = try fields.decodeIfPresent(Int.self, forKey: .expiresInDays)
    liveElsewhere = try fields.decodeIfPresent(Elsewhere.self, forKey: .liveElsewhere)
  }

  /// Every key is always there; what is unknown or does not apply is null.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(resumable, forKey: .resumable)
    try fields.encode(reason, forKey: .reason)
    try fields.encode(warnings, forKey: .warnings)
    try fields.encode(path, forKey: .path)
    try fields.encode(bytes, forKey: .bytes)
    try fields.encode(workingDirectory, forKey: .workingDirectory)
    try fields.encode(expiresInDays, forKey: .expiresInDays)
    try fields.encode(liveElsewhere, forKey: .liveElsewhere)
  }
}
