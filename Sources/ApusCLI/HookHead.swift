import ApusAgents

/// The head of a report that did not come whole: what it says before its first large part. A whole JSON object is made
/// of it, so that nobody later need know.
package enum HookHead {
  private static let longestText = 1 << 16

  /// Nil where there is nothing to be understood.
  package static func cut(_ bytes: [UInt8]) -> [UInt8]? {
    var at = bytes.firstIndex { !isSpace($0) } ?? bytes.endIndex
    guard at < bytes.endIndex, bytes[at] == UInt8(ascii: "{") else { return nil }
    at += 1
    var members: [ArraySlice<UInt8>] = []
    while let end = member(in: bytes, from: at) {
      members.append(bytes[at..<end])
      guard end < bytes.endIndex, bytes[end] == UInt8(ascii: ",") else { break }
      at = end + 1
    }
    guard !members.isEmpty else { return nil }
    return [UInt8(ascii: "{")] + members.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "}")]
  }

  /// Whether the report tells of a conversation that begins. Nothing is parsed for that: where the words only look so
  /// a daemon is started that somebody will want anyway.
  static func isStart(_ bytes: [UInt8]) -> Bool {
    let word = Array(#""SessionStart""#.utf8)
    let head = bytes.prefix(1 << 12)
    return head.indices.contains { head[$0...].starts(with: word) }
  }

  /// Whether a tool is about to be used that changes something, as far as the head says so.
  static func isChange(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes.prefix(1 << 12), as: UTF8.self)
    return text.contains(#""PreToolUse""#) && ClaudeHooks.changing.contains { text.contains("\"\($0)\"") }
  }

  /// Whether the agent does not wait for us: then we have time.
  static func isBeside(_ bytes: [UInt8]) -> Bool {
    let text = String(decoding: bytes.prefix(1 << 12), as: UTF8.self)
    return ClaudeHooks.beside.contains { text.contains("\"hook_event_name\":\"\($0)\"") }
  }

  /// Where the member that begins there ends; nil where it is not whole, or neither text, number nor word.
  private static func member(in bytes: [UInt8], from start: Int) -> Int? {
    guard let key = text(in: bytes, from: start), let colon = next(in: bytes, from: key),
      bytes[colon] == UInt8(ascii: ":"),
      let value = next(in: bytes, from: colon + 1)
    else { return nil }
    let end: Int
    switch bytes[value] {
    case UInt8(ascii: "\""):
      guard let found = text(in: bytes, from: value) else { return nil }
      end = found
    case UInt8(ascii: "{"), UInt8(ascii: "["): return nil
    default:
      let closing: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "}")]
      guard let found = bytes[value...].firstIndex(where: { closing.contains($0) || isSpace($0) }) else { return nil }
      end = found
    }
    return next(in: bytes, from: end)
  }

  /// Where the string that is the next thing ends.
  private static func text(in bytes: [UInt8], from start: Int) -> Int? {
    guard var at = next(in: bytes, from: start), bytes[at] == UInt8(ascii: "\"") else { return nil }
    at += 1
    let limit = min(bytes.endIndex, at + longestText)
    while at < limit {
      switch bytes[at] {
      case UInt8(ascii: "\""): return at + 1
      case UInt8(ascii: "\\"): at += 2
      default: at += 1
      }
    }
    return nil
  }

  private static func next(in bytes: [UInt8], from start: Int) -> Int? {
    start <= bytes.endIndex ? bytes[start...].firstIndex { !isSpace($0) } : nil
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 10 || byte == 13 || byte == 9 }
}
