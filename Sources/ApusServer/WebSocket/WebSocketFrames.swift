/// The bytes of a WebSocket as messages (RFC 6455), the server's side. Pure: what is wrong with what a client sends ends
/// it, with the code that says why.
struct WebSocketFrames {
  enum Message: Equatable {
    case text(String)
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    /// The code the other side gave, if any.
    case close(UInt16?)
  }

  /// Why a connection is closed.
  struct Violation: Error, Equatable {
    var code: UInt16
    var reason: String

    static func wrong(_ reason: String) -> Violation { Violation(code: 1002, reason: reason) }
    static let notText = Violation(code: 1007, reason: "a text is no UTF-8")
    static let tooLarge = Violation(code: 1009, reason: "a message is too large")
  }

  private enum Code {
    static let continuation: UInt8 = 0
    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10
  }

  static let longest = 1 << 20
  private static let longestControl = 125

  private var bytes: [UInt8] = []
  private var start = 0
  /// The kind of the message that is under way in several frames.
  private var kind: UInt8?
  private var message: [UInt8] = []

  mutating func feed(_ more: some Collection<UInt8>) {
    if start > 0 {
      bytes.removeFirst(start)
      start = 0
    }
    bytes += more
  }

  /// The next message; nil until more came.
  mutating func next() throws(Violation) -> Message? {
    while let frame = try frame() {
      switch frame.code {
      case Code.ping: return .ping(frame.body)
      case Code.pong: return .pong(frame.body)
      case Code.close: return .close(try Self.closeCode(frame.body))
      case Code.text, Code.binary:
        guard kind == nil else { throw .wrong("a message begins in another") }
        kind = frame.code
        message = frame.body
      case Code.continuation:
        guard kind != nil else { throw .wrong("nothing is to be continued") }
        guard message.count + frame.body.count <= Self.longest else { throw .tooLarge }
        message += frame.body
      default: throw .wrong("a frame of an unknown kind")
      }
      guard frame.isLast else { continue }
      defer { (kind, message) = (nil, []) }
      guard kind == Code.text else { return .binary(message) }
      guard let text = String(validating: message, as: UTF8.self) else { throw .notText }
      return .text(text)
    }
    return nil
  }

  private mutating func frame() throws(Violation) -> (code: UInt8, isLast: Bool, body: [UInt8])? {
    let rest = bytes[start...]
    guard rest.count >= 2 else { return nil }
    let (first, second) = (rest[start], rest[start + 1])
    let code = first & 0x0f
    let isLast = first & 0x80 != 0
    guard first & 0x70 == 0 else { throw .wrong("reserved bits are set") }
    guard second & 0x80 != 0 else { throw .wrong("a client's frame is not masked") }
    let isControl = code >= 8
    var count = Int(second & 0x7f)
    if isControl, count > Self.longestControl || !isLast { throw .wrong("a control frame is too long, or in pieces") }
    var at = start + 2
    if count > Self.longestControl {
      let width = count == 126 ? 2 : 8
      guard rest.count >= 2 + width else { return nil }
      var long: UInt64 = 0
      for byte in bytes[at..<(at + width)] { long = long << 8 | UInt64(byte) }
      guard long <= UInt64(Self.longest) else { throw .tooLarge }
      guard long > (width == 2 ? 125 : 65_535) else { throw .wrong("a length is said longer than it is") }
      count = Int(long)
      at += width
    }
    guard bytes.count >= at + 4 + count else { return nil }
    let mask = Array(bytes[at..<(at + 4)])
    at += 4
    var body = Array(bytes[at..<(at + count)])
    for index in body.indices { body[index] ^= mask[index & 3] }
    start = at + count
    return (code, isLast, body)
  }

  private static func closeCode(_ body: [UInt8]) throws(Violation) -> UInt16? {
    if body.isEmpty { return nil }
    guard body.count >= 2 else { throw .wrong("half a closing code") }
    let code = UInt16(body[0]) << 8 | UInt16(body[1])
    guard (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code) else {
      throw .wrong("a closing code nobody may send")
    }
    guard String(validating: body[2...], as: UTF8.self) != nil else { throw .notText }
    return code
  }

  // MARK: the other direction

  static func text(_ text: [UInt8]) -> [UInt8] { frame(Code.text, text) }
  static func binary(_ bytes: [UInt8]) -> [UInt8] { frame(Code.binary, bytes) }
  static func ping(_ bytes: [UInt8]) -> [UInt8] { frame(Code.ping, bytes) }
  static func pong(_ bytes: [UInt8]) -> [UInt8] { frame(Code.pong, bytes) }

  static func close(_ code: UInt16, _ reason: String) -> [UInt8] {
    frame(Code.close, [UInt8(code >> 8), UInt8(code & 0xff)] + reason.utf8.prefix(longestControl - 2))
  }

  private static func frame(_ code: UInt8, _ body: [UInt8]) -> [UInt8] {
    var head: [UInt8] = [0x80 | code]
    switch body.count {
    case ...longestControl: head.append(UInt8(body.count))
    case ...65_535: head += [126, UInt8(body.count >> 8), UInt8(body.count & 0xff)]
    default:
      head.append(127)
      for shift in stride(from: 56, through: 0, by: -8) { head.append(UInt8(truncatingIfNeeded: body.count >> shift)) }
    }
    return head + body
  }
}
