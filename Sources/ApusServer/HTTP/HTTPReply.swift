import ApusCore
import ApusLoop

/// What a request is answered.
struct HTTPReply: Sendable {
  enum Body: Sendable {
    case bytes([UInt8])
    /// What comes bit by bit until somebody leaves.
    case stream(Outbox)
    /// The connection becomes another one's, whose headers are said here.
    case upgrade(@LoopActor @Sendable (Upgraded) -> Void)
  }

  var status: Int
  var headers: [(String, String)] = []
  var body: Body = .bytes([])
  /// Whether nothing more is taken on this connection.
  var closes = false

  static func json(_ bytes: [UInt8], status: Int = 200, headers: [(String, String)] = []) -> HTTPReply {
    HTTPReply(status: status, headers: [("Content-Type", "application/json")] + headers, body: .bytes(bytes))
  }

  static func json(_ value: some Encodable, status: Int = 200, headers: [(String, String)] = []) throws -> HTTPReply {
    json(try JSONText.encode(value), status: status, headers: headers)
  }

  static let empty = HTTPReply(status: 204)

  /// A problem document (RFC 9457) with our code and hint.
  static func problem(_ failure: Failure, status: Int? = nil) -> HTTPReply {
    let status = status ?? HTTPStatus.of(failure.code)
    let document: [String: JSON] = [
      "type": .string("about:blank"), "title": .string(HTTPStatus.title(status)), "status": .integer(Int64(status)),
      "detail": .string(failure.summary), "code": .string(failure.code.rawValue),
      "hint": failure.hint.map(JSON.string) ?? .null,
    ]
    var reply = HTTPReply(status: status, headers: [("Content-Type", "application/problem+json")])
    reply.body = .bytes((try? JSONText.encode(JSON.object(document))) ?? [])
    return reply
  }
}
