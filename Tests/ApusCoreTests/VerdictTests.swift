import ApusCore
import Testing

@Suite("verdicts") struct VerdictTests {
  private static let now: Moment = 1_795_000_000
  private static let day: Moment = 86_400

  private static func sound(bytes: Int = 5_000, age days: Double = 1) -> ConversationEvidence.Transcript {
    var content = TranscriptContent()
    content.conversationLines = 4
    return .init(
      path: "/c/projects/-p/id.jsonl", bytes: bytes, modified: now - days * day, readable: true, content: content)
  }

  private static func evidence(_ change: (inout ConversationEvidence) -> Void = { _ in }) -> ConversationEvidence {
    var evidence = ConversationEvidence()
    evidence.directory = "/p"
    evidence.place = .present
    evidence.prompted = true
    evidence.transcripts = [sound()]
    change(&evidence)
    return evidence
  }

  private func decide(_ evidence: ConversationEvidence, elsewhere: Bool = false) -> Verdict {
    Verdict.decide(evidence, now: Self.now, elsewhereDirectory: elsewhere)
  }

  @Test func `a sound conversation can be resumed, and the verdict says where it is`() {
    let verdict = decide(Self.evidence())
    #expect(verdict.resumable && verdict.reason == nil && verdict.warnings.isEmpty)
    #expect(verdict.path == "/c/projects/-p/id.jsonl" && verdict.bytes == 5_000)
    #expect(verdict.workingDirectory == "/p" && verdict.expiresInDays == 29 && verdict.liveElsewhere == nil)
  }

  @Test func `a session nobody knows has no metadata`() {
    #expect(Verdict.unknownSession.reason == .metadataNotFound && !Verdict.unknownSession.resumable)
  }

  /// Every blocker, the one that is told first foremost.
  private static let blockers: [(Verdict.Reason, @Sendable (inout ConversationEvidence) -> Void)] = [
    (.timedOut, { $0.timedOut = true }),
    (
      .noWorkingDirectory,
      {
        $0.place = .none
        $0.directory = nil
      }
    ),
    (.workingDirectoryMissing, { $0.place = .missing }),
    (.permissionDenied, { $0.place = .denied }),
    (
      .permissionDenied,
      {
        $0.transcripts = []
        $0.searchDenied = true
      }
    ),
    (.sessionFileMissing, { $0.transcripts = [] }),
    (
      .notStarted,
      {
        $0.transcripts = []
        $0.prompted = false
      }
    ),
    (.permissionDenied, { if !$0.transcripts.isEmpty { $0.transcripts[0].readable = false } }),
    (.sessionFileTooSmall, { if !$0.transcripts.isEmpty { $0.transcripts[0].bytes = 99 } }),
    (.noConversation, { if !$0.transcripts.isEmpty { $0.transcripts[0].content.conversationLines = 0 } }),
    (.liveElsewhere, { $0.elsewhere = Verdict.Elsewhere(pid: 7, program: "claude") }),
  ]

  @Test(arguments: blockers.indices) func `each blocker alone is the reason`(_ n: Int) {
    let verdict = decide(Self.evidence(Self.blockers[n].1))
    #expect(verdict.reason == Self.blockers[n].0 && !verdict.resumable)
  }

  @Test func `every reason but unknown metadata has its blocker`() {
    let told = Set(Self.blockers.map { $0.0.rawValue })
    #expect(Set(Verdict.Reason.allCases.map(\.rawValue)).subtracting(told) == ["metadata_not_found"])
  }

  @Test func `of several blockers the foremost is told`() {
    // The place excludes itself, and so do a file that is missing and one that is unsound.
    let groups = [[0], [1, 2, 3], [4, 5, 6, 7], [8], [9], [10]]
    for (n, group) in groups.enumerated() {
      for first in group {
        for later in groups[(n + 1)...].joined() {
          let verdict = decide(
            Self.evidence {
              Self.blockers[later].1(&$0)
              Self.blockers[first].1(&$0)
            })
          #expect(verdict.reason == Self.blockers[first].0, "\(first) before \(later)")
        }
      }
    }
  }

  @Test func `a file of a hundred bytes is not too small`() {
    #expect(decide(Self.evidence { $0.transcripts = [Self.sound(bytes: 100)] }).resumable)
    #expect(decide(Self.evidence { $0.transcripts = [Self.sound(bytes: 99)] }).reason == .sessionFileTooSmall)
    #expect(decide(Self.evidence { $0.transcripts = [Self.sound(bytes: 0)] }).reason == .sessionFileTooSmall)
  }

  @Test(arguments: [ConversationEvidence.Place.none, .missing, .denied])
  func `a working directory is not needed where the resume goes elsewhere`(_ place: ConversationEvidence.Place) {
    let evidence = Self.evidence { $0.place = place }
    #expect(!decide(evidence).resumable)
    #expect(decide(evidence, elsewhere: true).resumable)
  }

  @Test func `before the first prompt a file that is there is judged all the same`() {
    #expect(decide(Self.evidence { $0.prompted = false }).resumable)
  }

  private static let warnings: [(Verdict.Warning, @Sendable (inout ConversationEvidence) -> Void)] = [
    (.tailTruncated, { $0.transcripts[0].content.tornTail = true }),
    (.linesUnreadable, { $0.transcripts[0].content.unreadableLines = 2 }),
    (.historyGap, { $0.transcripts[0].content.missingParents = 1 }),
    (.historyGap, { $0.bytesSeen = 5_001 }),
    (.duplicateTranscript, { $0.transcripts.append(sound()) }),
    (.expiresSoon, { $0.transcripts[0].modified = now - 24 * day }),
  ]

  @Test(arguments: warnings.indices) func `each warning alone is told and blocks nothing`(_ n: Int) {
    let verdict = decide(Self.evidence(Self.warnings[n].1))
    #expect(verdict.warnings == [Self.warnings[n].0] && verdict.resumable && verdict.reason == nil)
  }

  @Test func `all warnings at once are told in a fixed order, each once`() {
    let verdict = decide(Self.evidence { for warning in Self.warnings { warning.1(&$0) } })
    #expect(verdict.warnings == Verdict.Warning.allCases)
  }

  @Test func `a blocked session is warned about too`() {
    let verdict = decide(
      Self.evidence {
        $0.place = .missing
        $0.transcripts[0].content.tornTail = true
      })
    #expect(verdict.reason == .workingDirectoryMissing && verdict.warnings == [.tailTruncated])
  }

  @Test(arguments: [
    (0.0, 30, false), (0.001, 30, false), (1.0, 29, false), (22.9, 8, false), (23.0, 7, false), (23.9, 7, false),
    (24.0, 6, true), (29.5, 1, true), (30.0, 0, true), (31.0, -1, true),
  ])
  func `days are counted down, and the last week is warned of`(_ age: Double, _ left: Int, _ soon: Bool) {
    let verdict = decide(Self.evidence { $0.transcripts = [Self.sound(age: age)] })
    #expect(verdict.expiresInDays == left)
    #expect(verdict.warnings.contains(.expiresSoon) == soon)
  }

  @Test(arguments: [1, 30, 36_500, Int.max]) func `any number of days to keep is bearable`(_ days: Int) {
    let verdict = decide(
      Self.evidence {
        $0.retentionDays = days
        $0.transcripts = [Self.sound(age: 0)]
      })
    #expect(verdict.resumable)
    #expect((verdict.expiresInDays ?? -1) >= min(days, 36_500))
  }

  @Test(arguments: [Moment(0), -1e18, 1e18]) func `any time of a file is bearable`(_ modified: Moment) {
    let verdict = decide(Self.evidence { $0.transcripts[0].modified = modified })
    #expect(verdict.resumable && verdict.expiresInDays != nil)
  }

  @Test func `a time-out says nothing it does not know`() {
    let verdict = decide(Self.evidence { $0.timedOut = true })
    #expect(verdict.path == nil && verdict.bytes == nil && verdict.expiresInDays == nil && verdict.warnings.isEmpty)
    #expect(verdict.workingDirectory == "/p")
  }

  @Test func `as JSON every key is there, null where it says nothing`() throws {
    let empty = try JSONText.string(Verdict.unknownSession)
    #expect(
      empty == #"{"bytes":null,"expiresInDays":null,"liveElsewhere":null,"path":null,"reason":"metadata_not_found","#
        + #""resumable":false,"warnings":[],"workingDirectory":null}"#)
    let full = try JSONText.string(
      decide(
        Self.evidence {
          $0.elsewhere = Verdict.Elsewhere(pid: 7, program: "claude")
          $0.bytesSeen = 9_999
        }))
    #expect(
      full == #"{"bytes":5000,"expiresInDays":29,"liveElsewhere":{"pid":7,"program":"claude"},"#
        + #""path":"/c/projects/-p/id.jsonl","reason":"live_elsewhere","resumable":false,"#
        + #""warnings":["history_gap"],"workingDirectory":"/p"}"#)
    let fine = try JSONText.decode(JSON.self, from: JSONText.encode(decide(Self.evidence())))
    #expect(fine["reason"] == .null && fine.object?.count == 8)
  }

  @Test func `a verdict comes back from JSON as it was`() throws {
    for blocker in Self.blockers {
      let verdict = decide(Self.evidence(blocker.1))
      #expect(try JSONText.decode(Verdict.self, from: JSONText.encode(verdict)) == verdict)
    }
  }
}
