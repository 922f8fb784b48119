import ApusCore
import Foundation
import Testing

@testable import ApusServer

@Suite("browsers at the gate") struct PageGateTests {
  private static let secret = "apus_0a1b2c3d_" + String(repeating: "y", count: 43)
  private static let key = String(repeating: "k", count: 43)

  private func gate(_ page: PageFiles? = nil) -> Gate {
    var gate = Gate()
    gate.hosts = ["127.0.0.1:8300", "localhost:8300"]
    gate.page = page
    gate.tokens["0a1b2c3d"] = AccessToken(
      id: "0a1b2c3d", digest: Digest.sha256(Self.secret), grant: .person, createdAt: 0,
      pageKey: Digest.sha256(Self.key))
    return gate
  }

  private func status(_ headers: [(String, String)], _ target: String = "/v1/status", _ page: PageFiles? = nil) -> Int {
    let all = [("host", "127.0.0.1:8300")] + headers
    let head = RequestHead(
      method: "GET", target: target, headers: all.map { (name: $0.0, value: $0.1) }, query: [], isOwnUser: false)
    switch gate(page).admit(head) {
    case .refused(let reply), .page(let reply): return reply.status
    case .health: return 204
    case .admitted: return 0
    }
  }

  private var cookie: (String, String) { ("cookie", "a=b; apus-8300=\(Self.secret); apus-8301=other") }
  private var seat: (String, String) { ("x-apus-page", Self.key) }

  @Test func `a browser shows its cookie and its page's key, or gets nowhere`() {
    #expect(status([cookie, seat]) == 0)
    #expect(status([cookie]) == 401)
    #expect(status([seat]) == 401)
    #expect(status([cookie, ("x-apus-page", Self.key.replacingOccurrences(of: "k", with: "j"))]) == 401)
    #expect(status([("cookie", "apus-8301=\(Self.secret)"), seat]) == 401)
    #expect(status([("cookie", "apus-8300=\(Self.secret)x"), seat]) == 401)
    #expect(status([("authorization", "Bearer \(Self.secret)"), seat]) == 401)
    #expect(status([cookie, ("sec-websocket-protocol", "apus.v1, page.\(Self.key)")]) == 0)
  }

  @Test func `a page of another site gets nowhere with them`() {
    #expect(status([cookie, seat, ("origin", "http://127.0.0.1:8301")]) == 403)
    #expect(status([cookie, seat, ("sec-fetch-site", "same-site")]) == 403)
    #expect(status([cookie, seat, ("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:8300")]) == 0)
  }

  @Test func `cookies are named by port`() {
    #expect(PageSeat.name(host: "127.0.0.1:8300") == "apus-8300")
    #expect(PageSeat.name(host: "[::1]:8300") == "apus-8300")
    #expect(PageSeat.name(host: "apus.example") == "apus-page")
    #expect(PageSeat.cookie("t", host: "h:1", isSecure: true).hasSuffix("HttpOnly; SameSite=Strict; Secure"))
  }

  @Test func `the files of the page are everybody's, and no others`() throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("page-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: directory) }
    let inner = directory.appendingPathComponent("page/js")
    try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
    try Data("secret".utf8).write(to: directory.appendingPathComponent("secret.js"))
    try Data("<p>".utf8).write(to: directory.appendingPathComponent("page/index.html"))
    try Data("1".utf8).write(to: inner.appendingPathComponent("app.js"))
    try Data("key".utf8).write(to: inner.appendingPathComponent("notes.txt"))
    try FileManager.default.createSymbolicLink(
      atPath: directory.appendingPathComponent("page/pipe.js").path, withDestinationPath: "/dev/zero")
    let page = PageFiles(directory.appendingPathComponent("page").path)
    #expect(status([], "/", page) == 200)
    #expect(status([], "/js/app.js", page) == 200)
    for target in [
      "/secret.js", "/../secret.js", "/js/../../secret.js", "/js/%2e%2e/%2e%2e/secret.js", "/js%2fapp.js", "/js",
      "/js/notes.txt", "/index.html.gz", "//index.html", "/pipe.js", "/js/app.js/",
    ] { #expect(status([], target, page) == 401, "\(target)") }
    // A link of somebody else's leads there; a script of theirs does not.
    let link = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
    #expect(status(link, "/", page) == 200)
    #expect(status(link, "/v1/status", page) == 403)
    #expect(status([("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], "/js/app.js", page) == 403)
    #expect(status([("host", "evil.com")], "/", page) == 400)
  }

  @Test func `a code lets in one browser, within a minute`() {
    var codes = SignIns()
    func use(_ code: String?, _ now: Moment) -> Bool { code.map { codes.use($0, now: now) } ?? false }
    let (one, two) = (codes.make(now: 100), codes.make(now: 100))
    #expect(!use("x", 101))
    #expect(one.map { codes.isGood($0, now: 101) } == true)
    #expect(one.map { codes.isGood($0, now: 161) } == false)
    #expect(use(one, 101))
    #expect(!use(one, 101))
    #expect(!use(two, 160))
    for _ in 0..<1000 { _ = codes.make(now: 200) }
    let last = codes.make(now: 201)
    #expect(use(last, 202))
  }
}
