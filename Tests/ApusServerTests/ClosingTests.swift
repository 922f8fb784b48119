import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

@Suite("the end of a listener, and of the daemon") struct ClosingTests {
  /// One who follows, one who sits at a terminal, one who waits for an answer, one who says half a word.
  private func busy(_ home: TestHome, _ knock: Knock) async throws -> [Line] {
    _ = await home.apus("new", "t", "--here", "--terminal")
    let (door, host, token) = (knock.door, knock.host, knock.token ?? "")
    return try await onThread {
      let heads = [
        "GET /v1/events HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\n\r\n",
        "GET /v1/sessions/t/terminal HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\nUpgrade: websocket\r\n"
          + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        "POST /v1/sessions/t/wait HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\n"
          + "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"for\":\"ended\"}", "GET /v1/st",
      ]
      return try heads.enumerated().map { index, head in
        let line = try Line(door)
        line.send(Array(head.utf8))
        if index < 2 {
          _ = line.read(seconds: 120) {
            String(decoding: $0, as: UTF8.self).contains(index == 0 ? "event: hello" : "viewing")
          }
        }
        return line
      }
    }
  }

  @Test func `an address that is let go of ends what goes on there, and nothing else`() async throws {
    try await TestHome.with(agent: Checkout.terminalAgent) { home in
      let knock = try await Knock.at(home)
      let pid = try await knock.get("/v1/status").json["pid"]?.integer
      for _ in 0..<5 {
        let lines = try await busy(home, knock)
        #expect(await home.apus("serve", "--off").status == 0)
        for line in lines {
          let (_, isClosed) = try await onThread { line.read(seconds: 120) }
          #expect(isClosed)
        }
        await #expect(throws: Failure.self) { try await knock.get("/v1/status") }
        guard case .tcp(let port) = knock.door else { return }
        #expect(await home.apus("serve", "--listen", "127.0.0.1:\(port)").status == 0)
        #expect(try await knock.get("/v1/status").json["pid"]?.integer == pid)
      }
      #expect(try await home.session("show", "t").state == .running)
    }
  }

  @Test func `a daemon that is shut down goes in order, whoever is there`() async throws {
    try await TestHome.with(agent: Checkout.terminalAgent) { home in
      let knock = try await Knock.at(home)
      for _ in 0..<5 {
        let lines = try await busy(home, knock)
        #expect(await home.apus("restart").status == 0)
        for line in lines {
          let (_, isClosed) = try await onThread { line.read(seconds: 120) }
          #expect(isClosed)
        }
      }
      let ends = home.daemonLog().components(separatedBy: " ends\n").count - 1
      #expect(ends == 5)
      #expect(try await home.session("show", "t").state == .running)
    }
  }
}
