import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row C5: ports are leases.
@Suite struct PortTests {
  private func held(_ home: TestHome) async throws -> [Int] {
    let ports: [PortObject] = try await home.json("ports")
    return ports.map(\.port).sorted()
  }

  @Test func `the preferred port first, then the next, and never one twice`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      let one = try await home.session("new", "one")
      #expect(one.ports == ["PORT": port])
      let two = try await home.session("new", "two")
      #expect(two.ports == ["PORT": port + 1])
      #expect(two.notes?.contains("PORT is \(port + 1): \(port) is taken or not to be had") == true)
      #expect(try await home.session("new", "three", "--here").ports == ["PORT": port + 2])
      #expect(try await held(home) == [port, port + 1, port + 2])
      let table = await home.apus("ports").output
      #expect(table.contains("\(port + 1)  PORT") && table.contains("two"), "\(table)")
    }
  }

  @Test func `each variable has a port of its own`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    let settings = #"{"ports": {"PORT": \#(port), "UVICORN_PORT": \#(port), "DB_PORT": \#(port + 10)}}"#
    try await TestHome.withRepository(settings: settings) { home in
      let one = try await home.session("new", "one")
      #expect(one.ports == ["PORT": port, "UVICORN_PORT": port + 1, "DB_PORT": port + 10])
      let two = try await home.session("new", "two")
      #expect(two.ports == ["PORT": port + 2, "UVICORN_PORT": port + 3, "DB_PORT": port + 11])
    }
  }

  @Test func `without settings a session has PORT, and with none wanted none`() async throws {
    try await TestHome.withRepository(settings: nil) { home in
      let one = try await home.session("new", "one")
      #expect(one.ports.keys.sorted() == ["PORT"])
      Disk.makeDirectory(home.work + "/.apus")
      Disk.write(#"{"ports": {}}"#, to: home.work + "/.apus/config.json")
      #expect(try await home.session("new", "two").ports.isEmpty)
    }
  }

  @Test func `a port somebody listens on is passed over, and who it is can be asked`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      let listeners = [Listener(port), Listener(port + 1, isIPv6: true)]
      #expect(listeners.allSatisfy { $0 != nil })
      #expect(try await home.session("new", "one").ports == ["PORT": port + 2])
      for port in [port, port + 1] {
        // What is just being started by a test beside this one has our socket for a moment.
        var found: [PortObject] = []
        let isOurs = try await eventually {
          found = try await home.json("ports", "who", "\(port)")
          return found.map(\.pid) == [Int(getpid())]
        }
        #expect(isOurs, "\(found)")
        #expect(found.first?.session == nil)
        let told = await home.apus("ports", "who", "\(port)").output
        #expect(told.hasPrefix("\(port): pid ") && told.contains(" listens there"), "\(told)")
      }
      let own = await home.apus("ports", "who", "\(port + 2)").output
      #expect(own.hasPrefix("\(port + 2): nobody listens there; session one, leased as PORT"), "\(own)")
      #expect(await home.apus("ports", "who", "\(port + 9)").output == "\(port + 9): nobody listens there\n")
      for words in [["who"], ["who", "0"], ["who", "65536"], ["who", "x"], ["\(port)"]] {
        #expect(await home.run(["ports"] + words).status == 2)
      }
      withExtendedLifetime(listeners) {}
    }
  }

  @Test func `a port a session's process listens on is that session's`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      let agent = home.agent(
        starting: "python3 -m http.server --bind 127.0.0.1 $((PORT + 5)) > /dev/null 2>&1 < /dev/null &")
      let made = try await home.session("new", "one", extra: ["APUS_CLAUDE": agent])
      let port = try #require(made.ports["PORT"]) + 5
      #expect(
        await eventually {
          let found: [PortObject]? = try? await home.json("ports", "who", "\(port)")
          return found?.first?.session == "one" && found?.first?.program?.contains("http.server") == true
        })
    }
  }

  @Test func `ports browsers refuse, the system's and those of outgoing connections are never given`() async throws {
    let range = TestHome.text("/proc/sys/net/ipv4/ip_local_port_range").split { $0.isWhitespace }.compactMap { Int($0) }
    let (first, last) = (try #require(range.first), try #require(range.last))
    let settings =
      #"{"ports": {"A": 6000, "B": 6665, "C": \#(first), "D": 80, "E": \#(last)}}"#
    try await TestHome.withRepository(settings: settings) { home in
      let ports = try await home.session("new", "one").ports
      #expect(ports["A"].map { $0 > 6000 && $0 < 6100 } == true, "\(ports)")
      #expect(ports["B"].map { $0 > 6669 && $0 < 6800 && ![6679, 6697].contains($0) } == true, "\(ports)")
      for name in ["C", "E"] {
        #expect(ports[name].map { $0 >= 1024 && !(first...last).contains($0) } == true, "\(ports)")
      }
      #expect(ports["D"].map { $0 >= 1024 } == true, "\(ports)")
      #expect(Set(ports.values).count == 5)
    }
  }

  @Test func `ports stay the same over stop, resume and another daemon`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port), "DB": \#(port + 10)}}"#) { home in
      let one = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      let two = try await home.session("new", "two")
      #expect(one.ports == ["PORT": port, "DB": port + 10])
      #expect(await home.apus("restart").status == 0)
      #expect(try await home.session("stop", "one").ports == one.ports)
      #expect(try await held(home) == [port, port + 1, port + 10, port + 11])
      #expect(await home.apus("down", "--end").status == 0)
      #expect(try await home.session("new", "three").ports == ["PORT": port + 2, "DB": port + 12])
      let again = try await home.session("resume", "one")
      #expect(again.ports == one.ports)
      let environment = TestHome.environment(of: try #require(again.pid))
      #expect(environment["PORT"] == "\(port)" && environment["DB"] == "\(port + 10)")
      #expect(try await home.session("show", "two").ports == two.ports)
    }
  }

  @Test func `ports come back when a session is removed or archived, and a resumed one has others if it must`()
    async throws
  {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      #expect(try await home.session("new", "one", "--prompt", "say: hello", "--wait").ports == ["PORT": port])
      _ = try await home.session("stop", "one")
      #expect(try await home.session("archive", "one").ports.isEmpty)
      #expect(try await held(home).isEmpty)
      #expect(try await home.session("new", "two").ports == ["PORT": port])
      let again = try await home.session("resume", "one")
      #expect(again.ports == ["PORT": port + 1])
      #expect(TestHome.environment(of: try #require(again.pid))["PORT"] == "\(port + 1)")
      #expect(await home.apus("shell", "one", "--", "printenv", "PORT").output == "\(port + 1)\n")
      #expect(await home.apus("remove", "two", "--stop").status == 0)
      #expect(try await held(home) == [port + 1])
      #expect(try await home.session("new", "three").ports == ["PORT": port])
    }
  }

  @Test func `a variable that was given has no port leased for it`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port), "DB": \#(port + 10)}}"#) { home in
      let made = try await home.session("new", "one", "--env", "PORT=7")
      #expect(made.ports == ["DB": port + 10])
      #expect(TestHome.environment(of: try #require(made.pid))["PORT"] == "7")
      #expect(await home.apus("shell", "one", "--", "printenv", "PORT", "DB").output == "7\n\(port + 10)\n")
      #expect(try await held(home) == [port + 10])
      // One that is in the shell by chance is not given.
      let two = try await home.session("new", "two", extra: ["PORT": "8"])
      #expect(two.ports == ["PORT": port, "DB": port + 11])
      #expect(TestHome.environment(of: try #require(two.pid))["PORT"] == "\(port)")
    }
  }

  @Test func `a fork works where its parent does, on ports of its own`() async throws {
    let slot = try PortSlot()
    defer { slot.release() }
    let port = slot.base
    try await TestHome.withRepository(settings: #"{"ports": {"PORT": \#(port)}}"#) { home in
      let one = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      let fork = try await home.session("resume", "one", "--fork", "two")
      #expect(fork.directory == one.directory && fork.worktree == nil)
      #expect(one.ports == ["PORT": port] && fork.ports == ["PORT": port + 1])
      #expect(TestHome.environment(of: try #require(fork.pid))["PORT"] == "\(port + 1)")
      #expect(await home.apus("remove", "two", "--stop").status == 0)
      #expect(Disk.isThere(try #require(one.worktree) + "/shared.txt"))
      #expect(try await held(home) == [port])
    }
  }
}
