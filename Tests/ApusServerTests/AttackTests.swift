import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Testing

/// reliability §5.3, by its numbers, on the real daemon: each is refused, and the daemon goes on.
@Suite("attacks on the HTTP door") struct AttackTests {
  private func attacked(_ body: (TestHome, Knock) async throws -> Void) async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let knock = try await Knock.at(home)
      try await body(home, knock)
      // Everybody else is served all the same.
      #expect(try await knock.get("/v1/status").status == 200)
    }
  }

  @Test func `A1 to A8, A11, A15: foreign hosts, origins and missing tokens are refused over the wire`() async throws {
    try await attacked { _, knock async throws in
      guard case .tcp(let port) = knock.door else { return }
      for host in [
        "evil.com:\(port)", "localhost.evil.com:\(port)", "127.0.0.1.nip.io:\(port)", "0.0.0.0:\(port)",
        "2130706433:\(port)", "0177.0.0.1:\(port)", "[::ffff:127.0.0.1]:\(port)",
      ] {
        let answer = try await knock.ask("GET", "/v1/status", host: host)
        #expect(answer.status == 403, "\(host)")
        #expect(answer.code == "access.refused")
        #expect(answer.headers["access-control-allow-origin"] == nil)
      }
      for origin in ["null", "http://localhost:1", "http://localhost:\(port).evil.com", "http://evil.com"] {
        #expect(try await knock.ask("GET", "/v1/status", headers: ["Origin: \(origin)"]).status == 403, "\(origin)")
        let upgrade = [
          "Origin: \(origin)", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
        #expect(try await knock.ask("GET", "/v1/sessions/a/terminal", headers: upgrade).status == 403)
      }
      #expect(try await knock.with(nil).get("/v1/status").status == 401)
    }
  }

  @Test func `A9, A10: a form that posts and a preflight change nothing`() async throws {
    try await attacked { home, knock async throws in
      let body = #"{"directory":"\#(home.work)","name":"made"}"#
      for type in ["text/plain", "application/x-www-form-urlencoded"] {
        let raw =
          "POST /v1/sessions HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n"
          + "Content-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        #expect(try await knock.say(Array(raw.utf8), seconds: 1)?.status == 415)
      }
      let preflight = try await knock.with(nil).ask(
        "OPTIONS", "/v1/sessions",
        headers: ["Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization"])
      #expect(preflight.status == 401)
      #expect(!preflight.headers.keys.contains { $0.hasPrefix("access-control") })
      #expect(try await knock.get("/v1/sessions").body == "[]")
    }
  }

  @Test func `A13: a token in an address is no token`() async throws {
    try await attacked { home, knock async throws in
      let token = knock.token ?? ""
      for name in ["token", "access_token", "authorization", "auth"] {
        #expect(try await knock.with(nil).get("/v1/status?\(name)=\(token)").status == 401)
      }
      #expect(!home.daemonLog().contains(token))
    }
  }

  @Test func `A14: what goes on in the name of a token ends when it is revoked`() async throws {
    try await attacked { home, knock async throws in
      let token = try await Knock.token(home, scope: "read")
      let door = knock.door
      let host = knock.host
      let line = try await onThread { () -> Line in
        let line = try Line(door)
        line.send(Array("GET /v1/events HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8))
        let (begun, _) = line.read(seconds: 120) { String(decoding: $0, as: UTF8.self).contains("event: hello") }
        #expect(String(decoding: begun, as: UTF8.self).contains("200 OK"))
        return line
      }
      let id = token.split(separator: "_")[1]
      #expect(await home.apus("token", "revoke", String(id)).status == 0)
      #expect(try await knock.with(token).get("/v1/status").status == 401)
      let (rest, isClosed) = try await onThread { line.read(seconds: 120) { $0.suffix(5) == Array("0\r\n\r\n".utf8) } }
      #expect(isClosed || rest.suffix(5) == Array("0\r\n\r\n".utf8))
    }
  }

  @Test func `A16, A17: answers are for no script, no frame and no cache of another site`() async throws {
    try await attacked { _, knock async throws in
      for path in ["/v1/sessions", "/v1/openapi.json", "/v1/nothing"] {
        let answer = try await knock.get(path)
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(answer.headers["cross-origin-resource-policy"] == "same-origin")
        #expect(answer.headers["content-security-policy"]?.contains("frame-ancestors 'none'") == true)
        #expect(answer.headers["cache-control"] == "no-store")
        #expect(answer.headers["content-type"]?.hasSuffix("json") == true)
      }
    }
  }

  @Test func `A18: malformed heads are answered 4xx and the daemon lives`() async throws {
    try await attacked { home, knock async throws in
      let pid = try await knock.get("/v1/status").json["pid"]?.integer
      let (host, token) = (knock.host, knock.token ?? "")
      let authorised = "Authorization: Bearer \(token)\r\n"
      let heads: [[UInt8]] = [
        Array("GET /v1/status HTTP/1.1\r\nHost: ".utf8) + [0xff, 0xfe] + Array("\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/status HTTP/1.1\r\nHost: \(String(repeating: "a", count: 65_536))\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/status HTTP/1.1\r\nHost: \(host)\r\nHost: \(host)\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/status HTTP/1.1\r\nHost: \(host)\r\nOrigin: a\r\nOrigin: b\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/status HTTP/1.1\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/status HTTP/1.1\r\nHost: \(host)\r\ngarbage\r\n\r\n".utf8),
        Array("GET /\(String(repeating: "a", count: 70_000)) HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8),
        Array("GET /v1/status HTTP/9.9\r\nHost: \(host)\r\n\r\n".utf8),
        Array("GET /%zz HTTP/1.1\r\nHost: \(host)\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/sessions/%00 HTTP/1.1\r\nHost: \(host)\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/sessions/%ff HTTP/1.1\r\nHost: \(host)\r\n\(authorised)\r\n".utf8),
        Array("GET /v1/sessions?limit=%f HTTP/1.1\r\nHost: \(host)\r\n\(authorised)\r\n".utf8),
      ]
      for head in heads {
        let answer = try await knock.say(head, seconds: 2)
        let said = String(decoding: head.prefix(60), as: UTF8.self)
        #expect(
          answer.map { (400..<600).contains($0.status) && $0.status != 500 } == true, "\(said): \(answer?.status ?? 0)")
      }
      // What is no HTTP at all gets no more than a closed door.
      for bytes in [[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 13, 10, 13, 10], [UInt8](repeating: 0, count: 40_000)] {
        _ = try await knock.say(bytes, seconds: 0.3)
      }
      #expect(try await knock.get("/v1/status").json["pid"]?.integer == pid)
    }
  }

  @Test func `A19: a request that hides in another is never performed`() async throws {
    try await attacked { home, knock async throws in
      let (host, token) = (knock.host, knock.token ?? "")
      let smuggled =
        "POST /v1/tokens HTTP/1.1\r\nHost: \(host)\r\nAuthorization: Bearer \(token)\r\n"
        + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
      let common = "Host: \(host)\r\nAuthorization: Bearer \(token)\r\nContent-Type: application/json\r\n"
      let before = try await knock.get("/v1/tokens").json.array?.count
      let outer = [
        "POST /v1/status HTTP/1.1\r\n\(common)Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/status HTTP/1.1\r\n\(common)Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST /v1/status HTTP/1.1\r\n\(common)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/status HTTP/1.1\r\n\(common)Transfer-Encoding: xchunked\r\n\r\n",
        "POST /v1/status HTTP/1.1\r\n\(common)Content-Length: 0\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)Content-Length: \(smuggled.utf8.count)\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)Content-Length : 0\r\n\r\n",
        // Behind a line feed alone, which another reader may take for a part of the value.
        "GET /v1/status HTTP/1.1\r\n\(common)X-A: b\nContent-Length: \(smuggled.utf8.count)\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)X-A: b\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)X-A: b\nHost: \(host)\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)X-A: b\rContent-Length: \(smuggled.utf8.count)\r\n\r\n",
        "GET /v1/status HTTP/1.1\r\n\(common)X-A: b\r\n Content-Length: 5\r\n\r\n",
      ]
      for (index, head) in outer.enumerated() where index != 6 && index != 11 {
        let answer = try #require(try await knock.say(Array((head + smuggled).utf8), seconds: 2))
        #expect(answer.status == 400 || answer.status == 411, "\(index): \(answer.status)")
        // One answer, and then nobody reads on.
        #expect(answer.isClosed, "\(index)")
        #expect(!answer.body.contains("HTTP/1.1"), "\(index)")
      }
      #expect(try await knock.get("/v1/tokens").json.array?.count == before)
    }
  }

  private static let thousand = """
    import resource, socket, sys
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
    lines = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(1000)]
    for line in lines:
        line.sendall(b"GET /v1/status HTTP/1.1\\r\\nHost: ")
    print(len(lines), flush=True)
    sys.stdin.read()
    """

  @Test func `A20: a thousand that say half a word keep nobody waiting, and take little`() async throws {
    try await attacked { home, knock async throws in
      let pid = try #require(try await knock.get("/v1/status").json["pid"]?.integer)
      let before = try #require(Weight(of: Int32(pid))).memory
      guard case .tcp(let port) = knock.door else { return }
      // A program of its own: a thousand descriptors are more than this one may have to spare.
      let many = try Running(
        ["/usr/bin/python3", "-c", Self.thousand, "\(port)"], environment: home.environment, directory: home.work)
      #expect(try await many.line() == Array("1000".utf8))
      #expect(try await knock.get("/v1/status").status == 200)
      #expect(await home.apus("list").status == 0)
      #expect(try #require(Weight(of: Int32(pid))).memory - before < 64 << 10)
      many.kill()
      _ = try await many.finish()
    }
  }

  @Test func `A21: bodies that are too large, too deep or no text are refused, whole`() async throws {
    try await attacked { home, knock async throws in
      let pid = try #require(try await knock.get("/v1/status").json["pid"]?.integer)
      let before = try #require(Weight(of: Int32(pid))).memory
      let head =
        "POST /v1/sessions HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n"
        + "Content-Type: application/json\r\n"
      for length in ["8589934592", "104857600", "8388609"] {
        let piece = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
        let answer = try await knock.say(Array((head + "Content-Length: \(length)\r\n\r\n").utf8) + piece, seconds: 2)
        #expect(answer?.status == 413)
      }
      let deep = String(repeating: "[", count: 1_000_000)
      #expect(try await knock.post("/v1/sessions", deep).status == 400)
      #expect(try await knock.post("/v1/sessions", String(repeating: "{\"a\":", count: 200_000)).status == 400)
      for body in [
        "", "{", "nul", "[]", "\"a\"", "{} {}", "{\"directory\": 1}", "{\"directory\": null}",
        "{\"directory\":\"\\ud800\"}",
      ] {
        #expect(try await knock.post("/v1/sessions", body).status == 400, "\(body)")
      }
      let text = Array("{\"directory\":\"/".utf8) + [0xff, 0xfe] + Array("\"}".utf8)
      let answer = try await knock.say(
        Array((head + "Content-Length: \(text.count)\r\nConnection: close\r\n\r\n").utf8) + text)
      #expect(answer?.status == 400)
      #expect(try #require(Weight(of: Int32(pid))).memory - before < 200 << 10)
      #expect(try await knock.get("/v1/sessions").body == "[]")
    }
  }

  @Test func `A22: no path leads out of where it should`() async throws {
    try await attacked { home, knock async throws in
      for path in [
        "/v1/sessions/../../etc/passwd", "/v1/sessions/%2e%2e/%2e%2e/etc/passwd", "/v1/sessions/..%2f..%2fetc",
        "/v1/sessions/%2fetc%2fpasswd/recording", "/v1/sessions/%00/transcript", "//etc/passwd", "/v1//sessions",
        "/v1/sessions/a/recording/../../..", "/etc/passwd",
      ] {
        #expect(try await knock.get(path).status == 404, "\(path)")
      }
      #expect(try await knock.get("/v1/sessions/..%5c..%5cetc/recording").status == 404)
    }
  }

  @Test func `A23: names that mean something to a shell, to git or to a terminal are refused`() async throws {
    try await attacked { home, knock async throws in
      for name in [
        "--upload-pack=x", "$(id)", "a\\nb", "\\u202egnp.exe", "a/../b", "", ".hidden", "a b",
        String(repeating: "n", count: 300),
      ] {
        let answer = try await knock.post("/v1/sessions", #"{"directory":"\#(home.work)","name":"\#(name)"}"#)
        #expect(answer.status == 422 || answer.status == 400, "\(name): \(answer.status)")
        #expect(answer.code == "name.invalid", "\(name)")
      }
      #expect(try await knock.get("/v1/sessions").body == "[]")
    }
  }

  @Test func `A25: a session's token does what the session may, and nothing a person may`() async throws {
    try await attacked { home, knock async throws in
      let one = try await home.session("new", "one", "--here")
      _ = try await home.session("new", "two", "--here")
      let own = knock.with(try await Knock.token(home, scope: "session:one"))
      #expect(try await own.get("/v1/sessions").json.array?.count == 2)
      #expect(try await own.get("/v1/sessions/one/transcript").status == 200)
      for (method, path) in [
        ("GET", "/v1/sessions/two/transcript"), ("GET", "/v1/sessions/two/recording"),
        ("GET", "/v1/sessions/two/events"),
        ("GET", "/v1/tokens"), ("GET", "/v1/doctor"), ("DELETE", "/v1/sessions/one"), ("DELETE", "/v1/tokens/x"),
      ] {
        #expect(try await own.ask(method, path).status == 403, "\(path)")
      }
      for (path, body) in [
        ("/v1/sessions", #"{"directory":"/tmp"}"#), ("/v1/sessions/one/stop", "{}"),
        ("/v1/sessions/two/interrupt", "{}"),
        ("/v1/sessions/one/permit", #"{"allow":true}"#), ("/v1/tokens", "{}"),
        ("/v1/locks/docker/break", #"{"reason":"x"}"#),
        ("/v1/sessions/two/send", #"{"text":"x"}"#),
      ] {
        #expect(try await own.post(path, body).status == 403, "\(path)")
      }
      // In its own name whatever it says, it holds its locks itself.
      let lock = try await own.post("/v1/locks/docker/acquire", #"{"session":"two"}"#)
      #expect(lock.json["owner"]?["id"]?.string == one.id)
      let events = try await own.get("/v1/events?session=two")
      #expect(events.status == 403)
    }
  }

  @Test func `A28, A29: a socket that is no socket of ours, and a key others can read, are refused`() async throws {
    try await attacked { home, _ async throws in
      let path = home.root + "/api.sock"
      TestHome.write("x", to: path)
      #expect(await home.apus("serve", "--listen", "unix:" + path).status == 4)
      #expect(TestHome.text(path) == "x")
      unlink(path)
      symlink("/tmp", path)
      #expect(await home.apus("serve", "--listen", "unix:" + path).status == 4)
      unlink(path)
      #expect(await home.apus("serve", "--listen", "unix:" + path).status == 0)
      var facts = stat()
      #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
      TestHome.write("key", to: home.root + "/key.pem")
      chmod(home.root + "/key.pem", 0o644)
      let refused = await home.apus(
        "serve", "--listen", "127.0.0.1:0", "--tls-cert", home.root + "/key.pem", "--tls-key", home.root + "/key.pem")
      #expect(refused.status == 2)
      #expect(refused.errors.contains("may be read by others"))
    }
  }

  @Test func `A31: a repository's own settings open no door`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      mkdir(home.work + "/.apus", 0o755)
      TestHome.write(#"{"listen": "127.0.0.1:0"}"#, to: home.work + "/.apus/config.json")
      _ = try await home.session("new", "one", "--here")
      #expect(await home.apus("serve", "--list", "--json").output == "[]\n")
    }
  }

  @Test func `A33: a secret that was said is hidden from whoever may not see it`() async throws {
    try await attacked { home, knock async throws in
      let secret = "ghp_" + String(repeating: "A1b2", count: 9)
      _ = try await knock.post(
        "/v1/sessions?wait=idle", #"{"directory":"\#(home.work)","name":"one","prompt":"say: the key is \#(secret)!"}"#)
      for path in ["/v1/sessions", "/v1/sessions/one", "/v1/sessions/one/transcript", "/v1/sessions/one/events"] {
        let answer = try await knock.get(path)
        #expect(answer.status == 200)
        #expect(!answer.body.contains(secret), "\(path)")
        #expect(answer.json != .null, "\(path)")
      }
      #expect(try await knock.get("/v1/sessions/one/transcript").body.contains("ghp_A1b2…hidden…!"))
      let seeing = knock.with(try await Knock.token(home, more: ["--secrets"]))
      #expect(try await seeing.get("/v1/sessions/one/transcript").body.contains(secret))
    }
  }

  @Test func `an address others can reach needs TLS and a token`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let bare = await home.apus("serve", "--listen", "0.0.0.0:0")
      #expect(bare.status == 2)
      #expect(bare.errors.contains("needs TLS"))
      let pem = home.root + "/pem"
      TestHome.write("x", to: pem)
      chmod(pem, 0o600)
      let unknown = await home.apus("serve", "--listen", "0.0.0.0:0", "--tls-cert", pem, "--tls-key", pem)
      #expect(unknown.errors.contains("no access token"))
      #expect(await home.apus("serve", "--list", "--json").output == "[]\n")
    }
  }
}
