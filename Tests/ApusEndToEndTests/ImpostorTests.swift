import ApusCore
import ApusFrames
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// A pid that is somebody else's by now is never taken for ours: not after a reboot, not after it was used again.
@Suite struct ImpostorTests {
  enum Lie: CaseIterable, Sendable {
    /// The record has pid and start time of a living process, and is of another boot.
    case anotherBoot
    /// Record and card name a living process's pid with another start time.
    case reusedPID
  }

  @Test(arguments: Lie.allCases)
  func `a run whose pids are somebody else's is lost at once, and they are left alone`(lie: Lie) async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let session = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      let tree = home.tree(session)
      #expect(home.kill([try #require(home.daemon()), try #require(session.keeperMark)] + tree))
      let others = try (0..<2).map { _ in try Running(["/bin/sleep", "1500"], environment: [:], directory: "/") }
      let marks = try others.map { try #require($0.mark) }
      let shift: UInt64 = lie == .reusedPID ? 1 : 0
      let body = try await home.store("SELECT body FROM runs WHERE session = ?", session.id)
      var run = try JSONText.decode(Run.self, from: Array(body.utf8))
      #expect(run.boot == Processes.bootID())
      if lie == .anotherBoot { run.boot = "00000000-0000-0000-0000-000000000000" }
      run.keeper = ProcessMark(pid: marks[0].pid, start: marks[0].start + shift)
      run.agent = ProcessMark(pid: marks[1].pid, start: marks[1].start + shift)
      try await home.store("UPDATE runs SET body = ? WHERE session = ?", try JSONText.string(run), session.id)
      let card = KeeperCard(
        keeper: marks[0].pid, keeperStart: marks[0].start + shift, agent: marks[1].pid,
        agentStart: marks[1].start + shift)
      #expect(Disk.write(card.encoded, to: home.runDirectory(session) + "/" + RunFile.keeper))

      let lost = try await home.session("wait", "one", "--for", "ended")
      #expect(lost.state == .lost)
      #expect(lost.verdict.resumable)
      for mark in marks { #expect(Processes.isAlive(mark)) }
      #expect(try await home.session("resume", "one", "say: second", "--wait").result == "second")
      for mark in marks { #expect(Processes.isAlive(mark)) }
      for other in others { await other.release() }
    }
  }
}
