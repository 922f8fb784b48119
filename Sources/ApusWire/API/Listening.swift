import ApusCore

// Where programs may ask over HTTP, and the tokens they show.

/// An address the daemon listens at, in words: `127.0.0.1:8300`, `[::1]:0`, `unix:/path`.
package struct ListenAddress: Codable, Hashable, Sendable {
  package enum Place: Codable, Hashable, Sendable {
    /// An IP address in digits; port 0: a free one.
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  package var place: Place

  package init(_ text: String) throws(Failure) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst(5))
      guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0), path.utf8.count <= Places.longestSocketPath
      else {
        throw Self.wrong(text, "a socket's path begins with / and has at most \(Places.longestSocketPath) bytes")
      }
      place = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else { throw Self.wrong(text, "say ADDRESS:PORT or unix:PATH") }
    var host = String(text[..<colon])
    if host == "localhost" { host = "127.0.0.1" }
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
      guard host.contains(":") else { throw Self.wrong(text, "in brackets stands an IPv6 address") }
    }
    guard !host.isEmpty, host.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }) else {
      throw Self.wrong(text, "the address is an IP address in digits, or localhost")
    }
    place = .tcp(host: host, port: port)
  }

  private static func wrong(_ text: String, _ why: String) -> Failure {
    Failure(
      .usage, "\"\(SessionName.excerpt(text))\" is no address to listen at: \(why)",
      hint: "`apus serve --listen 127.0.0.1:0`, `apus serve --listen unix:/run/user/1000/apus-api`")
  }

  package var text: String {
    switch place {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:" + path
    }
  }

  /// Whether nobody but this machine can reach it.
  package var isLocal: Bool {
    switch place {
    case .tcp(let host, _): host == "::1" || host.hasPrefix("127.")
    case .unix: true
    }
  }
}

package struct ListenRequest: Codable, Sendable {
  package enum Act: String, Codable, Sendable { case open, close, list }

  package var act: Act
  /// Of `close` without one: all of them.
  package var address: String?
  /// PEM files, absolute.
  package var certificate: String?
  package var key: String?
  /// Names under which others reach it, as browsers say them: with the port where it is not the usual one.
  package var names: [String] = []

  package init(act: Act, address: String? = nil) {
    self.act = act
    self.address = address
  }
}

package struct ListenerObject: Codable, Sendable, Equatable {
  /// As it was asked for, the port filled in.
  package var address: String
  /// What a program puts before a path; of a Unix socket what most programs take beside its path.
  package var url: String
  package var tls: Bool
  package var names: [String]
  /// Why it is not served at the moment.
  package var problem: Failure?

  package init(address: String, url: String, tls: Bool, names: [String], problem: Failure?) {
    self.address = address
    self.url = url
    self.tls = tls
    self.names = names
    self.problem = problem
  }
}

package struct TokensRequest: Codable, Sendable {
  package enum Act: String, Codable, Sendable { case create, list, revoke }

  package var act: Act
  /// `read`, `operate` or `session:NAME`.
  package var scope: String?
  package var owner: String?
  package var seesSecrets = false
  /// Of `revoke`.
  package var id: String?

  package init(act: Act) { self.act = act }
}

package struct TokenObject: Codable, Sendable, Equatable {
  package var id: String
  /// Said once, when it is made.
  package var token: String?
  package var scope: String
  package var owner: String?
  package var secrets: Bool
  /// Whether it is a browser's that signed in.
  package var browser: Bool
  package var createdAt: String

  package init(_ token: AccessToken, scope: String, text: String? = nil) {
    id = token.id
    self.token = text
    self.scope = scope
    owner = token.grant.owner
    secrets = token.grant.seesSecrets
    browser = token.pageKey != nil
    createdAt = MomentText.iso(token.createdAt)
  }
}

/// A browser is to be let in.
package struct PageRequest: Codable, Sendable {
  /// Another device's: it needs an address others can reach.
  package var phone = false
  /// One of those that are listened at; nil: any that fits.
  package var address: String?

  package init() {}
}

package struct PageObject: Codable, Sendable, Equatable {
  /// The page with a code that signs in who opens it, once.
  package var url: String
  /// Where the page is from then on.
  package var page: String
  /// How long the code is good for.
  package var seconds: Int

  package init(url: String, page: String, seconds: Int) {
    self.url = url
    self.page = page
    self.seconds = seconds
  }
}
