import ApusCore
import ApusTesting
import ApusWire
import Foundation
import Testing

@Suite("apus open") struct SignInTests {
  private func code(_ home: TestHome) async throws -> (Knock, code: String) {
    let opened = await home.apus("open", "--json")
    let page: PageObject = try JSONText.decode(from: Array(opened.output.utf8))
    let parts = page.url.components(separatedBy: "/#code=")
    let port = try #require(Int(parts[0].split(separator: ":").last ?? ""))
    return (Knock(door: .tcp(port), token: nil), try #require(parts.last))
  }

  @Test func `a browser signs in with a code, once, and out again`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let (knock, code) = try await code(home)
      let page = try await knock.get("/")
      #expect(page.status == 200)
      #expect(page.headers["content-security-policy"]?.hasPrefix("default-src 'self';") == true)
      #expect(page.headers["set-cookie"] == nil)
      let answer = try await knock.post("/v1/sign-in", #"{"code":"\#(code)"}"#)
      #expect(answer.status == 200)
      let cookie = try #require(answer.headers["set-cookie"])
      #expect(cookie.contains("; HttpOnly; SameSite=Strict"))
      #expect(try await knock.post("/v1/sign-in", #"{"code":"\#(code)"}"#).code == "access.refused")
      let key = try #require(answer.json["key"]?.string)
      let shown = ["Cookie: \(cookie.components(separatedBy: ";")[0])", "X-Apus-Page: \(key)"]
      func status() async throws -> Int { try await knock.ask("GET", "/v1/sessions", headers: shown).status }
      #expect(try await status() == 200)
      #expect(try await knock.ask("GET", "/v1/sessions", headers: [shown[0]]).status == 401)
      // The daemon after this one knows the browser as well.
      #expect(await home.apus("restart").status == 0)
      #expect(try await status() == 200)
      #expect(await home.apus("token", "list").output.contains("browser"))
      #expect(try await knock.post("/v1/sign-out", headers: shown).status == 204)
      #expect(try await status() == 401)
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible))
  func `on a full disk nobody is let in, and the same code is good once there is room`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 16))
      defer { disk.takeAway() }
      let (knock, code) = try await code(home)
      disk.fill()
      #expect(try await knock.post("/v1/sign-in", #"{"code":"\#(code)"}"#).code == "disk.full")
      #expect(try await knock.get("/").status == 200)
      disk.makeRoom()
      #expect(try await knock.post("/v1/sign-in", #"{"code":"\#(code)"}"#).status == 200)
      // Down by hand: the disk is taken away before the home's own end.
      #expect(await home.apus("down", "--end").status == 0)
    }
  }

  @Test func `another device is let in only where it can come`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let refused = await home.apus("open", "--phone")
      #expect(refused.status != 0)
      #expect(refused.errors.contains("--tls-cert"))
      #expect(await home.apus("open", "--listen", "127.0.0.1:1").errors.contains("nothing listens at"))
      #expect(await home.apus("serve", "--list").output == "Nothing is served.\n")
    }
  }

  @Test func `the browser that is named is started with the address`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let (browser, told) = (home.work + "/browser", home.work + "/told")
      try Data("#!/bin/sh\nprintf %s \"$1\" > '\(told)~' && mv '\(told)~' '\(told)'\n".utf8)
        .write(to: URL(fileURLWithPath: browser))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: browser)
      let opened = await home.apus("open", extra: ["BROWSER": browser])
      #expect(opened.output.hasSuffix("/ is open in your browser.\n"))
      #expect(await eventually { FileManager.default.fileExists(atPath: told) })
      #expect(try String(contentsOfFile: told, encoding: .utf8).contains("/#code="))
    }
  }
}
