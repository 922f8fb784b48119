import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import Foundation
import Testing

@testable import ApusServer

@Suite("webhooks") struct WebhookTests {
  /// Somebody who takes requests.
  private struct Receiver {
    let program: Running
    let port: Int

    init(_ home: TestHome, _ statuses: Int...) async throws {
      program = try Running(
        [Checkout.python, Checkout.root + "/Tests/ApusServerTests/webhook-receiver.py"] + statuses.map(String.init),
        environment: home.environment, directory: home.work)
      port = Int(try JSONText.decode(JSON.self, from: try #require(try await program.line()))["port"]?.integer ?? 0)
    }

    func next() async throws -> JSON { try JSONText.decode(JSON.self, from: try #require(try await program.line())) }

    func events(_ request: JSON) -> [JSON] {
      let body: JSON = (try? JSONText.decode(from: Array((request["body"]?.string ?? "").utf8))) ?? .null
      return body["events"]?.array ?? []
    }

    func end() async throws {
      program.kill()
      _ = try await program.finish()
    }
  }

  private static let inside = ["APUS_WEBHOOKS_INSIDE": "true"]

  @Test func `events come signed, in order, once taken never again, over daemons and failures`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.inside) { home in
      let knock = try await Knock.at(home)
      let receiver = try await Receiver(home, 500, 200, 503, 302, 200)
      let made = try await knock.post(
        "/v1/webhooks", #"{"url":"http://127.0.0.1:\#(receiver.port)/hook","types":["turn.","prompt.accepted"]}"#)
      #expect(made.status == 201, "\(made.body)")
      let secret = try #require(made.json["secret"]?.string)
      _ = try await home.session("new", "one")
      var taken: [Int64] = []
      for round in 0..<3 {
        _ = try await knock.post("/v1/sessions/one/send", #"{"text":"say: \#(round)","wait":true}"#)
        if round == 1 { #expect(await home.apus("restart").status == 0) }
      }
      while taken.count < 9 {
        let request = try await receiver.next()
        let body = request["body"]?.string ?? ""
        let signature = request["headers"]?["apus-signature"]?.string ?? ""
        let time = signature.dropFirst(2).prefix { $0 != "," }
        #expect(signature == "t=\(time),v1=\(Digest.hmac(Array("\(time).\(body)".utf8), key: secret))")
        #expect(request["path"]?.string == "/hook")
        // What was not taken comes again.
        if request["status"]?.integer == 200 { taken += receiver.events(request).compactMap { $0["id"]?.integer } }
        #expect(
          receiver.events(request).allSatisfy {
            ["turn.began", "turn.ended", "prompt.accepted"].contains($0["type"]?.string)
          })
      }
      #expect(taken == taken.sorted() && Set(taken).count == 9)
      let listed = try await knock.get("/v1/webhooks")
      #expect(listed.json.array?.first?["secret"] == nil)
      #expect(!listed.body.contains(secret))
      let id = made.json["id"]?.string ?? ""
      #expect(try await knock.ask("DELETE", "/v1/webhooks/\(id)").status == 204)
      #expect(try await knock.ask("DELETE", "/v1/webhooks/\(id)").status == 404)
      try await receiver.end()
    }
  }

  @Test func `one that says it is gone is left alone`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent, extra: Self.inside) { home in
      let knock = try await Knock.at(home)
      let receiver = try await Receiver(home, 410)
      _ = try await knock.post("/v1/webhooks", #"{"url":"http://127.0.0.1:\#(receiver.port)/"}"#)
      _ = try await home.session("new", "one")
      _ = try await receiver.next()
      #expect(
        try await eventually { try await knock.get("/v1/webhooks").json.array?.first?["state"]?.string == "gone" })
      try await receiver.end()
    }
  }

  @Test func `an inside address is not reached, by whatever name`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      let receiver = try await Receiver(home)
      for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0"] {
        let made = try await knock.post("/v1/webhooks", #"{"url":"http://\#(host):\#(receiver.port)/"}"#)
        #expect(made.status == 201, "\(host)")
      }
      _ = try await home.session("new", "one")
      let looked = try await eventually {
        let all = try await knock.get("/v1/webhooks").json.array ?? []
        return all.count == 6 && all.allSatisfy { ($0["failures"]?.integer ?? 0) > 0 }
      }
      #expect(looked)
      let said = try await knock.get("/v1/webhooks").json.array?.compactMap { $0["problem"]?.string } ?? []
      #expect(said.filter { $0.hasSuffix("is an inside address") }.count == 6, "\(said)")
      receiver.program.kill()
      #expect(try await receiver.program.line() == nil)
      for url in [
        "ftp://x/", "http://u:p@x/", "http://x y/", "file:///etc/passwd", "http://", "x", "http://x:0/", "http://x/#a",
      ] {
        #expect(try await knock.post("/v1/webhooks", #"{"url":"\#(url)"}"#).status == 422, "\(url)")
      }
      _ = try await receiver.program.finish()
    }
  }
}
