import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows B1, B3: many terminals at once, and whatever becomes of the daemon meanwhile. `APUS_SOAK=1` makes it a thousand
/// restarts.
@Suite struct ManyTerminalsTests {
  private static let restarts = getenv("APUS_SOAK") == nil ? 12 : 1000

  private func all(_ home: TestHome) async throws -> [SessionObject] {
    let listed = await home.apus("list", "--json")
    try #require(listed.status == 0, "\(listed.errors)")
    return try JSONText.decode([SessionObject].self, from: Array(listed.output.utf8))
  }

  private func make(_ count: Int, _ home: TestHome, _ agent: String) async throws -> [String: SessionObject] {
    var made: [String: SessionObject] = [:]
    for n in 1...count { made["t\(n)"] = try await home.terminal("t\(n)", agent) }
    return made
  }

  @Test func `twenty terminals go on through every restart of the daemon, and say all they say`() async throws {
    try await TestHome.withTerminals { home in
      // Each counts what is typed: a line that was lost or came twice would show.
      let counter = "sh -c 'stty -echo; n=0; while read line; do n=$((n+1)); echo \"$n:$line\"; done'"
      let made = try await make(20, home, counter)
      let agents = try made.mapValues { try #require($0.agentMark) }
      let keepers = try made.mapValues { try #require($0.keeperMark) }
      for round in 1...Self.restarts {
        let daemon = try #require(home.daemon())
        // By turns: crashed, restarted, and crashed while it is asked.
        switch round % 3 {
        case 0: #expect(await home.apus("restart").status == 0)
        case 1: #expect(home.kill([daemon]))
        default:
          async let asked = home.apus("list")
          #expect(home.kill([daemon]))
          _ = await asked
        }
        let name = "t\(round % 20 + 1)"
        await home.type(name, "round \(round)", keys: ["enter"])
        let number = (round - 1) / 20 + 1
        try await home.see(name, "\(number):round \(round)")
        let listed = try await all(home)
        #expect(listed.count == 20)
        #expect(listed.allSatisfy { $0.state == .running && $0.run == 1 }, "round \(round)")
      }
      for mark in agents.values { #expect(Processes.isAlive(mark)) }
      for mark in keepers.values { #expect(Processes.isAlive(mark)) }
      let again = try await all(home)
      for session in again {
        #expect(session.agentMark == agents[session.name] && session.keeperMark == keepers[session.name])
      }
    }
  }

  @Test func `a hundred live keepers are taken over by the next daemon, answer each, and end with nothing left`()
    async throws
  {
    try await TestHome.withTerminals { home in
      let agents = try await make(100, home, "cat").mapValues { try #require($0.agentMark) }
      #expect(home.kill([try #require(home.daemon())]))
      let listed = try await all(home)
      #expect(listed.count == 100 && listed.allSatisfy { $0.state == .running })
      for n in stride(from: 1, through: 100, by: 9) {
        await home.type("t\(n)", "word \(n)", keys: ["enter"])
        try await home.see("t\(n)", "word \(n)\nword \(n)")
      }
      let trees = try await home.json("ps").array ?? []
      #expect(trees.count == 100)
      #expect(trees.allSatisfy { $0["processes"]?.array?.count == 2 })
      #expect(await home.apus("down", "--end", seconds: 120).status == 0)
      #expect(agents.values.filter { Processes.isAlive($0) }.isEmpty)
      #expect(home.processes().isEmpty)
    }
  }
}
