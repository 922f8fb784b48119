import CSystem
import Glibc

/// What a server wrote: its last lines at hand, more of them in a file of bounded size.
struct ServerLog {
  private static let linesKept = 50
  private static let longestLine = 4_000
  private static let largestFile = 1 << 20

  let path: String
  private(set) var lines: [String] = []
  private var open: [UInt8] = []
  private var file: Int32
  private var size = 0

  init(path: String) {
    self.path = path
    file = apus_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0o600)
  }

  mutating func add(_ bytes: [UInt8]) {
    write(bytes)
    open += bytes
    guard open.contains(10) || open.count > Self.longestLine else { return }
    var parts = open.split(separator: 10, omittingEmptySubsequences: false)
    open = parts.count > 1 || parts[0].count <= Self.longestLine ? Array(parts.removeLast()) : []
    for part in parts.suffix(Self.linesKept) {
      lines.append(String(decoding: part.prefix(Self.longestLine), as: UTF8.self))
    }
    if lines.count > Self.linesKept { lines.removeFirst(lines.count - Self.linesKept) }
  }

  /// The last that was written, with what has no end yet.
  var last: [String] {
    open.isEmpty
      ? lines : (lines + [String(decoding: open.prefix(Self.longestLine), as: UTF8.self)]).suffix(Self.linesKept)
  }

  /// Another process writes from here on.
  mutating func beginAnew() {
    open = []
    lines = []
  }

  mutating func remove() {
    if file >= 0 { Glibc.close(file) }
    file = -1
    unlink(path)
    unlink(path + ".1")
  }

  private mutating func write(_ bytes: [UInt8]) {
    guard file >= 0 else { return }
    if size + bytes.count > Self.largestFile {
      rename(path, path + ".1")
      Glibc.close(file)
      file = apus_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0o600)
      size = 0
      guard file >= 0 else { return }
    }
    var done = 0
    // A full disk costs lines of a log, and nothing else.
    while done < bytes.count, case let got = apus_write_from(file, bytes, bytes.count, done), got > 0 { done += got }
    size += done
  }
}
