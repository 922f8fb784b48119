import ApusCore
import CSystem
import Glibc

/// Looks for text in what was said in a transcript.
package enum TranscriptSearch {
  private static let around = 60

  /// Where it was first said, with some words around it; nil where it was not. Upper and lower case are the same.
  package static func first(_ needle: [UInt8], path: String) -> String? {
    let wanted = String(decoding: needle, as: UTF8.self).lowercased()
    guard !wanted.isEmpty, let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var room = 0
    defer { free(line) }
    while case let length = getline(&line, &room, file), length > 0, let line {
      let bytes = UnsafeRawBufferPointer(start: line, count: length)
      guard let json = try? JSONText.decode(JSON.self, from: Array(bytes)), let message = json["message"] else {
        continue
      }
      for text in texts(message["content"]) {
        let lower = text.lowercased()
        guard let range = lower.firstRange(of: wanted) else { continue }
        let at = lower.distance(from: lower.startIndex, to: range.lowerBound)
        let from = max(0, at - around)
        return String(text.dropFirst(from).prefix(2 * around + wanted.count))
      }
    }
    return nil
  }

  private static func texts(_ content: JSON?) -> [String] {
    switch content {
    case .string(let text): [text]
    case .array(let parts): parts.compactMap { $0["text"]?.string ?? $0["content"]?.string }
    default: []
    }
  }
}
