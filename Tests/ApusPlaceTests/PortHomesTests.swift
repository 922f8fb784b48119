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

  /// Where all daemons of this user say what they leased.
  private static let marks = "/tmp/apus-ports-\(getuid())"
  private static let gone = "/nonexistent/home\nabcd\n"

  private func held(_ home: TestHome) async throws -> [Int] {
    let ports: [PortObject] = try await home.json("ports")
    return ports.map(\.port)
  }

  @Test func `two daemons never give the same port, and what one gives back the other may give`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    let settings = #"{"ports": {"PORT": \#(port)}}"#
    try await TestHome.withRepository(settings: settings) { first in
      try await TestHome.withRepository(settings: settings) { second in
        let one = try await first.session("new", "one")
        #expect(one.ports == ["PORT": port])
        #expect(try await second.session("new", "one").ports == ["PORT": port + 1])
        #expect(try await first.session("new", "two").ports == ["PORT": port + 2])
        // A daemon that is away keeps what it leased.
        #expect(await first.apus("down", "--persist").status == 0)
        #expect(try await second.session("new", "two").ports == ["PORT": port + 3])
        #expect(await first.apus("remove", "one", "--stop").status == 0)
        #expect(try await second.session("new", "three").ports == ["PORT": port])
      }
    }
  }

  @Test func `requests of three daemons at once never have a port in common`() async throws {
    let slot = try PortSlot(PortSlot.many)
    defer { slot.release() }
    let port = slot.base
    let settings = #"{"ports": {"PORT": \#(port), "DB": \#(port + 5)}}"#
    try await TestHome.withRepository(settings: settings, extra: Self.queued) { first in
      try await TestHome.withRepository(settings: settings, extra: Self.queued) { second in
        try await TestHome.withRepository(settings: settings, extra: Self.queued) { third in
          let homes = [first, second, third]
          // Marks of a home that is gone lie in the way of all of them.
          Disk.makeDirectory(Self.marks)
          let paths = (port..<port + 400).map { "\(Self.marks)/\($0)" }
          for path in paths { Disk.write(Self.gone, to: path) }
          defer { for path in paths where TestHome.text(path) == Self.gone { unlink(path) } }
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

  @Test func `a mark of a home that is gone holds no port, one of a home that is there does`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    let marks = Self.marks
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      Disk.makeDirectory(marks)
      Disk.write(Self.gone, to: marks + "/\(port)")
      Disk.write("\(home.person)\nabcd\n", to: marks + "/\(port + 1)")
      Disk.write("half a ma", to: marks + "/\(port + 2)")
      defer { unlink(marks + "/\(port + 1)") }
      let made = try await home.session("new", "one")
      #expect(made.ports == ["PORT": port])
      #expect(TestHome.text(marks + "/\(port)").hasPrefix(home.apusHome + "\n"))
      #expect(try await home.session("new", "two").ports == ["PORT": port + 2])
      #expect(TestHome.text(marks + "/\(port + 1)") == "\(home.person)\nabcd\n")
      for name in ["one", "two"] { #expect(await home.apus("remove", name, "--stop").status == 0) }
      #expect(!Disk.isThere(marks + "/\(port)") && !Disk.isThere(marks + "/\(port + 2)"))
      #expect(Disk.mode(marks) == 0o700)
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
