import ApusCore
import Testing

@testable import ApusServer

@Suite("who is let in") struct GateTests {
  private static let secret = "apus_0a1b2c3d_" + String(repeating: "x", count: 43)

  private func gate(_ scope: AccessGrant.Scope = .operate) -> Gate {
    var gate = Gate()
    gate.hosts = ["127.0.0.1:8300", "localhost:8300"]
    gate.tokens["0a1b2c3d"] = AccessToken(
      id: "0a1b2c3d", digest: Digest.sha256(Self.secret), grant: AccessGrant(scope: scope), createdAt: 0)
    return gate
  }

  private func head(
    _ method: String = "GET", _ target: String = "/v1/status", host: String? = "127.0.0.1:8300",
    token: String? = GateTests.secret, _ more: [(String, String)] = [], own: Bool = false
  ) -> RequestHead {
    var headers = more.map { (name: $0.0, value: $0.1) }
    if let host { headers.insert(("host", host), at: 0) }
    if let token { headers.append(("authorization", "Bearer " + token)) }
    return RequestHead(method: method, target: target, headers: headers, query: [], isOwnUser: own)
  }

  private func status(_ admission: Gate.Admission) -> Int? {
    if case .refused(let reply) = admission { reply.status } else { nil }
  }

  @Test func `whoever shows a token at the right address comes in`() {
    guard case .admitted(let grant, let token) = gate().admit(head()) else {
      Issue.record("refused")
      return
    }
    #expect(grant.scope == .operate)
    #expect(token == "0a1b2c3d")
    #expect(status(gate().admit(head(host: "LOCALHOST:8300"))) == nil)
    #expect(status(gate().admit(head([("origin", "http://127.0.0.1:8300")]))) == nil)
    #expect(status(gate().admit(head([("sec-fetch-site", "none")]))) == nil)
  }

  @Test(arguments: [
    "evil.com", "evil.com:8300", "localhost.evil.com:8300", "127.0.0.1.nip.io:8300", "0.0.0.0:8300", "2130706433:8300",
    "0177.0.0.1:8300", "0x7f.1:8300", "[::ffff:127.0.0.1]:8300", "127.1:8300", "127.0.0.1", "127.0.0.1:8301",
    "127.0.0.1:8300.", "localhost.:8300", "user@127.0.0.1:8300", "127.0.0.1:08300",
  ])
  func `another host's name gets nowhere`(_ host: String) {
    #expect(status(gate().admit(head(host: host))) == 403)
  }

  @Test(arguments: ["", "127.0.0.1:8300 ", "a b", "\u{e4}", "127.0.0.1:8300\u{0}", String(repeating: "a", count: 300)])
  func `a host that cannot be one is malformed`(_ host: String) {
    #expect(status(gate().admit(head(host: host))) == 400)
    #expect(status(gate().admit(head(host: nil))) == 400)
  }

  @Test(arguments: [
    "null", "http://localhost:3000", "http://127.0.0.1:83000", "http://127.0.0.1:8300.evil.com",
    "https://127.0.0.1:8300",
    "http://localhost:8300", "http://evil.com", "file://", "",
  ])
  func `a page of another origin gets nowhere`(_ origin: String) {
    #expect(status(gate().admit(head([("origin", origin)]))) == 403)
  }

  @Test(arguments: ["cross-site", "same-site", "SAME-ORIGIN", ""])
  func `what a browser says comes from elsewhere gets nowhere`(_ site: String) {
    #expect(status(gate().admit(head([("sec-fetch-site", site)]))) == 403)
  }

  @Test(arguments: [
    nil, "", "apus", "apus_0a1b2c3d_", GateTests.secret + "x", String(GateTests.secret.dropLast()),
    GateTests.secret.uppercased(), "apus_0a1b2c3d_" + String(repeating: "y", count: 43),
    "apus_ffffffff_" + String(repeating: "x", count: 43),
  ])
  func `no token, and none but the right one, lets nobody in`(_ token: String?) {
    #expect(status(gate().admit(head(token: token))) == 401)
    // Neither does the address it comes from.
    #expect(status(gate().admit(head(token: token, own: true))) == 401)
  }

  @Test func `a scheme that is none of ours is no token`() {
    #expect(status(gate().admit(head(token: nil, [("authorization", "Basic " + Self.secret)]))) == 401)
    #expect(status(gate().admit(head(token: nil, [("authorization", Self.secret)]))) == 401)
    #expect(status(gate().admit(head(token: nil, [("authorization", "Bearer " + Self.secret + " x")]))) == 401)
  }

  @Test func `a browser's WebSocket shows its token among the protocols`() {
    let protocols = [("sec-websocket-protocol", "apus.v1, bearer." + Self.secret)]
    #expect(status(gate().admit(head(token: nil, protocols))) == nil)
    #expect(status(gate().admit(head(token: nil, [("sec-websocket-protocol", "apus.v1")]))) == 401)
  }

  @Test func `a process of one's own comes in through a socket without a token, and by a wrong one does not`() {
    var gate = gate()
    gate.hosts = nil
    #expect(status(gate.admit(head(host: "localhost", token: nil, own: true))) == nil)
    #expect(status(gate.admit(head(host: "localhost", token: nil, own: false))) == 401)
    #expect(status(gate.admit(head(host: "localhost", token: "wrong", own: true))) == 401)
    #expect(status(gate.admit(head(host: "localhost", token: nil, [("origin", "http://localhost")], own: true))) == 403)
  }

  @Test(arguments: ["host", "content-length", "authorization", "content-type", "origin", "transfer-encoding"])
  func `what is said twice is refused`(_ name: String) {
    let one = head("POST", "/v1/tokens", [("content-type", "application/json"), ("content-length", "2")])
    var two = one
    two.headers.append((name, one.value(name) ?? "http://127.0.0.1:8300"))
    if one.value(name) == nil { two.headers.append((name, "http://127.0.0.1:8300")) }
    #expect(status(gate().admit(two)) == 400)
    #expect(status(gate().admit(one)) == nil)
  }

  @Test(arguments: [
    ([("content-length", "5"), ("transfer-encoding", "chunked")], 400), ([("transfer-encoding", "chunked")], 411),
    ([("transfer-encoding", "xchunked")], 411), ([("content-length", "+5")], 400), ([("content-length", "-5")], 400),
    ([("content-length", "5, 5")], 400), ([("content-length", "0x5")], 400), ([("content-length", "")], 400),
    ([("content-length", "99999999999999999999")], 400), ([("content-length", "8589934592")], 413),
    ([("content-length", "8388609")], 413),
  ])
  func `a body whose length is in doubt, or too great, is refused before it is read`(
    _ headers: [(String, String)], _ expected: Int
  ) {
    let asked = head("POST", "/v1/tokens", [("content-type", "application/json")] + headers)
    #expect(status(gate().admit(asked)) == expected)
  }

  @Test func `what has no body must not bring one`() {
    for (method, target) in [("GET", "/v1/status"), ("HEAD", "/v1/status"), ("DELETE", "/v1/tokens/a")] {
      #expect(status(gate().admit(head(method, target, [("content-length", "5")]))) == 400)
      #expect(status(gate().admit(head(method, target, [("content-length", "0")]))) == nil)
    }
  }

  @Test(arguments: [
    nil, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "",
  ])
  func `a change that is not said to be JSON is refused`(_ type: String?) {
    let headers = type.map { [("content-type", $0)] } ?? []
    #expect(status(gate().admit(head("POST", "/v1/tokens", headers))) == 415)
    #expect(status(gate().admit(head("PATCH", "/v1/sessions/a", headers))) == 415)
    // What is not there is told as that.
    #expect(status(gate().admit(head("POST", "/v1/nothing", headers))) == 404)
    #expect(status(gate().admit(head("POST", "/v1/status", headers))) == 405)
  }

  @Test func `a header line that could be read as two is refused`() {
    for (name, value) in [
      ("x-a", "b\rHost: evil"), ("x-a", "b\nc"), ("x a", "b"), ("x-a", "\u{1}"), ("", "b"), ("x\u{e4}", "b"),
    ] {
      #expect(status(gate().admit(head([(name, value)]))) == 400)
    }
  }

  @Test func `health is all that everybody may ask`() {
    guard case .health = gate().admit(head("GET", "/healthz", token: nil)) else {
      Issue.record("not health")
      return
    }
    #expect(status(gate().admit(head("GET", "/healthz", host: "evil.com", token: nil))) == 403)
    #expect(status(gate().admit(head("POST", "/healthz", token: nil))) == 401)
    #expect(status(gate().admit(head("GET", "/healthz/", token: nil))) == 401)
  }

  @Test func `any text for a head is refused or let in, and never more`() {
    var state: UInt64 = 88_172_645_463_325_252
    func next(_ limit: UInt64) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % limit)
    }
    let names = [
      "host", "origin", "authorization", "content-length", "transfer-encoding", "sec-fetch-site", "x", "\u{0}", "",
    ]
    let values = [
      "127.0.0.1:8300", "", "\u{feff}", "null", "Bearer", "Bearer ", "-1", "chunked",
      String(repeating: "9", count: 400), "\r\n",
    ]
    for _ in 0..<20_000 {
      let headers = (0..<next(6)).map { _ in (names[next(9)], values[next(10)]) }
      let asked = head(
        ["GET", "POST", "\u{0}", ""][next(4)], ["/", "", "/%", "/v1/%00", "//"][next(5)], token: nil, headers)
      let said = status(gate().admit(asked))
      #expect(said.map { (400..<500).contains($0) } == true)
    }
  }
}

extension GateTests {
  private func head(_ headers: [(String, String)]) -> RequestHead { head("GET", "/v1/status", headers) }
  private func head(_ method: String, _ headers: [(String, String)]) -> RequestHead {
    head(method, "/v1/status", headers)
  }
  private func head(host: String?) -> RequestHead { head("GET", host: host) }
  private func head(token: String?) -> RequestHead { head("GET", token: token) }
  private func head(token: String?, _ headers: [(String, String)]) -> RequestHead { head("GET", token: token, headers) }
}
