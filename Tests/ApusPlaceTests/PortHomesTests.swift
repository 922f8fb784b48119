import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C5: several daemons of one user. `APUS_SOAK=1` makes it 500 requests.
@Suite struct PortHomesTests {
  private static let each = getenv("APUS_SOAK") == nil ? 20 : 167
  /// What is queued has a place with ports as well, and no agent yet.
  private static let queued = ["APUS_MAX_SESSIONS": "1"]

  private func held(_ home: TestHome) async throws -> [Int] {
    let ports: [PortObject] = try await home.json("ports")
    return ports.map(\.port)
  }

  @Test func `two daemons never give the same port, and what one gives back the other may give`() async throws {
    let settings = #"{"ports": {"PORT": 21710}}"#
    try await TestHome.withRepository(settings: settings) { first in
      try await TestHome.withRepository(settings: settings) { second in
        let one = try await first.session("new", "one")
        #expect(one.ports == ["PORT": 21710])
        #expect(try await second.session("new", "one").ports == ["PORT": 21711])
        #expect(try await first.session("new", "two").ports == ["PORT": 21712])
        // A daemon that is away keeps what it leased.
        #expect(await first.apus("down", "--persist").status == 0)
        #expect(try await second.session("new", "two").ports == ["PORT": 21713])
        #expect(await first.apus("remove", "one", "--stop").status == 0)
        #expect(try await second.session("new", "three").ports == ["PORT": 21710])
      }
    }
  }

  @Test func `requests of three daemons at once never have a port in common`() async throws {
    let settings = #"{"ports": {"PORT": 22000, "DB": 22005}}"#
    try await TestHome.withRepository(settings: settings, extra: Self.queued) { first in
      try await TestHome.withRepository(settings: settings, extra: Self.queued) { second in
        try await TestHome.withRepository(settings: settings, extra: Self.queued) { third in
          let homes = [first, second, third]
          try await withThrowingTaskGroup(of: Void.self) { group in
            for home in homes {
              group.addTask { try await self.ask(home) }
            }
            try await group.waitForAll()
          }
          var all: [Int] = []
          for home in homes { all += try await held(home) }
          #expect(Set(all).count == all.count)
          #expect(all.count == homes.count * 2 * (Self.each - Self.each / 4))
        }
      }
    }
  }

  /// New sessions, four at a time; every fourth is taken away again at once.
  private func ask(_ home: TestHome) async throws {
    _ = try await home.session("new", "n0", "--here")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for n in 1..<Self.each {
        if n > 4 { try await group.next() }
        group.addTask {
          let made = try await home.session("new", "n\(n)", "--here")
          #expect(made.ports.count == 2)
          guard n % 4 == 3 else { return }
          let gone = await home.apus("remove", "n\(n)", "--stop")
          #expect(gone.status == 0, "\(gone.errors)")
        }
      }
      try await group.waitForAll()
    }
  }
}
