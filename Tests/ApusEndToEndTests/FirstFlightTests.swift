import ApusTesting
import Testing

@Suite struct FirstFlightTests {
  @Test func `a session answers, is resumable, and is idle`() async throws {
    try await TestHome.with { home in
      let session = try await home.session("new", "one", "--prompt", "say: hello there", "--wait")
      #expect(session.result == "hello there")
      #expect(session.activity == .idle)
      #expect(session.verdict.resumable)
      #expect(session.verdict.reason == nil)
      let logs = await home.apus("logs", "one")
      #expect(logs.output.contains("hello there"))
    }
  }
}
