import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

/// What those who show sessions are told beside events.
@Suite("signals") struct SignalTests {
  /// The blocks of a stream that was asked for with this path, until they are enough or a minute is over.
  private func hear(
    _ knock: Knock, _ path: String, until isEnough: @escaping @Sendable ([[String: String]]) -> Bool
  ) async throws -> [[String: String]] {
    try await onThread {
      let line = try Line(knock.door)
      line.send(
        Array("GET \(path) HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n\r\n".utf8))
      let until = apus_monotonic_milliseconds() + 120_000
      let (bytes, _) = line.read(seconds: 120) { bytes in
        apus_monotonic_milliseconds() > until || isEnough(Follower.blocks(bytes))
      }
      return Follower.blocks(bytes)
    }
  }

  @Test func `what an agent is saying is told as it comes, and is what it said`() async throws {
    try await TestHome.with { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "one")
      async let heard = hear(knock, "/v1/events?after=0&signals=true") { blocks in
        blocks.contains { $0["event"] == "turn.ended" }
      }
      let words = "one two three four five six seven eight nine ten"
      _ = try await knock.post("/v1/sessions/one/send", #"{"text":"slow 2: \#(words)"}"#)
      let blocks = try await heard
      let said = blocks.firstIndex { $0["event"] == "said" && $0["data"]?.contains("assistant") == true }
      let end = try #require(said)
      let pieces = blocks[..<end].filter { $0["event"] == "saying" }.map(Self.data)
      #expect(pieces.count > 2)
      #expect(pieces.allSatisfy { $0["name"]?.string == "one" })
      #expect(pieces.first?["begins"]?.bool == true)
      #expect(pieces.dropFirst().allSatisfy { $0["begins"]?.bool == false })
      #expect(pieces.compactMap { $0["text"]?.string }.joined() == words)
      #expect(blocks[end...].allSatisfy { $0["event"] != "saying" })
      #expect(blocks.filter { $0["event"] == "saying" || $0["event"] == "changed" }.allSatisfy { $0["id"] == nil })
    }
  }

  private static func data(_ block: [String: String]) -> JSON {
    (try? JSONText.decode(from: Array((block["data"] ?? "").utf8))) ?? .null
  }

  @Test func `what looks different is named, without a number, to those who asked for it`() async throws {
    try await TestHome.withRepository { home in
      let knock = try await Knock.at(home)
      _ = try await home.session("new", "one")
      async let heard = hear(knock, "/v1/events?signals=true") { blocks in
        let what = Set(blocks.filter { $0["event"] == "changed" }.compactMap { Self.data($0)["what"]?.string })
        return what == ["session", "locks", "claims"]
      }
      async let plain = hear(knock, "/v1/events?after=0") { blocks in
        blocks.contains { $0["event"] == "turn.ended" }
      }
      let body = #"{"session":"one","note":"x"}"#
      // Whoever follows does so by then or hears of a later one.
      var number = 0
      _ = await eventually(seconds: 60) {
        number += 1
        _ = try? await knock.post("/v1/locks/l\(number)/acquire", body)
        _ = try? await knock.post("/v1/claims", #"{"session":"one","paths":["f\#(number)"]}"#)
        _ = try? await knock.post("/v1/sessions/one/send", #"{"text":"say: a","wait":true}"#)
        return number == 3
      }
      let seen = try await heard
      #expect(seen.contains { $0["data"]?.contains(#""what":"claims""#) == true })
      #expect(try await plain.allSatisfy { $0["event"] != "changed" && $0["event"] != "saying" })
    }
  }

  private static let server = """
    import http.server, os
    print(open("words").read())
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.BaseHTTPRequestHandler).serve_forever()
    """

  @Test func `a server's log is told as it is written, and its server is reloaded by its id`() async throws {
    try await TestHome.withRepository { home in
      let knock = try await Knock.at(home)
      TestHome.write("first line", to: home.work + "/words")
      TestHome.write(Self.server, to: home.work + "/server.py")
      let program = ["python3", "-u", "server.py"]
      let server = Task {
        await Program.run(
          [Checkout.programs + "/apus", "dev", "--name", "api", "--stop-limit", "500ms", "--settle", "20ms", "--"]
            + program,
          environment: home.environment, directory: home.work, seconds: 300)
      }
      func servers() async throws -> [JSON] { try await knock.get("/v1/servers").json.array ?? [] }
      #expect(await eventually(seconds: 60) { (try? await servers().first?["pid"]?.integer) ?? nil != nil })
      let id = try #require(try await servers().first?["id"]?.string)
      #expect(try await knock.get("/v1/servers/none/log").code == "server.not_found")
      let log = Task { try await knock.log("/v1/servers/\(id)/log?follow=true", until: "second line") }
      #expect(
        await eventually(seconds: 60) {
          (try? await knock.get("/v1/servers/api/log").body.contains("first line")) == true
        })
      TestHome.write("second line", to: home.work + "/words")
      let reloaded = try await knock.post("/v1/servers/\(id)/reload")
      #expect(reloaded.status == 200, "\(reloaded.body)")
      let told = try await log.value
      #expect(told.contains("first line") && told.contains("second line"))
      #expect(try await knock.post("/v1/servers/\(id)/stop").status == 200)
      _ = await server.value
    }
  }
}

extension Knock {
  /// What comes of a stream of text, until that is in it.
  fileprivate func log(_ path: String, until wanted: String) async throws -> String {
    try await onThread {
      let line = try Line(door)
      line.send(
        Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token ?? "")\r\n\r\n".utf8))
      return String(
        decoding: line.read(seconds: 120) { String(decoding: $0, as: UTF8.self).contains(wanted) }.0, as: UTF8.self)
    }
  }
}
