import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row F11: a deliberate close is told from a parent that ended, whatever its end.
@Suite struct ParentTests {
  private func sessions(_ home: TestHome) async throws -> [SessionObject] {
    let listed = await home.apus("list", "--all", "--json")
    return try JSONText.decode([SessionObject].self, from: Array(listed.output.utf8))
  }

  @Test(arguments: [("kill", 50), ("exit", 8), ("exec", 8), ("close", 8)])
  func `an agent ends when its client is closed, and lives when the client's parent ended`(
    _ way: String, _ count: Int
  ) async throws {
    try await TestHome.with(agent: Backend.clients + "/echo-agent") { home in
      let told = await Program.run(
        [Checkout.python, Backend.clients + "/parents.py", Checkout.programs + "/apus-claude", way, "\(count)"],
        environment: home.environment, directory: home.work, seconds: 120)
      #expect(told.status == 0, "\(told.errors)")
      let ended = told.output.split(separator: "\n").filter { $0.hasSuffix(" 7") }.count
      let all = try await sessions(home)
      #expect(all.count == count && told.output.split(separator: "\n").count == count)
      let alive = all.filter { $0.state == .running && $0.agentMark.map(Processes.isAlive) == true }.count
      #expect(
        way == "close" ? (ended, alive) == (count, 0) : (ended, alive) == (0, count),
        "\(ended) ended, \(alive) live: \(all.first.map { "\($0)" } ?? ""); \(home.daemonLog().suffix(2000))")
    }
  }
}
