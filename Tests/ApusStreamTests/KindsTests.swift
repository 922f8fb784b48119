import ApusTesting
import Testing

/// Row F11: Anthropic's SDK in each of its ways, with Apus and without: the same messages.
@Suite struct KindsTests {
  /// Its messages, and where this home shows in them.
  private func messages(_ kinds: [String], _ program: String) async throws -> [String] {
    try await TestHome.with { home in
      let told = await Program.run(
        [Checkout.python, Backend.clients + "/kinds.py", program] + kinds,
        environment: home.environment.merging(Backend.python) { $1 }, directory: home.work, seconds: 120)
      #expect(told.status == 0, "\(told.errors)")
      return told.output.replacing(home.root, with: "ROOT").replacing(home.root.replacing("/", with: "-"), with: "ROOT")
        .split(separator: "\n").map(String.init)
    }
  }

  @Test(arguments: [
    ["one_query", "streamed_query", "turns", "permissions", "complaints"],
    ["hooks", "hook_events", "servers", "interrupted", "settings"], ["resumed", "raw"],
  ])
  func `every way of using the SDK gives the messages that it gives without us`(_ kinds: [String]) async throws {
    async let bare = messages(kinds, Checkout.claude)
    async let ours = messages(kinds, Checkout.programs + "/apus-claude")
    let (without, with) = (try await bare, try await ours)
    #expect(without.count == kinds.count && with.count == kinds.count)
    for (one, other) in zip(without, with) {
      #expect(one == other)
      #expect(!one.contains(#"["failed""#), "\(one)")
    }
  }
}
