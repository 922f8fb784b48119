import ApusCore
import Testing

@Suite("access") struct AccessTests {
  @Test func `what a scope allows is what its name says`() {
    let needs: [AccessGrant.Need] = [.look, .content, .together, .operate, .care]
    func allowed(_ grant: AccessGrant, _ session: String?) -> [Bool] {
      needs.map { grant.allows($0, session: session) }
    }
    #expect(allowed(.person, nil) == [true, true, true, true, true])
    #expect(allowed(AccessGrant(scope: .read), "a") == [true, true, false, false, false])
    #expect(allowed(AccessGrant(scope: .operate, owner: "o"), "a") == [true, true, true, true, false])
    #expect(allowed(AccessGrant(scope: .session("a")), "a") == [true, true, true, false, false])
    #expect(allowed(AccessGrant(scope: .session("a")), "b") == [true, false, false, false, false])
    #expect(allowed(AccessGrant(scope: .session("a")), nil) == [true, false, false, false, false])
    #expect(AccessGrant(scope: .read, owner: "o").sees(owner: "o"))
    #expect(!AccessGrant(scope: .read, owner: "o").sees(owner: nil))
    #expect(AccessGrant(scope: .read).sees(owner: "o"))
  }

  @Test func `scopes are read as they are written`() throws {
    for scope in [AccessGrant.Scope.read, .operate, .session("a7f3")] {
      #expect(AccessGrant.Scope(scope.text) == scope)
    }
    for text in ["", "Read", "session:", "admin", "read "] { #expect(AccessGrant.Scope(text) == nil) }
    let token = AccessToken(id: "i", digest: "d", grant: AccessGrant(scope: .session("a")), createdAt: 1)
    #expect(try JSONText.decode(AccessToken.self, from: JSONText.encode(token)) == token)
  }

  @Test(arguments: [
    "sk-ant-api03-abcdefghijklmnopqrstuvwxyz", "ghp_0123456789abcdefghijABCDEFGHIJ012345", "AKIAABCDEFGHIJKLMNOP",
    "xoxb-123456789012-abcdefghijkl", "apus_0a1b2c3d_" + String(repeating: "k", count: 43),
    "glpat-abcdefghijklmnopqrst",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ.abcdefghijklmnop",
  ])
  func `a secret of a known shape is hidden, wherever it stands`(_ secret: String) throws {
    for text in [secret, "key=\(secret)", "\"\(secret)\"", "a \(secret) b \(secret)", "x\n\(secret)\n"] {
      let hidden = Secrets.hidden(in: text)
      #expect(!hidden.contains(secret), "\(hidden)")
      #expect(hidden.contains(secret.prefix(8) + "…hidden…"))
      // In JSON it is the same, and stays JSON.
      let json = try JSONText.encode(JSON.object(["text": .string(text)]))
      let read = try JSONText.decode(JSON.self, from: Secrets.hidden(in: json))
      #expect(read["text"]?.string == hidden)
    }
  }

  @Test func `a private key is hidden whole, also where its end is missing`() throws {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
    #expect(Secrets.hidden(in: "a\n\(key)b") == "a\n-----BEG…hidden…\nb")
    let json = try JSONText.encode(JSON.array([.string("a" + key.prefix(55)), .string("b")]))
    let read = try JSONText.decode(JSON.self, from: Secrets.hidden(in: json))
    #expect(read.array?.last?.string == "b")
    #expect(read.array?.first?.string == "a-----BEG…hidden…")
  }

  @Test func `a quotation mark keeps what escapes it, and none is hidden with a key`() throws {
    for text in [
      "-----BEGIN PRIVATE KEY-----\"x", "-----BEGIN PRIVATE KEY-----\\\"x", "-----BEGIN \"a PRIVATE KEY-----",
      "-----BEGIN PRIVATE KEY-----a-----END \"-----",
    ] {
      let json = try JSONText.encode(JSON.array([.string(text), .string("b")]))
      let read = try JSONText.decode(JSON.self, from: Secrets.hidden(in: json))
      #expect(read.array?.last?.string == "b", "\(text)")
    }
  }

  @Test(arguments: [
    "task-ant-farm", "sk-", "sk-ant-short", "disk-ant-abcdefghijklmnopqrstuvwxyz0", "-----BEGIN CERTIFICATE-----\nAAAA",
    "-----", "AKIA", "https://example.com/xoxb", "a normal sentence about ghp_ tokens", "eyJ", "",
  ])
  func `what is no secret stays as it is`(_ text: String) {
    #expect(Secrets.hidden(in: text) == text)
  }

  @Test(
    arguments: [
      ([127, 0, 0, 1], true), ([10, 1, 2, 3], true), ([172, 16, 0, 1], true), ([172, 32, 0, 1], false),
      ([192, 168, 1, 1], true),
      ([169, 254, 169, 254], true), ([100, 64, 0, 1], true), ([100, 128, 0, 1], false), ([0, 0, 0, 0], true),
      ([8, 8, 8, 8], false),
      ([255, 255, 255, 255], true), ([224, 0, 0, 1], true), ([1, 1, 1, 1], false), ([198, 18, 0, 1], true), ([], true),
    ] as [([UInt8], Bool)])
  func `an address is inside or not`(_ bytes: [UInt8], _ isInside: Bool) {
    #expect(WebhookAddress.isInside(bytes) == isInside)
    guard bytes.count == 4 else { return }
    // Hidden in IPv6 it is the same.
    #expect(WebhookAddress.isInside([UInt8](repeating: 0, count: 10) + [255, 255] + bytes) == isInside)
    #expect(WebhookAddress.isInside([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0] + bytes) == isInside)
    #expect(WebhookAddress.isInside([0x20, 2] + bytes + [UInt8](repeating: 0, count: 10)) == isInside)
    #expect(WebhookAddress.isInside([UInt8](repeating: 0, count: 12) + bytes))
  }

  @Test func `IPv6 addresses of one's own networks are inside`() {
    func address(_ head: [UInt8]) -> [UInt8] { head + [UInt8](repeating: 1, count: 16 - head.count) }
    for head in [[0xfc], [0xfd, 0], [0xfe, 0x80], [0xff, 2], [0x20, 1, 0, 0], [0x20, 1, 0x0d, 0xb8], [0x40]]
      as [[UInt8]]
    {
      #expect(WebhookAddress.isInside(address(head)))
    }
    for head in [[0x26, 6, 0x47], [0x20, 1, 0x48, 0x60], [0x2a, 0]] as [[UInt8]] {
      #expect(!WebhookAddress.isInside(address(head)))
    }
    #expect(WebhookAddress.isInside([UInt8](repeating: 0, count: 15) + [1]))
  }

  @Test func `a webhook's address is one a program would take for the same`() {
    #expect(WebhookAddress("https://a.b/c?d=e")?.port == 443)
    #expect(WebhookAddress("http://[::1]:80/")?.host == "::1")
    #expect(WebhookAddress("http://a:8080")?.port == 8080)
    for text in [
      "https://a@b/", "https://a:b@c/", "https:///x", "https://a:x/", "https://a:70000/", "http://a\\@b/",
      "http://a%00b/",
      "http://[::1/", "javascript:x", "HTTPS://a/",
    ] { #expect(WebhookAddress(text) == nil, "\(text)") }
  }
}
