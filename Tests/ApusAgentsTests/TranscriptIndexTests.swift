import ApusAgents
import ApusCore
import ApusTestKit
import Foundation
import Testing

@Suite("verdicts on real files") struct TranscriptIndexTests {
  private let healthy = Transcripts.text(Transcripts.lines())

  @Test func `a healthy transcript is found and resumable`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    try files.age(files.ownFile, seconds: 60)
    let verdict = files.verdict()
    #expect(verdict.resumable && verdict.warnings.isEmpty && verdict.reason == nil)
    #expect(verdict.path == files.place.path + "/" + files.ownFile)
    #expect(verdict.bytes == healthy.utf8.count)
    #expect(verdict.expiresInDays == 30)
    #expect(verdict.workingDirectory == files.working)
  }

  @Test func `no file is not started before a prompt and missing after one`() throws {
    let files = try Transcripts()
    #expect(Verdict.decide(files.evidence(prompted: false), now: 0).reason == .notStarted)
    #expect(Verdict.decide(files.evidence(prompted: true), now: 0).reason == .sessionFileMissing)
  }

  @Test func `where Claude Code was never used nothing is found, and that is no error`() throws {
    let files = try Transcripts()
    try FileManager.default.removeItem(atPath: files.configuration)
    #expect(Verdict.decide(files.evidence(prompted: false), now: 0).reason == .notStarted)
    #expect(!files.evidence().searchDenied)
  }

  @Test(arguments: [(0, Verdict.Reason.sessionFileTooSmall), (99, .sessionFileTooSmall), (100, .noConversation)])
  func `small files are told from empty conversations`(_ count: Int, _ reason: Verdict.Reason) throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, [UInt8](repeating: UInt8(ascii: "x"), count: count))
    #expect(files.verdict().reason == reason)
  }

  @Test func `what is unsound but resumable is warned of`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, String(healthy.dropLast(5)))
    #expect(files.verdict().warnings == [.tailTruncated])
    var lines = Transcripts.lines()
    lines[4] = "garbage"
    try files.place.write(files.ownFile, Transcripts.text(lines))
    #expect(files.verdict().warnings == [.linesUnreadable, .historyGap])
    #expect(files.verdict().resumable)
  }

  @Test func `a file smaller than it was has lost something`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    let evidence = files.evidence(bytesSeen: healthy.utf8.count + 1)
    #expect(Verdict.decide(evidence, now: Date().timeIntervalSince1970).warnings == [.historyGap])
  }

  @Test func `of two files the working directory's own comes first, though it is older`() throws {
    let files = try Transcripts()
    let other = "c/projects/-else/" + Transcripts.id + ".jsonl"
    try files.place.write(files.ownFile, healthy)
    try files.age(files.ownFile, seconds: 1_000)
    try files.place.write(other, healthy + healthy)
    let evidence = files.evidence()
    #expect(evidence.transcripts.map(\.path) == [files.ownFile, other].map { files.place.path + "/" + $0 })
    #expect(files.verdict().warnings == [.duplicateTranscript])
  }

  @Test func `elsewhere the newest comes first`() throws {
    let files = try Transcripts()
    for (name, age) in [("-a", 300.0), ("-b", 100), ("-c", 200)] {
      let file = "c/projects/\(name)/\(Transcripts.id).jsonl"
      try files.place.write(file, healthy)
      try files.age(file, seconds: age)
    }
    let found = files.evidence().transcripts.map { ($0.path as NSString).deletingLastPathComponent.suffix(2) }
    #expect(found == ["-b", "-c", "-a"])
  }

  @Test func `a working directory is the place its links lead to`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    try files.place.write("c/projects/-newer/" + Transcripts.id + ".jsonl", healthy)
    let link = files.place.path + "/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: files.working)
    let evidence = files.evidence(directory: link)
    #expect(evidence.place == .present && evidence.directory == link)
    #expect(evidence.transcripts.first?.path == files.place.path + "/" + files.ownFile)
  }

  @Test func `a working directory may be unknown or gone`() throws {
    let files = try Transcripts()
    #expect(files.evidence(directory: "").place == .none)
    #expect(files.evidence(directory: files.place.path + "/gone").place == .missing)
    try FileManager.default.createSymbolicLink(
      atPath: files.place.path + "/dangling", withDestinationPath: "nowhere")
    #expect(files.evidence(directory: files.place.path + "/dangling").place == .missing)
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func `what may not be read is said so`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    chmod(files.place.path + "/" + files.ownFile, 0)
    #expect(files.verdict().reason == .permissionDenied)
    chmod(files.configuration + "/projects", 0)
    defer { chmod(files.configuration + "/projects", 0o700) }
    #expect(files.evidence().searchDenied)
  }

  @Test func `a directory that bears a transcript's name is none`() throws {
    let files = try Transcripts()
    try files.makeDirectory(files.ownFile)
    #expect(files.evidence().transcripts.isEmpty)
  }

  @Test func `a file that grew, shrank or was replaced is read anew`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    #expect(files.evidence().transcripts.first?.content.conversationLines == 6)
    try files.place.write(files.ownFile, healthy + healthy)
    #expect(files.evidence().transcripts.first?.content.conversationLines == 12)
    try files.place.write(files.ownFile, Transcripts.text(Transcripts.lines(turns: 1)))
    #expect(files.evidence().transcripts.first?.content.conversationLines == 2)
    // Of the same size and time, but another file.
    let spoilt = String(Transcripts.text(Transcripts.lines(turns: 1)).map { $0 == "{" ? "[" : $0 })
    try files.place.write(files.own + "/draft", spoilt)
    try files.age(files.ownFile, seconds: 50)
    try files.age(files.own + "/draft", seconds: 50)
    _ = files.evidence()
    #expect(rename(files.place.path + "/" + files.own + "/draft", files.place.path + "/" + files.ownFile) == 0)
    #expect(files.evidence().transcripts.first?.content.conversationLines == 0)
  }

  @Test func `a file that is new in a directory known for long is seen`() throws {
    let files = try Transcripts()
    try files.place.write(files.own + "/other.jsonl", healthy)
    try files.age(files.own, seconds: 500)
    try files.age("c/projects", seconds: 500)
    #expect(files.evidence().transcripts.isEmpty)
    #expect(files.evidence().transcripts.isEmpty)
    try files.place.write(files.ownFile, healthy)
    #expect(files.evidence().transcripts.count == 1)
    try files.age(files.own, seconds: 400)
    try files.age("c/projects", seconds: 400)
    #expect(files.evidence().transcripts.count == 1)
    try FileManager.default.removeItem(atPath: files.place.path + "/" + files.ownFile)
    #expect(files.evidence().transcripts.isEmpty)
    try files.place.write("c/projects/-new/" + Transcripts.id + ".jsonl", healthy)
    #expect(files.evidence().transcripts.count == 1)
  }

  @Test func `a line is known by its id`() throws {
    let files = try Transcripts()
    try files.place.write(files.ownFile, healthy)
    let path = files.place.path + "/" + files.ownFile
    #expect(TranscriptIndex.holds(line: "u1", path: path))
    #expect(!TranscriptIndex.holds(line: "u9", path: path))
    #expect(!TranscriptIndex.holds(line: "u1", path: path + "x"))
  }
}
