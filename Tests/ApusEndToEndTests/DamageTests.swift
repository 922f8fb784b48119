import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Damage that does not block is told as a warning, and the real agent really resumes what is called resumable.
@Suite struct DamageTests {
  @Test func `a torn tail, a bad line and a hole in the middle warn, and the session resumes`() async throws {
    try await TestHome.with { home in
      let (_, path) = try await VerdictTests.flown(home, "one")
      var warned: Set<Verdict.Warning> = []

      /// Damages what is there by now: a file that became smaller would have a gap for that alone.
      func expectResumes(
        with warning: Verdict.Warning, _ what: String, _ damage: ([[UInt8]]) throws -> [[UInt8]]
      ) async throws {
        let lines = Disk.bytes(path).split(separator: 10).map { Array($0) + [10] }
        let damaged = Array(try damage(lines).joined())
        Disk.write(damaged, to: path)
        let verdict = try await home.verdict("one")
        #expect(verdict.resumable, "\(what): \(verdict.reason?.rawValue ?? "")")
        #expect(Set(verdict.warnings) == warned.union([warning]), "\(what)")
        #expect(verdict.bytes == damaged.count)
        let resumed = try await home.session("resume", "one", "say: after \(what)", "--wait")
        #expect(resumed.result == "after \(what)")
        #expect(await home.apus("stop", "one").status == 0)
      }

      try await expectResumes(with: .tailTruncated, "a torn tail") { $0 + [Array(#"{"parentUuid":"00000000-"#.utf8)] }
      // The agent began a new line after it: what was torn is a bad line within now.
      warned = [.linesUnreadable]
      try await expectResumes(with: .linesUnreadable, "a bad line") {
        Array($0[..<4] + [Array("%&/ garbage\n".utf8)] + $0[4...])
      }
      try await expectResumes(with: .historyGap, "a hole") { lines in
        let middle = try #require(lines.firstIndex { Self.has($0, #""type":"assistant""#) })
        return Array(lines[..<middle] + lines[(middle + 1)...])
      }
    }
  }

  @Test func `a file cut in half after it was seen whole has a gap in its history`() async throws {
    try await TestHome.with { home in
      let (_, path) = try await VerdictTests.flown(home, "one")
      let lines = Disk.bytes(path).split(separator: 10).map { Array($0) + [10] }
      let answer = try #require(lines.firstIndex { Self.has($0, #""type":"assistant""#) })
      Disk.write(lines[..<answer].joined(), to: path)
      let verdict = try await home.verdict("one")
      #expect(verdict.resumable)
      #expect(verdict.warnings == [.historyGap])
      let resumed = try await home.session("resume", "one", "say: half of it", "--wait")
      #expect(resumed.result == "half of it")
    }
  }

  @Test func `a transcript in two projects is told, and the one of the directory goes on`() async throws {
    try await TestHome.with { home in
      let (session, path) = try await VerdictTests.flown(home, "one")
      let other = home.claudeDirectory + "/projects/-another-place"
      Disk.makeDirectory(other)
      let copy = other + "/\(session.conversationID).jsonl"
      Disk.write(Disk.bytes(path), to: copy)
      let verdict = try await home.verdict("one")
      #expect(verdict.resumable)
      #expect(verdict.warnings == [.duplicateTranscript])
      #expect(verdict.path == path)
      let size = Disk.size(path)
      let resumed = try await home.session("resume", "one", "say: the right one", "--wait")
      #expect(resumed.result == "the right one")
      #expect(resumed.conversationID == session.conversationID)
      #expect(Disk.size(path) > size)
      #expect(Disk.size(copy) == size)
      #expect(await home.apus("stop", "one").status == 0)

      // The other way round: only the copy elsewhere is left.
      unlink(path)
      let moved = try await home.verdict("one")
      #expect(moved.resumable)
      #expect(moved.path == copy)
      #expect(try await home.session("resume", "one", "say: the copy", "--wait").result == "the copy")
    }
  }

  @Test func `a transcript about to be deleted by age is told, by the person's own limit`() async throws {
    try await TestHome.with { home in
      let (_, path) = try await VerdictTests.flown(home, "one")
      #expect(try await home.verdict("one").expiresInDays == 30)
      Disk.age(path, days: 28.5)
      let soon = try await home.verdict("one")
      #expect(soon.resumable)
      #expect(soon.warnings == [.expiresSoon])
      #expect(soon.expiresInDays == 2)
      let settings = home.claudeDirectory + "/settings.json"
      Disk.write(#"{"cleanupPeriodDays": 60}"#, to: settings)
      let later = try await home.verdict("one")
      #expect(later.warnings == [])
      #expect(later.expiresInDays == 32)
      Disk.write(#"{"cleanupPeriodDays": 10}"#, to: settings)
      #expect(try await home.verdict("one").expiresInDays == -18)
      unlink(settings)
      let listed = await home.apus("list")
      #expect(listed.output.contains("expires_soon"))
      #expect(try await home.session("resume", "one", "say: just in time", "--wait").result == "just in time")
      #expect(try await home.verdict("one").warnings == [])
    }
  }

  static func has(_ line: [UInt8], _ text: String) -> Bool { String(decoding: line, as: UTF8.self).contains(text) }
}
