/// What somebody who shows a token may do. The token itself is nowhere kept: only a digest of it.
package struct AccessToken: Codable, Equatable, Sendable {
  /// Part of the token, and how it is spoken of.
  package var id: String
  /// SHA-256 of the whole token, in hexadecimal digits.
  package var digest: String
  package var grant: AccessGrant
  package var createdAt: Moment
  /// Of a browser that signed in, whose token is a cookie: the digest of what its page shows beside it. A cookie goes to
  /// every port of a machine; what a page keeps for itself does not.
  package var pageKey: String?

  package init(id: String, digest: String, grant: AccessGrant, createdAt: Moment, pageKey: String? = nil) {
    self.id = id
    self.digest = digest
    self.grant = grant
    self.createdAt = createdAt
    self.pageKey = pageKey
  }
}

/// What one who asks may do, and whose sessions there are for them.
package struct AccessGrant: Codable, Equatable, Sendable {
  package enum Scope: Equatable, Sendable {
    /// Look at everything.
    case read
    /// Whatever a person at the command line may do.
    case operate
    /// What the session of that id may do for itself: its own locks, claims and messages, a look at the others.
    case session(String)
  }

  package var scope: Scope
  /// Only sessions of that owner are there; new ones are theirs.
  package var owner: String?
  /// Whether secrets in what sessions said are shown as they are.
  package var seesSecrets: Bool

  package init(scope: Scope, owner: String? = nil, seesSecrets: Bool = false) {
    self.scope = scope
    self.owner = owner
    self.seesSecrets = seesSecrets
  }

  /// The person whose daemon it is.
  package static let person = AccessGrant(scope: .operate, seesSecrets: true)

  /// Whoever it is: there is nothing for them but what everybody may ask.
  package static let nobody = AccessGrant(scope: .session(""))

  /// What something that is asked for needs.
  package enum Need: Sendable {
    /// How things are: sessions, locks, claims, ports, servers.
    case look
    /// What a session said, and what its files say.
    case content
    /// Locks, claims and messages.
    case together
    /// Starting, steering and ending sessions and servers.
    case operate
    /// What concerns everybody: tokens, webhooks, the daemon.
    case care
  }

  /// `session` is the id of the session it is about, or in whose name it is done; nil: about none, or about all.
  package func allows(_ need: Need, session: String? = nil) -> Bool {
    switch (scope, need) {
    case (_, .look), (.operate, .content), (.operate, .together), (.operate, .operate), (.read, .content): true
    case (.operate, .care): owner == nil
    case (.read, .together), (.read, .operate), (.read, .care): false
    case (.session(let id), .content), (.session(let id), .together): session == id
    case (.session, .operate), (.session, .care): false
    }
  }

  /// Whether there is that session for them.
  package func sees(owner: String?) -> Bool { self.owner == nil || self.owner == owner }
}

extension AccessGrant.Scope: Codable {
  /// `read`, `operate`, `session:ID`; nil for anything else.
  package init?(_ text: String) {
    switch text {
    case "read": self = .read
    case "operate": self = .operate
    case _ where text.hasPrefix("session:") && text.utf8.count > 8: self = .session(String(text.dropFirst(8)))
    default: return nil
    }
  }

  package var text: String {
    switch self {
    case .read: "read"
    case .operate: "operate"
    case .session(let id): "session:" + id
    }
  }

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let scope = Self(text) else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "no scope: \(text)"))
    }
    self = scope
  }

  package func encode(to encoder: any Encoder) throws {
    var single = encoder.singleValueContainer()
    try single.encode(text)
  }
}
