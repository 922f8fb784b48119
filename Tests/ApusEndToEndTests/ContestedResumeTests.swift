import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row D5: two processes never write one conversation.
@Suite struct ContestedResumeTests {
  @Test func `of resumes at once one wins and the others name the holder`() async throws {
    try await TestHome.with { home in
      _ = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      let session = try await home.session("stop", "one")
      let outcomes = try await withThrowingTaskGroup(of: Outcome.self) { group in
        for _ in 0..<4 { group.addTask { await home.apus("resume", "one", "--json") } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(outcomes.map(\.status).sorted() == [0, 4, 4, 4])
      for outcome in outcomes where outcome.status == 4 {
        let failure = try Self.failure(outcome)
        #expect(failure.code == .conversationHeld)
        #expect(failure.summary.contains("run \(session.id)/2"), "\(failure.summary)")
        #expect(failure.hint?.contains("apus send one") == true)
      }
      #expect(try await home.events("one").of(.runStarted).map(\.run) == [1, 2])

      // Later, too: the holder is the run, with its agent's pid.
      let winner = try await home.session("show", "one")
      let late = await home.apus("resume", "one", "say: mine", "--json")
      #expect(late.status == 4)
      #expect(try Self.failure(late).summary.contains("agent pid \(winner.pid ?? 0)"))
      #expect(try await home.session("send", "one", "say: second", "--wait").result == "second")
      #expect(try await home.events("one").answers == ["first", "second"])
    }
  }

  @Test func `a claude started by hand holds its conversation until it ends`() async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      _ = try await home.session("stop", "one")
      let hand = try Running(
        [
          Checkout.claude, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
          "--resume=\(session.conversationID)",
        ], environment: home.environment, directory: home.work)
      await hand.say(#"{"type":"control_request","request_id":"hello","request":{"subtype":"initialize"}}"#)
      _ = try #require(try await hand.line())

      let held = try #require(try await home.check("one").first).verdict
      #expect(!held.resumable)
      #expect(held.reason == .liveElsewhere)
      #expect(held.liveElsewhere?.pid == Int(hand.pid))
      let refused = await home.apus("resume", "one", "--json")
      #expect(refused.status == 4)
      let failure = try Self.failure(refused)
      #expect(failure.code == .conversationHeld)
      #expect(failure.summary.contains("pid \(hand.pid)"))
      #expect(await home.apus("list", "--all", "--resumable", "--json").output == "[]\n")
      #expect(try await home.session("show", "one").run == 1)

      await hand.closeInput()
      let end = try await hand.finish()
      #expect(end.status == 0, "\(end.errors)")
      await hand.release()
      #expect(try await home.check("one").first?.verdict.resumable == true)
      #expect(try await home.session("resume", "one", "say: second", "--wait").result == "second")
    }
  }

  @Test func `a claude killed by hand holds nothing`() async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "say: first", "--wait")
      _ = try await home.session("stop", "one")
      let hand = try Running(
        [
          Checkout.claude, "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose",
          "--resume=\(session.conversationID)",
        ], environment: home.environment, directory: home.work)
      await hand.say(#"{"type":"control_request","request_id":"hello","request":{"subtype":"initialize"}}"#)
      _ = try #require(try await hand.line())
      #expect(try await home.check("one").first?.verdict.reason == .liveElsewhere)
      hand.kill()
      // Not reaped yet: what is left of it is a name in a table, and its entry among the living stays for ever.
      #expect(ended(hand.pid, start: hand.mark?.start ?? 0))
      #expect(try await home.check("one").first?.verdict.resumable == true)
      #expect(try await home.session("resume", "one", "say: second", "--wait").result == "second")
      await hand.release()
    }
  }

  static func failure(_ outcome: Outcome) throws -> Failure {
    struct Printed: Decodable { var error: Failure }
    return try JSONText.decode(Printed.self, from: Array(outcome.output.utf8)).error
  }
}
