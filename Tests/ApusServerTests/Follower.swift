import ApusCore
import ApusWire
import CSystem
import Foundation

/// One who follows events as a browser does: comes back with the id of the last it saw.
final class Follower: Sendable {
  private let knock: Knock
  private let path: String

  init(_ knock: Knock, _ query: String = "", at path: String = "/v1/events") {
    self.knock = knock
    self.path = path + query
  }

  struct Seen: Sendable {
    var ids: [Int64] = []
    var data: [JSON] = []
    var last: String?
    /// Whether the other side ended it.
    var isClosed = false

    var types: [String] { data.compactMap { $0["type"]?.string } }
  }

  /// Follows until that many events came in all, or the connection ends; what it knows then.
  func follow(_ seen: Seen, until count: Int, seconds: Double = 120) async throws -> Seen {
    try await follow(seen, seconds: seconds) { $0.ids.count >= count }
  }

  /// The same until it is enough.
  func follow(_ seen: Seen, seconds: Double = 120, until isEnough: @escaping @Sendable (Seen) -> Bool) async throws
    -> Seen
  {
    let (knock, path) = (self.knock, self.path)
    return try await onThread {
      var seen = seen
      seen.isClosed = false
      guard let line = try? Line(knock.door) else { return seen }
      var head =
        "GET \(path) HTTP/1.1\r\nHost: \(knock.host)\r\nAuthorization: Bearer \(knock.token ?? "")\r\n"
      if let last = seen.last { head += "Last-Event-ID: \(last)\r\n" }
      line.send(Array((head + "\r\n").utf8))
      // Signs of life come for ever.
      let until = apus_monotonic_milliseconds() + 120_000
      let (bytes, isClosed) = line.read(seconds: seconds) { bytes in
        apus_monotonic_milliseconds() > until || isEnough(Self.with(Self.events(bytes), seen))
      }
      seen = Self.with(Self.events(bytes), seen)
      seen.isClosed = isClosed
      return seen
    }
  }

  private static func with(_ events: [(id: Int64, type: String, data: JSON)], _ seen: Seen) -> Seen {
    var seen = seen
    for event in events {
      seen.last = String(event.id)
      guard event.type != "hello" else { continue }
      seen.ids.append(event.id)
      seen.data.append(event.data)
    }
    return seen
  }

  static func events(_ bytes: [UInt8]) -> [(id: Int64, type: String, data: JSON)] {
    blocks(bytes).compactMap { fields in
      guard let id = fields["id"].flatMap({ Int64($0) }), let type = fields["event"] else { return nil }
      let data: JSON = (try? JSONText.decode(from: Array((fields["data"] ?? "").utf8))) ?? .null
      return (id, type, data)
    }
  }

  /// The whole events of an answer that comes in chunks, as the fields each has.
  static func blocks(_ bytes: [UInt8]) -> [[String: String]] {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n") else { return [] }
    // Chunks are cut anywhere: what is no line of ours is their framing.
    var body = ""
    var rest = Array(text[end.upperBound...].utf8)[...]
    while let newline = rest.firstIndex(of: 10),
      let size = Int(String(decoding: rest[..<newline].dropLast(), as: UTF8.self), radix: 16), size > 0,
      rest.distance(from: newline, to: rest.endIndex) > size
    {
      body += String(decoding: rest[(newline + 1)..<(newline + 1 + size)], as: UTF8.self)
      rest = rest[(newline + 1 + size)...].dropFirst(2)
    }
    body = body.replacingOccurrences(of: "\r\n", with: "\n")
    return body.components(separatedBy: "\n\n").dropLast().map { block in
      var fields: [String: String] = [:]
      for line in block.split(separator: "\n") {
        guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else { continue }
        fields[String(line[..<colon])] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      }
      return fields
    }
  }
}
