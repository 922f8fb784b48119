import ApusCore

/// Who is let in, and to what: asked of every request before anything of its body is read. Pure: what it depends on is
/// given. (reliability §5.2, §5.3: each refusal here has its attack among the tests.)
struct Gate: Sendable {
  enum Admission: Sendable {
    case refused(HTTPReply)
    /// The one thing everybody may ask.
    case health
    /// A file of the page, which everybody may have.
    case page(HTTPReply)
    case admitted(AccessGrant, token: String?)
  }

  /// What `Host` may say, in lower case with the port; nil where no name can lead a browser here (a Unix socket).
  var hosts: Set<String>?
  var scheme = "http"
  /// By id.
  var tokens: [String: AccessToken] = [:]
  /// The page, where it is served.
  var page: PageFiles?
  /// More is refused before it is sent.
  static let longestBody = 8 << 20

  func admit(_ head: RequestHead) -> Admission {
    if let refusal = refuseForm(head) { return .refused(refusal) }
    let file = page?.answer(head)
    if let refusal = refusePlace(head, isFile: file != nil) { return .refused(refusal) }
    if let file { return .page(file) }
    if let route = RouteTable.find(head)?.route, route.isOpen {
      if route.body == nil { return .health }
      return refuseBody(head).map { .refused($0) } ?? .admitted(.nobody, token: nil)
    }
    switch identify(head) {
    case .admitted(let grant, let token):
      if let refusal = refuseBody(head) { return .refused(refusal) }
      return .admitted(grant, token: token)
    case let other: return other
    }
  }

  // MARK: what a request must look like

  /// Where two readers could take a message for different ones, it is nobody's.
  private func refuseForm(_ head: RequestHead) -> HTTPReply? {
    for (name, value) in head.headers {
      guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenCharacter),
        value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 })
      else { return refusal(400, "a header line is malformed") }
    }
    for name in ["host", "content-length", "transfer-encoding", "authorization", "content-type", "origin"] {
      if head.values(name).count > 1 { return refusal(400, "\(name) is said twice") }
    }
    if head.value("transfer-encoding") != nil {
      return head.value("content-length") == nil
        ? refusal(411, "the length of the body is not said: send Content-Length")
        : refusal(400, "the length of the body is said in two ways")
    }
    if let length = head.value("content-length") {
      guard !length.isEmpty, length.utf8.count <= 18, length.utf8.allSatisfy({ (48...57).contains($0) }),
        let count = Int(length)
      else { return refusal(400, "Content-Length is no number") }
      if count > Self.longestBody { return refusal(413, "the body is larger than \(Self.longestBody >> 20) MB") }
    }
    return nil
  }

  /// A page of somebody else's must get nowhere, whatever its name was made to mean.
  private func refusePlace(_ head: RequestHead, isFile: Bool) -> HTTPReply? {
    guard let host = head.value("host"), !host.isEmpty, host.utf8.count <= 255,
      host.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
    else { return refusal(400, "there is no Host that could be one") }
    if let hosts, !hosts.contains(host.lowercased()) {
      return refusal(
        403, "this is not \(SessionName.excerpt(host))", hint: "use the address `apus serve` prints, as it is")
    }
    if let origin = head.value("origin"), hosts == nil || origin.lowercased() != "\(scheme)://\(host.lowercased())" {
      return refusal(403, "pages of \(SessionName.excerpt(origin)) may not ask here")
    }
    // A link may lead to the page; it does nothing by itself.
    let isLink = isFile && head.value("sec-fetch-mode") == "navigate" && head.value("sec-fetch-dest") == "document"
    if let site = head.value("sec-fetch-site"), site != "same-origin", site != "none", !isLink {
      return refusal(403, "pages of other sites may not ask here")
    }
    return nil
  }

  private func refuseBody(_ head: RequestHead) -> HTTPReply? {
    // What there is not is told as that, whatever was sent to it.
    if var missing = RouteTable.missing(head) {
      missing.closes = true
      return missing
    }
    guard ["POST", "PATCH"].contains(head.method) else {
      guard let length = head.value("content-length"), length != "0" else { return nil }
      return refusal(400, "a \(head.method) has no body")
    }
    let type = head.value("content-type")?.split(separator: ";").first
    guard let type, type.trimmingBlanks.lowercased() == "application/json" else {
      return refusal(415, "a \(head.method) is JSON here", hint: "say Content-Type: application/json")
    }
    return nil
  }

  // MARK: who asks

  private func identify(_ head: RequestHead) -> Admission {
    if let shown = Self.token(in: head) {
      guard let known = known(shown), known.pageKey == nil else {
        return .refused(unauthorised("that is no access token of today"))
      }
      return .admitted(known.grant, token: known.id)
    }
    if head.isOwnUser, hosts == nil { return .admitted(.person, token: nil) }
    let cookies = PageSeat.cookies(in: head)
    guard !cookies.isEmpty else { return .refused(unauthorised("there is no access token")) }
    for shown in cookies {
      guard let known = known(shown), let digest = known.pageKey, let key = PageSeat.key(in: head),
        Self.isSame(Digest.sha256(key), digest)
      else { continue }
      return .admitted(known.grant, token: known.id)
    }
    return .refused(unauthorised("this browser is not signed in any more"))
  }

  /// The token of today that is shown. Whether there is one of that id is no secret; what follows it is, so the whole is
  /// compared to its last digit.
  private func known(_ shown: String) -> AccessToken? {
    guard let id = Self.id(of: shown), let known = tokens[id], Self.isSame(Digest.sha256(shown), known.digest) else {
      return nil
    }
    return known
  }

  /// In `Authorization`; for WebSockets of browsers, which cannot say that, among the protocols asked for.
  static func token(in head: RequestHead) -> String? {
    if let value = head.value("authorization") {
      let words = value.split(separator: " ")
      guard words.count == 2, words[0].lowercased() == "bearer" else { return "" }
      return String(words[1])
    }
    for value in head.values("sec-websocket-protocol") {
      for word in value.split(separator: ",") where word.trimmingBlanks.hasPrefix("bearer.") {
        return String(word.trimmingBlanks.dropFirst(7))
      }
    }
    return nil
  }

  /// `apus_ID_SECRET`.
  static func id(of token: String) -> String? {
    let parts = token.split(separator: "_", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "apus" else { return nil }
    return String(parts[1])
  }

  /// Takes as long for any two texts of the same length.
  static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count == other.count else { return false }
    var difference: UInt8 = 0
    for index in one.indices { difference |= one[index] ^ other[index] }
    return difference == 0
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }

  private func unauthorised(_ what: String) -> HTTPReply {
    var reply = refusal(
      401, what,
      hint: "send `Authorization: Bearer TOKEN`; `apus token create` makes one (in an address it counts for nothing), "
        + "`apus open` signs a browser in")
    reply.headers.append(("WWW-Authenticate", "Bearer"))
    return reply
  }

  private func refusal(_ status: Int, _ what: String, hint: String? = nil) -> HTTPReply {
    let code: ErrorCode = status == 401 || status == 403 ? .accessRefused : .requestMalformed
    var reply = HTTPReply.problem(Failure(code, what, hint: hint), status: status)
    reply.closes = true
    return reply
  }
}

extension StringProtocol {
  var trimmingBlanks: String {
    String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
