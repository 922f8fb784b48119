import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Each reason and each warning of a verdict comes from a real case on disk, made with the real agent.
@Suite struct VerdictTests {
  static let keys: Set<String> = [
    "resumable", "reason", "warnings", "path", "bytes", "workingDirectory", "expiresInDays", "liveElsewhere",
  ]

  /// A session that has answered once and is stopped, and its transcript.
  static func flown(_ home: TestHome, _ name: String, directory: String? = nil) async throws -> (
    session: SessionObject, path: String
  ) {
    let session = try await home.session(
      "new", name, "--prompt", "say: I am \(name)", "--wait", directory: directory)
    #expect(await home.apus("stop", name).status == 0)
    return (session, try #require(session.verdict.path))
  }

  /// What `resume` says of a session that cannot be.
  static func expectRefused(
    _ home: TestHome, _ name: String, _ reason: Verdict.Reason, hint: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let verdict = try await home.verdict(name)
    #expect(!verdict.resumable, sourceLocation: sourceLocation)
    #expect(verdict.reason == reason, sourceLocation: sourceLocation)
    let (failure, status) = try await home.failure("resume", name)
    #expect(failure.code == .notResumable, sourceLocation: sourceLocation)
    #expect(failure.summary.contains(reason.rawValue), "\(failure.summary)", sourceLocation: sourceLocation)
    #expect(failure.hint?.contains(hint) == true, "\(failure.hint ?? "")", sourceLocation: sourceLocation)
    #expect(status == 1, sourceLocation: sourceLocation)
    #expect(await home.apus("resume", name).status == 1, sourceLocation: sourceLocation)
  }

  @Test func `a transcript that is gone, too small or empty of conversation blocks, with the way to begin anew`()
    async throws
  {
    try await TestHome.with { home in
      let (_, path) = try await Self.flown(home, "one")
      let whole = Disk.bytes(path)
      let anew = "apus new one-2"
      for size in [0, 99] {
        Disk.write(whole.prefix(size), to: path)
        try await Self.expectRefused(home, "one", .sessionFileTooSmall, hint: anew)
        #expect(try await home.verdict("one").bytes == size)
      }
      Disk.write(String(repeating: "no line of a transcript\n", count: 10), to: path)
      try await Self.expectRefused(home, "one", .noConversation, hint: anew)
      let meta: [UInt8] = whole.split(separator: 10).prefix(2).flatMap { Array($0) + [10] as [UInt8] }
      #expect(meta.count > 100)
      Disk.write(meta, to: path)
      try await Self.expectRefused(home, "one", .noConversation, hint: anew)

      unlink(path)
      try await Self.expectRefused(home, "one", .sessionFileMissing, hint: anew)
      let verdict = try await home.verdict("one")
      #expect(verdict.path == nil && verdict.bytes == nil && verdict.expiresInDays == nil)
      // The hint is a command that works: a new session that knows what was recorded of the old.
      let begun = await home.shell("apus logs one | apus new one-2 --prompt - --wait --json")
      #expect(begun.status == 0, "\(begun.errors)")
      #expect(begun.output.contains("I am one"))

      Disk.write(whole, to: path)
      let resumed = try await home.session("resume", "one", "say: back", "--wait")
      #expect(resumed.result == "back")
    }
  }

  @Test func `a session nobody knows, one without a directory, and one never prompted`() async throws {
    try await TestHome.with { home in
      let unknown = await home.apus("check", "nobody", "--json")
      #expect(unknown.status == 3)
      let items = try JSONText.decode([CheckItem].self, from: Array(unknown.output.utf8))
      #expect(items.map(\.verdict.reason) == [.metadataNotFound])

      let ready = try await home.session("new", "quiet")
      #expect(ready.verdict.reason == .notStarted)
      #expect(ready.verdict.path == nil)
      #expect(await home.apus("stop", "quiet").status == 0)
      #expect(try await home.verdict("quiet").reason == .notStarted)
      // It never began: a resume begins it, under the id it was promised.
      let begun = try await home.session("resume", "quiet", "say: good morning", "--wait")
      #expect(begun.result == "good morning")
      #expect(begun.conversationID == ready.conversationID)
      #expect(begun.verdict.resumable)
      #expect(await home.apus("down", "--end").status == 0)

      // A record of before directories were kept.
      try await home.store("UPDATE sessions SET body = json_remove(body, '$.directory') WHERE name = 'quiet'")
      try await Self.expectRefused(home, "quiet", .noWorkingDirectory, hint: "apus")
      let elsewhere = try await home.session("resume", "quiet", "say: here now", "--wait", "--dir", home.work)
      #expect(elsewhere.result == "here now")
      #expect(elsewhere.directory == home.work)
    }
  }

  @Test func `a session whose directory is gone goes on in another`() async throws {
    try await TestHome.with { home in
      Disk.makeDirectory(home.work + "/old")
      let (session, _) = try await Self.flown(home, "one", directory: home.work + "/old")
      rmdir(home.work + "/old")
      try await Self.expectRefused(home, "one", .workingDirectoryMissing, hint: "--dir")
      Disk.makeDirectory(home.work + "/new")
      let resumed = try await home.session(
        "resume", "one", "--dir", home.work + "/new", "bash: pwd then say: moved", "--wait")
      #expect(resumed.result == "moved")
      #expect(resumed.directory == home.work + "/new")
      #expect(resumed.conversationID == session.conversationID)
      #expect(resumed.verdict.resumable)
    }
  }

  @Test func `a conversation another process has open is live elsewhere, and held`() async throws {
    try await TestHome.with { home in
      let (session, _) = try await Self.flown(home, "one")
      let stranger = try #require(
        Program.start(
          [
            Checkout.claude, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
            "--resume=\(session.conversationID)",
          ], environment: home.environment, directory: home.work))
      let wasSeen = try await eventually {
        try await home.verdict("one").reason == .liveElsewhere
      }
      #expect(wasSeen)
      let verdict = try await home.verdict("one")
      #expect(verdict.liveElsewhere == .init(pid: Int(stranger.pid), program: "claude"))
      let (failure, status) = try await home.failure("resume", "one", "say: mine")
      #expect(failure.code == .conversationHeld)
      #expect(failure.summary.contains("pid \(stranger.pid)"))
      #expect(status == 4)
      for descriptor in [stranger.input, stranger.output, stranger.errors] { close(descriptor) }
      var end: Int32 = 0
      waitpid(stranger.pid, &end, 0)
      let resumed = try await home.session("resume", "one", "say: mine now", "--wait")
      #expect(resumed.result == "mine now")
    }
  }

  @Test func `a verdict always has all its keys, and no reason when it is resumable`() async throws {
    try await TestHome.with { home in
      _ = try await Self.flown(home, "one")
      _ = try await home.session("new", "two")
      for name in ["one", "two"] {
        let checked = try await home.json("check", name)
        let verdict = try #require(checked.array?.first?["verdict"]?.object)
        #expect(Set(verdict.keys) == Self.keys)
        #expect(checked.array?.first?.object?.keys.sorted() == ["id", "name", "verdict"])
        #expect((verdict["reason"] == .null) == (verdict["resumable"] == .bool(true)))
        #expect(verdict["liveElsewhere"] == .null)
        let shown = try await home.json("show", name)
        #expect(shown["verdict"].flatMap { $0.object.map { Set($0.keys) } } == Self.keys)
      }
      let all = try await home.json("check")
      #expect(all.array?.count == 2)
    }
  }
}
