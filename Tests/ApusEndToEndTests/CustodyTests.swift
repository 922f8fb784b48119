import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows B4, B8: the whole tree of a run is seen, with what it takes of the machine.
@Suite struct CustodyTests {
  /// One that left its session and serves, one that was left by its parent, one that cleared its environment as well.
  private static let escapees = """
    setsid /usr/bin/python3 -m http.server 0 --bind 127.0.0.1 >/dev/null 2>&1 &
    ( setsid sh -c 'sleep 1301 & exec sleep 1302' >/dev/null 2>&1 & )
    ( env -i /usr/bin/setsid /bin/sleep 1303 >/dev/null 2>&1 & )
    """

  private func processes(_ home: TestHome, _ names: String...) async throws -> [RunProcesses] {
    let outcome = await home.run(["ps", "--json"] + names)
    return try JSONText.decode([RunProcesses].self, from: Array(outcome.output.utf8))
  }

  private func with(_ body: (TestHome, SessionObject, Int) async throws -> Void) async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let agent = home.agent(starting: Self.escapees)
      let session = try await home.session("new", "one", extra: ["APUS_CLAUDE": agent])
      var port: Int?
      let isUp = await eventually {
        let all = try? await processes(home, "one")
        port = all?.first?.processes.first { !$0.listening.isEmpty }?.listening.first
        return port != nil && (all?.first?.processes.filter { $0.command.contains("sleep 130") }.count ?? 0) == 3
      }
      let said = await home.apus("ps").output
      try #require(isUp, "\(said)")
      try await body(home, session, try #require(port))
    }
  }

  @Test func `ps shows the whole tree of a run, also what left its session, its parent and its environment`()
    async throws
  {
    try await with { home, session, port in
      _ = try await home.session("new", "two")
      let all = try await processes(home)
      #expect(all.map(\.name) == ["one", "two"])
      #expect(all[1].processes.map(\.role) == [.keeper, .agent])
      let tree = all[0].processes
      #expect(tree.map(\.role).prefix(2) == [.keeper, .agent])
      #expect(tree[0].pid == session.keeperPID && tree[0].depth == 0)
      #expect(tree[1].pid == session.pid && tree[1].parent == session.keeperPID && tree[1].depth == 1)
      for seconds in 1301...1303 {
        let one = try #require(tree.first { $0.command.hasSuffix("sleep \(seconds)") })
        #expect(one.role == .child)
        #expect(Processes.isAlive(ProcessMark(pid: Int32(one.pid), start: one.start)))
      }
      let server = try #require(tree.first { $0.command.contains("http.server") })
      #expect(server.listening == [port])
      #expect(tree.allSatisfy { ($0.memory ?? 0) > 0 && $0.cpu >= 0 && $0.age >= 0 && $0.age < 600 })

      let text = await home.apus("ps", "one")
      #expect(text.output.hasPrefix("     PID  STARTED"))
      #expect(text.output.contains("http.server") && text.output.contains(String(port)))
      for line in text.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
      #expect(await home.apus("ps", "nobody").status == 3)

      _ = try await home.session("stop", "one")
      #expect(try await processes(home, "one").map(\.processes.count) == [0])
      #expect(try await processes(home).map(\.name) == ["two"])
    }
  }

  @Test func `a daemon and a session that begin inside a session are none of its tree`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "0.3"]) { home in
      let agent = home.agent(
        starting: """
          [ "$APUS_SESSION" = outer ] && { mkfifo go; ( read line <go; apus new inner >/dev/null 2>&1; sleep 1304 ) & }
          """)
      _ = try await home.session("new", "outer", extra: ["APUS_CLAUDE": agent])
      #expect(home.kill([try #require(home.daemon())]))
      #expect(await home.shell("echo go >go").status == 0)
      // Nothing is asked before: the daemon is to begin below the session.
      #expect(await eventually(seconds: 30) { home.daemon() != nil })
      let isThere = await eventually(seconds: 30) {
        let listed = await home.apus("ps")
        return listed.output.contains("inner (") && listed.output.contains("sleep 1304")
      }
      try #require(isThere)
      let inner = try await home.session("show", "inner")
      // Both came to the outer keeper, which orphans among its descendants come to.
      let all = try await processes(home)
      let (one, two) = (try #require(all.first { $0.name == "outer" }), try #require(all.first { $0.name == "inner" }))
      #expect(one.processes.contains { $0.command.contains("sleep 1304") })
      #expect(two.processes.first.map { ($0.pid, $0.role) } ?? (0, .child) == (inner.keeperPID, .keeper))
      let mine = Set(one.processes.map(\.pid))
      #expect(mine.isDisjoint(with: two.processes.map(\.pid)))
      #expect(!mine.contains(Int(home.daemon()?.pid ?? 0)))
    }
  }

  @Test func `what a session takes is told in list, show and top, and nothing but its disk when it has ended`()
    async throws
  {
    try await with { home, _, port in
      let shown = try await home.session("show", "one")
      #expect((shown.memory ?? 0) > 1 << 20)
      #expect((shown.cpu ?? -1) >= 0)
      #expect(shown.listening == [port])
      #expect((shown.disk ?? 0) > 0)
      let listed = try await home.json("list", "--wide").array?.first
      #expect((listed?["memory"]?.integer ?? 0) > 1 << 20)
      #expect(listed?["listening"]?.array?.first?.integer == Int64(port))
      // Measured a moment ago, so a plain list knows it too.
      #expect(try await home.json("list").array?.first?["disk"]?.integer == shown.disk.map { Int64($0) })

      let once = await home.apus("top", "--once")
      #expect(once.status == 0)
      let first = once.output.split(separator: "\n").first ?? ""
      #expect(first.hasPrefix("1 of 1 sessions live, "), "\(once.output)")
      #expect(first.hasSuffix(" available"), "\(once.output)")
      #expect(once.output.contains("one") && once.output.contains(String(port)))
      #expect(await home.apus("top").output.split(separator: "\n").count == 3, "no terminal: once")
      let look = try await home.json("top", "--once")
      #expect(look["live"]?.integer == 1 && look["sessions"]?.integer == 1)
      #expect((look["memoryAvailable"]?.integer ?? 0) > 0)
      #expect(look["table"]?.array?.first?["name"]?.string == "one")

      _ = try await home.session("stop", "one")
      let ended = try await home.session("show", "one")
      #expect(ended.memory == nil && ended.cpu == nil && ended.listening == nil)
      #expect((ended.disk ?? 0) > 0)
      #expect(await home.apus("top", "--once").output.hasPrefix("0 of 1 sessions live, 0 KB"))
      // The keys are there all the same.
      #expect(try await home.json("show", "one").object?.keys.contains("memory") == true)
    }
  }

  @Test(arguments: [80, 120])
  func `a wide list has its columns in place and is no wider than the terminal`(columns: Int) async throws {
    try await with { home, _, port in
      _ = try await home.session("new", "a-name-that-is-longer-than-most-names-of-sessions-are")
      _ = try await home.session("new", "ended")
      _ = try await home.session("stop", "ended")
      let size = ["COLUMNS": String(columns)]
      let plain = await home.apus("list", extra: size)
      #expect(!plain.output.contains("MEMORY"))
      let wide = await home.apus("list", "--wide", extra: size)
      let lines = wide.output.split(separator: "\n").map { String($0) }
      for line in lines { #expect(line.count <= columns, "\(line)") }
      let heading = try #require(lines.first)
      #expect(heading.split(separator: " ") == ["MEMORY", "CPU", "DISK", "PORTS"])
      let row = try #require(lines.first { $0.contains(" one ") })
      // Numbers stand below the end of their heading, ports below its beginning.
      let memory = try #require(heading.firstRange(of: "MEMORY").map { heading[..<$0.upperBound].count })
      #expect(row.prefix(memory).hasSuffix("MB"), "\(wide.output)")
      let ports = try #require(heading.firstRange(of: "PORTS").map { heading[..<$0.lowerBound].count })
      #expect(row.dropFirst(ports).hasPrefix(String(port)), "\(wide.output)")
      let past = try #require(lines.first { $0.contains(" ended ") })
      #expect(past.prefix(memory).hasSuffix("–"), "\(wide.output)")
    }
  }
}
