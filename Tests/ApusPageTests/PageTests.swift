import ApusCore
import ApusTesting
import ApusWire
import Testing

/// The page in a browser, in front of the real daemon. What is done and looked at is in `pages`, a script for each; one
/// at a time, for a browser keeps a machine busy.
@Suite("the page", .serialized) struct PageTests {
  /// Runs that script in a repository of its own home, whose agents are those.
  private func sit(_ script: String, agent: String = Checkout.claude, extra: [String: String] = [:]) async throws {
    try await TestHome.withRepository(agent: agent, extra: extra) { home in
      let listeners: [ListenerObject] = try await home.json("serve", "--listen", "127.0.0.1:0")
      let address = try #require(listeners.first?.address)
      let outcome = await Program.run(
        [Checkout.python, Checkout.root + "/Tests/ApusPageTests/pages/\(script).py", address],
        environment: home.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }, directory: home.work,
        seconds: 300)
      #expect(outcome.status == 0, "\(script): \(outcome.status)\n\(outcome.output)\(outcome.errors)")
    }
  }

  @Test func `a browser is let in by a code once, and signs out`() async throws {
    try await sit("sign_in", agent: Checkout.scriptedAgent)
  }

  @Test func `a session is made of a form, and what it says is seen as it comes`() async throws {
    try await sit("create")
  }

  @Test func `what an agent asks is shown in full, and allowed, denied or allowed for good`() async throws {
    try await sit("permission")
  }

  @Test func `messages are sent, wait for their turn, and a turn is interrupted`() async throws {
    try await sit("compose")
  }

  @Test func `a session is stopped, resumed and archived in the page`() async throws {
    try await sit("lifecycle")
  }

  @Test func `a terminal is typed into, and its lead taken`() async throws {
    try await sit("terminal", agent: Checkout.terminalAgent)
  }

  @Test func `changes are shown by file and word, and a comment on one reaches the agent`() async throws {
    try await sit("changes")
  }

  @Test func `locks with their queue, claims and conflicts are shown as they change`() async throws {
    try await sit("together", agent: Checkout.scriptedAgent)
  }

  @Test func `a development server is watched, reloaded and held in the page`() async throws {
    try await sit("servers", agent: Checkout.scriptedAgent)
  }

  @Test func `what a merge would do is shown before it is done, and the work log who is at what`() async throws {
    try await sit("merge", agent: Checkout.scriptedAgent)
  }

  @Test func `on a phone one goes from the list to a session and back, with a thumb`() async throws {
    try await sit("phone", agent: Checkout.scriptedAgent)
  }

  @Test func `the keyboard is enough`() async throws {
    try await sit("keyboard", agent: Checkout.scriptedAgent)
  }

  @Test func `the page says that the daemon was killed, and is complete when it is back`() async throws {
    try await sit("reconnect")
  }

  @Test func `an answer that comes late does not take the place of a later one`() async throws {
    try await sit("late", agent: Checkout.scriptedAgent)
  }

  @Test func `two devices and a second tab agree`() async throws {
    try await sit("two_tabs", agent: Checkout.scriptedAgent)
  }

  @Test func `who looks elsewhere is told of a need, and who looks at it is not`() async throws {
    try await sit("notices", agent: Checkout.scriptedAgent)
  }

  @Test func `of two hundred sessions those are in the document that can be seen`() async throws {
    try await sit("many", agent: Checkout.scriptedAgent)
  }

  @Test func `names and texts of others do nothing in the page`() async throws {
    try await sit("hostile")
  }

  @Test func `every view is fit for everybody, light and dark, wide and on a phone`() async throws {
    try await sit("views", agent: Checkout.scriptedAgent)
  }
}
