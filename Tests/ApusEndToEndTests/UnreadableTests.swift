import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Files that may not be read, and files whose disk does not answer.
@Suite struct UnreadableTests {
  @Test(.enabled(if: OtherUser.isPossible))
  func `what the user may not read is denied, not missing`() async throws {
    try await TestHome.with { home in
      let user = try await OtherUser(home)
      let made = await user.apus("new", "one", "--prompt", "say: mine", "--wait", "--json")
      #expect(made.status == 0, "\(made.output) \(made.errors)")
      let session = try JSONText.decode(SessionObject.self, from: Array(made.output.utf8))
      let path = try #require(session.verdict.path)
      #expect(await user.apus("stop", "one").status == 0)

      func reason() async throws -> Verdict.Reason? {
        let outcome = await user.apus("check", "one", "--json")
        return try JSONText.decode([CheckItem].self, from: Array(outcome.output.utf8)).first?.verdict.reason
      }
      let projects = home.claudeDirectory + "/projects"
      let project = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
      for closed in [path, project, projects, home.work] {
        let mode = try #require(Disk.mode(closed))
        chmod(closed, 0)
        #expect(try await reason() == .permissionDenied, "\(closed)")
        let refused = await user.run(["/bin/sh", "-c", "cd / && apus resume one --json"])
        #expect(refused.status == 1, "\(closed)")
        #expect(refused.output.contains("permission_denied"), "\(refused.output)")
        chmod(closed, mode)
        #expect(try await reason() == nil, "\(closed)")
      }
      let resumed = await user.apus("resume", "one", "say: still mine", "--wait", "--json")
      #expect(resumed.output.contains("still mine"))
      await user.end()
    }
  }

  @Test(.enabled(if: HangingFileSystem.isPossible))
  func `where a file system hangs the verdict times out, and the others are judged all the same`() async throws {
    try await TestHome.with(extra: ["APUS_VERDICT_SECONDS": "0.5"]) { home in
      let slow = home.root + "/slow"
      Disk.makeDirectory(slow)
      let hung = try await home.session(
        "new", "hung", "--prompt", "say: hello", "--wait", extra: ["CLAUDE_CONFIG_DIR": slow])
      #expect(hung.verdict.path?.hasPrefix(slow + "/projects/") == true)
      #expect(await home.apus("stop", "hung").status == 0)
      Disk.makeDirectory(home.work + "/gone")
      _ = try await VerdictTests.flown(home, "far", directory: home.work + "/gone")
      _ = try await VerdictTests.flown(home, "fine")

      // Twenty more of the same place: a disk that went away takes many with it.
      #expect(await home.apus("down", "--end").status == 0)
      for number in 10..<30 {
        try await home.store(
          """
          INSERT INTO sessions SELECT id || ?1, name || ?1, 'c' || ?1 || substr(conversation, 4), json_set(body,
            '$.id', id || ?1, '$.name', name || ?1, '$.conversationID', 'c' || ?1 || substr(conversation, 4))
          FROM sessions WHERE name = 'hung'
          """, "\(number)")
      }

      #expect(await home.apus("up").status == 0)
      let transcripts = try #require(HangingFileSystem(over: slow + "/projects"))
      let directory = try #require(HangingFileSystem(over: home.work + "/gone"))
      defer {
        transcripts.letGo()
        directory.letGo()
      }
      for _ in 0..<2 {
        let since = Stopwatch()
        let listed = try await home.json("list")
        let judged = (listed.array ?? []).map { [$0["name"]?.string, $0["verdict"]?["reason"]?.string] }
        #expect(judged.count == 23)
        #expect(judged.filter { $0[1] != "timed_out" } == [["fine", nil]])
        // One time limit or two, not one for each.
        #expect(since.isWithin(4000), "\(since.elapsed) ms")
      }
      let (failure, status) = try await home.failure("resume", "hung")
      #expect(failure.code == .notResumable)
      #expect(failure.summary.contains("timed_out"))
      #expect(status == 1)
      // The daemon itself waits for nobody: another session works meanwhile.
      #expect(try await home.session("resume", "fine", "say: not me", "--wait").result == "not me")
      #expect(home.daemonLog().contains("verdict timed_out after 500 ms"))

      transcripts.letGo()
      directory.letGo()
      let answers = try await eventually {
        let hung = try await home.verdict("hung").resumable
        let far = try await home.verdict("far").resumable
        return hung && far
      }
      #expect(answers)
      #expect(try await home.session("resume", "hung", "say: back", "--wait").result == "back")
    }
  }
}
