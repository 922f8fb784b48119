/// Somebody who is told of events by a request of ours. Told at least once, in order, from the one after the last that
/// was taken.
package struct Webhook: Codable, Equatable, Sendable {
  package var id: String
  package var url: String
  /// What its signatures are made with; the other side knows it as well.
  package var secret: String
  package var grant: AccessGrant
  /// Types of events, `turn.` for all that begin so; none: all.
  package var types: [String]
  /// The short id of the only session it hears of.
  package var session: String?
  package var createdAt: Moment
  /// The number of the last event that was taken.
  package var position: Int64
  /// How often in a row it was not taken, and what was said then.
  package var failures = 0
  package var problem: String?
  /// It said that it is gone, for good.
  package var isGone = false

  package init(
    id: String, url: String, secret: String, grant: AccessGrant, types: [String], session: String?, createdAt: Moment,
    position: Int64
  ) {
    self.id = id
    self.url = url
    self.secret = secret
    self.grant = grant
    self.types = types
    self.session = session
    self.createdAt = createdAt
    self.position = position
  }

  /// How long to wait before it is tried again, in seconds: twice as long each time, an hour at most.
  package var pause: Double { min(3600, Double(1 << min(failures, 12))) / 2 }

  /// Whether it wants to hear of events of that type.
  package func takes(type: String) -> Bool {
    types.isEmpty || types.contains { $0.hasSuffix(".") ? type.hasPrefix($0) : type == $0 }
  }
}

/// Where a webhook may lead.
package struct WebhookAddress: Equatable, Sendable {
  package var host: String
  package var port: Int
  package var isEncrypted: Bool

  /// `https://HOST[:PORT]/PATH`. Nil for anything else: no user in it, no spaces, no control characters.
  package init?(_ url: String) {
    guard url.utf8.count <= 2000, url.utf8.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "\\") }) else {
      return nil
    }
    let rest: Substring
    if url.hasPrefix("https://") {
      (isEncrypted, rest) = (true, url.dropFirst(8))
    } else if url.hasPrefix("http://") {
      (isEncrypted, rest) = (false, url.dropFirst(7))
    } else {
      return nil
    }
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.isEmpty, !authority.contains("@"), !url.contains("#") else { return nil }
    var name = authority
    port = isEncrypted ? 443 : 80
    let portStart =
      authority.hasPrefix("[")
      ? authority.lastIndex(of: "]").map { authority.index(after: $0) } : authority.firstIndex(of: ":")
    if let portStart, portStart < authority.endIndex {
      guard authority[portStart] == ":", let given = Int(authority[authority.index(after: portStart)...]),
        (1...65_535).contains(given)
      else { return nil }
      port = given
      name = authority[..<portStart]
    }
    if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
    guard !name.isEmpty, name.utf8.allSatisfy(Self.isOfHost) else { return nil }
    host = String(name)
  }

  private static func isOfHost(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "-._:".utf8.contains(byte)
  }

  /// Whether an IP address (4 or 16 bytes) is this machine's own, or one of a network that is nobody else's business.
  /// What hides an IPv4 address in an IPv6 one is what that one is.
  package static func isInside(_ bytes: [UInt8]) -> Bool {
    if bytes.count == 4 {
      let (a, b) = (bytes[0], bytes[1])
      switch a {
      case 0, 10, 127, 224...255: return true
      case 100: return (64...127).contains(b)
      case 169: return b == 254
      case 172: return (16...31).contains(b)
      case 192: return b == 168 || (b == 0 && (bytes[2] == 0 || bytes[2] == 2)) || (b == 88 && bytes[2] == 99)
      case 198: return b == 18 || b == 19 || (b == 51 && bytes[2] == 100)
      case 203: return b == 0 && bytes[2] == 113
      default: return false
      }
    }
    guard bytes.count == 16 else { return true }
    if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == bytes[11], bytes[10] == 0 || bytes[10] == 255 {
      // ::, ::1, ::a.b.c.d, ::ffff:a.b.c.d
      return bytes[10] == 0 || isInside(Array(bytes[12...]))
    }
    if Array(bytes[..<12]) == [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0] { return isInside(Array(bytes[12...])) }
    if bytes[0] == 0x20, bytes[1] == 0x02 { return isInside(Array(bytes[2..<6])) }
    // Only 2000::/3 is anybody's; of that not Teredo, documentation and benchmarks.
    guard bytes[0] & 0xe0 == 0x20 else { return true }
    return bytes[0] == 0x20 && bytes[1] == 0x01 && (bytes[2] == 0 || (bytes[2] == 0x0d && bytes[3] == 0xb8))
  }
}
