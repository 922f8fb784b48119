import ApusCore

/// A request without its body, as it came: nothing of it is believed yet.
struct RequestHead: Sendable {
  var method: String
  /// The path as it was sent, its escapes with it.
  var target: String
  /// Names in lower case, in the order they came.
  var headers: [(name: String, value: String)]
  var query: [(name: String, value: String)]
  /// Whether the kernel says that the other end is a process of our own user.
  var isOwnUser: Bool

  func values(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
  func value(_ name: String) -> String? { headers.first { $0.name == name }?.value }

  /// The parts of the path with their escapes read; nil where it is none that could be meant: not absolute, an escape
  /// that is none, bytes that are no text, `.` and `..`, a NUL.
  var parts: [String]? {
    guard target.utf8.first == UInt8(ascii: "/") else { return nil }
    var parts: [String] = []
    for piece in target.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      guard let part = Escapes.read(piece), part != ".", part != "..", !part.contains("/") else { return nil }
      parts.append(part)
    }
    return parts
  }
}

/// `%41` in addresses.
enum Escapes {
  /// Nil where an escape is none, where the bytes are no UTF-8, and where a NUL is among them.
  static func read(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
      bytes.append(high << 4 | low)
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }

  /// All but letters, digits and `-._~` as escapes.
  static func write(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 48...57, 65...90, 97...122, 45, 46, 95, 126: bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
