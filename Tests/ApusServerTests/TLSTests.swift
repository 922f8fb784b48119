import ApusCore
import ApusTesting
import ApusWire
import Foundation
import Testing

@Suite("TLS") struct TLSTests {
  private func client(_ home: TestHome, _ words: String...) async -> Outcome {
    await Program.run(
      [Checkout.python, Checkout.root + "/Tests/ApusServerTests/tls-client.py"] + words, environment: home.environment,
      directory: home.work)
  }

  @Test func `everything works over TLS, under the names that were given, also where others can reach it`() async throws
  {
    try await TestHome.with(agent: Checkout.terminalAgent) { home in
      #expect(await client(home, "make", home.root).status == 0)
      let token = try await Knock.token(home)
      let pair = ["--tls-cert", home.root + "/cert.pem", "--tls-key", home.root + "/key.pem"]
      let served = await Program.run(
        [Checkout.programs + "/apus", "serve", "--listen", "0.0.0.0:0", "--name", "apus.test", "--json"] + pair,
        environment: home.environment, directory: home.work)
      let listener = try #require(try JSONText.decode([ListenerObject].self, from: Array(served.output.utf8)).first)
      #expect(listener.tls)
      let port = try #require(listener.address.split(separator: ":").last.map(String.init))
      #expect(listener.url == "https://apus.test:\(port)")
      for (host, status) in [("apus.test:\(port)", "200"), ("127.0.0.1:\(port)", "403"), ("evil.com:\(port)", "403")] {
        #expect(
          await client(home, "ask", home.root, port, token, host, "/v1/status").output == status + "\n", "\(host)")
      }
      let own = await Program.run(
        [Checkout.programs + "/apus", "serve", "--listen", "127.0.0.1:0", "--json"] + pair,
        environment: home.environment,
        directory: home.work)
      let local = try #require(try JSONText.decode([ListenerObject].self, from: Array(own.output.utf8)).first)
      let localPort = try #require(local.address.split(separator: ":").last.map(String.init))
      _ = await home.apus("new", "t", "--here", "--terminal")
      let sat = await client(home, "sit", home.root, localPort, token, "/v1/sessions/t/terminal?wish=lead")
      #expect(sat.output.contains("\"viewing\"") && sat.output.hasSuffix("seen\n"), "\(sat.errors)")
      // Without TLS nothing is said there.
      let plain = Knock(door: .tcp(Int(localPort) ?? 0), token: token)
      let answer = try await plain.say(Array("GET /v1/status HTTP/1.1\r\nHost: \(plain.host)\r\n\r\n".utf8), seconds: 2)
      #expect(answer == nil)
    }
  }

  @Test func `a certificate that is none is said at once`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      TestHome.write("none", to: home.root + "/a.pem")
      chmod(home.root + "/a.pem", 0o600)
      let one = await home.apus(
        "serve", "--listen", "127.0.0.1:0", "--tls-cert", home.root + "/a.pem", "--tls-key", home.root + "/a.pem")
      #expect(one.status == 1)
      #expect(one.errors.contains("is the certificate one"))
      let half = await home.apus("serve", "--listen", "127.0.0.1:0", "--tls-cert", home.root + "/a.pem")
      #expect(half.status == 2)
      let missing = await home.apus(
        "serve", "--listen", "127.0.0.1:0", "--tls-cert", home.root + "/b.pem", "--tls-key", home.root + "/b.pem")
      #expect(missing.status == 2)
    }
  }
}
