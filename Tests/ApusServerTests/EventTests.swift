import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

@Suite("events for programs") struct EventTests {
  @Test func `every event comes once, over the ends of twenty daemons`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "one")
      _ = try await home.session("new", "two")
      let follower = Follower(knock, "?after=0")
      var seen = Follower.Seen()
      var expected = 0
      for round in 0..<20 {
        let pid = try #require(try await knock.get("/v1/status").json["pid"]?.integer)
        let before = seen
        async let following = follower.follow(before, until: .max, seconds: 5)
        for name in ["one", "two"] {
          let sent = try await knock.post("/v1/sessions/\(name)/send", #"{"text":"say: \#(round)","wait":true}"#)
          #expect(sent.json["result"]?.string == "\(round)")
        }
        // In the middle of whatever it does.
        _ = try await knock.post("/v1/sessions/one/send", #"{"text":"say: cut \#(round)"}"#)
        kill(Int32(pid), SIGKILL)
        seen = try await following
        #expect(await home.apus("up").status == 0)
        expected += 3
      }
      for name in ["one", "two"] { #expect(await home.apus("wait", name, "--timeout", "30").status == 0) }
      let total = try await knock.get("/v1/sessions/one/events?limit=10000").json.array?.count ?? 0
      let others = try await knock.get("/v1/sessions/two/events?limit=10000").json.array?.count ?? 0
      seen = try await follower.follow(seen, until: total + others)
      #expect(seen.ids == seen.ids.sorted())
      #expect(Set(seen.ids).count == seen.ids.count)
      // Each session's own numbers, none missing and none twice.
      for name in ["one", "two"] {
        let numbers = seen.data.filter { $0["name"]?.string == name }.compactMap { $0["n"]?.integer }
        let all = name == "one" ? total : others
        #expect(numbers == (0..<Int64(all)).map { $0 }, "\(name)")
      }
      #expect(seen.data.filter { $0["type"]?.string == "prompt.accepted" }.count == expected)
    }
  }

  @Test func `one who follows some gets those alone`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "one", "--prompt", "say: a", "--wait", "--owner", "x")
      _ = try await home.session("new", "two", "--prompt", "say: b", "--wait")
      func types(_ query: String, _ count: Int, _ knock: Knock) async throws -> [String] {
        let seen = try await Follower(knock, "?after=0" + query).follow(.init(), until: count, seconds: 3)
        return seen.data.compactMap { event in
          event["type"]?.string.map { (event["name"]?.string ?? "") + " " + $0 }
        }
      }
      #expect(try await types("&session=two&type=turn.", 2, knock) == ["two turn.began", "two turn.ended"])
      #expect(try await types("&type=created,run.started", 4, knock).count == 4)
      let own = knock.with(try await Knock.token(home, scope: "read", more: ["--owner", "x"]))
      #expect(Set(try await types("&type=created", 2, own)) == ["one created"])
      #expect(try await knock.get("/v1/events?session=three").status == 404)
      #expect(try await knock.ask("GET", "/v1/events", headers: ["Last-Event-ID: x"]).status == 400)
      #expect(try await knock.get("/v1/events?after=-1").status == 400)
    }
  }

  @Test func `one who comes with an id of another store hears that, and what comes`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let door = knock.door
      let head = "GET /v1/events HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n"
      let (bytes, _) = try await onThread {
        let line = try Line(door)
        line.send(Array((head + "Last-Event-ID: 999999999\r\n\r\n").utf8))
        return line.read(seconds: 120) { !Follower.events($0).isEmpty }
      }
      #expect(Follower.events(bytes).first?.data["known"]?.bool == false)
    }
  }

  @Test func `one who does not read takes no room and keeps nobody waiting`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let pid = try #require(try await knock.get("/v1/status").json["pid"]?.integer)
      _ = try await home.session("new", "one")
      let door = knock.door
      let head =
        "GET /v1/events?after=0 HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n\r\n"
      let lines = try await onThread { () -> [Line] in
        try (0..<50).map { _ in
          let line = try Line(door)
          var size: Int32 = 4096
          setsockopt(line.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
          line.send(Array(head.utf8))
          return line
        }
      }
      let before = try #require(Weight(of: Int32(pid))).memory
      let text = String(repeating: "word ", count: 40_000)
      for _ in 0..<10 {
        _ = try await knock.post("/v1/sessions/one/send", #"{"text":"say: \#(text)","wait":true}"#)
      }
      // 50 who do not read, and 6 MB of events for each.
      #expect(try #require(Weight(of: Int32(pid))).memory - before < 100 << 10)
      let seen = try await Follower(knock, "?after=0&type=turn.ended").follow(.init(), until: 10)
      #expect(seen.ids.count == 10)
      #expect(lines.count == 50)
    }
  }
}
