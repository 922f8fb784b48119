import ApusCore
import ApusLoop
import ApusWire
import CSystem

// How browsers get in.

extension HTTPDoor {
  /// More browsers than that nobody has; who signed in first is let go of.
  private static let mostBrowsers = 100

  /// Where the page is, with a code that signs in who opens it. For this machine's own browser something is listened at
  /// where nothing is yet.
  package func openPage(_ request: PageRequest) async throws -> PageObject {
    guard PageFiles.installed() != nil else {
      throw Failure(
        .internalError, "the page is not installed",
        hint: "`make install` puts it beside the programs, `make build` here")
    }
    var found = try choose(request)
    if found == nil { found = try await listen(ListenRequest(act: .open, address: "127.0.0.1:0")).first }
    guard let found, let code = signIns.make(now: Self.clock) else {
      throw Failure(.internalError, "the machine has no random numbers", hint: "`apus doctor` may say more")
    }
    return PageObject(url: "\(found.url)/#code=\(code)", page: found.url + "/", seconds: SignIns.seconds)
  }

  /// Nil where nothing fits and something may be opened that does.
  private func choose(_ request: PageRequest) throws(Failure) -> ListenerObject? {
    let open = listeners.values.filter { $0.listener != nil }.map(\.object)
      .filter { !$0.address.hasPrefix("unix:") }.sorted { $0.address < $1.address }
    if let address = request.address {
      guard let found = open.first(where: { $0.address == address || $0.url == address }) else {
        throw Failure(
          .usage, "nothing listens at \(SessionName.excerpt(address))", hint: "`apus serve --list` shows where")
      }
      return found
    }
    guard request.phone else { return open.first { Self.isLocal($0) && !$0.tls } ?? open.first { Self.isLocal($0) } }
    guard let found = open.first(where: { !Self.isLocal($0) && $0.tls && !$0.names.isEmpty }) else {
      throw Failure(
        .usage, "no other device can reach Apus",
        hint: "`apus serve --listen 0.0.0.0:8443 --tls-cert FILE --tls-key FILE --name HOST`, with a token made before "
          + "(`apus token create`); or reach 127.0.0.1 through a tunnel of yours")
    }
    return found
  }

  private static func isLocal(_ object: ListenerObject) -> Bool {
    (try? ListenAddress(object.address))?.isLocal ?? false
  }

  private static var clock: Moment { Double(apus_monotonic_milliseconds()) / 1000 }

  /// Lets the browser in that knows a code: the cookie it is to keep, and the key its page keeps.
  func signIn(_ code: String, host: String, isSecure: Bool) throws -> (cookie: String, key: String) {
    // Used up only once its browser is in: where nothing can be kept, the same code is good again.
    guard signIns.isGood(code, now: Self.clock) else {
      throw Failure(
        .accessRefused, "that code is used up or older than a minute", hint: "`apus open` makes another")
    }
    guard let number = Digest.random(32) else {
      throw Failure(.internalError, "the machine has no random numbers", hint: "`apus doctor` may say more")
    }
    let browsers = tokens.values.filter { $0.pageKey != nil }.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    let old = apus_wall_seconds() - Double(PageSeat.days * 86_400)
    let surplus = browsers.count - (Self.mostBrowsers - 1)
    for (index, token) in browsers.enumerated() where index < surplus || token.createdAt < old {
      try revoke(token.id)
    }
    let key = Digest.base64(number, forAddresses: true)
    let (_, text) = try mint(.person, pageKey: key)
    _ = signIns.use(code, now: Self.clock)
    return (PageSeat.cookie(text, host: host, isSecure: isSecure), key)
  }
}
