import ApusCore
import CSystem
import Glibc

/// The one place that writes to standard output and standard error.
struct Output {
  /// Where output goes, for who must know whether anybody still reads it.
  static let descriptor = STDOUT_FILENO

  let isColored: Bool
  private(set) var columns: Int
  /// Nil where there is no screen.
  private(set) var rows: Int?
  let isTerminal: Bool

  init(color: String?, environment: [String: String]) {
    isTerminal = isatty(1) == 1
    let wanted = environment["NO_COLOR"].map { $0.isEmpty } ?? true
    switch color {
    case "always": isColored = true
    case "never": isColored = false
    default: isColored = isTerminal && wanted && environment["TERM"] != "dumb"
    }
    columns = environment["COLUMNS"].flatMap { Int($0) } ?? 80
    measure()
  }

  /// Takes over the size the terminal has by now.
  mutating func measure() {
    var size = winsize()
    guard isTerminal, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else { return }
    columns = Int(size.ws_col)
    rows = size.ws_row > 0 ? Int(size.ws_row) : nil
  }

  func write(_ text: String) { Self.write(Array(text.utf8), to: 1) }

  func write(_ bytes: [UInt8]) { Self.write(bytes, to: 1) }

  /// The same to standard error.
  func writeErrors(_ bytes: [UInt8]) { Self.write(bytes, to: 2) }

  func line(_ bytes: [UInt8]) { Self.write(bytes + [10], to: 1) }

  func note(_ text: String) { Self.write(Array((text + "\n").utf8), to: 2) }

  /// A question on standard error, the answer behind it.
  static func ask(_ text: String) { write(Array(text.utf8), to: 2) }

  /// Whoever reads our output may stop: that is no error of ours, and ends the command.
  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      if got < 0, errno == EAGAIN {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wait, 1, -1)
        continue
      }
      guard got > 0 else { exit(descriptor == 1 ? 0 : 1) }
      done += got
    }
  }

  /// Waits so long; whether whoever read our output left meanwhile.
  func isLeft(afterMilliseconds milliseconds: Int32) -> Bool {
    var reader = pollfd(fd: Self.descriptor, events: 0, revents: 0)
    return poll(&reader, 1, milliseconds) > 0 && Int32(reader.revents) & (POLLERR | POLLHUP) != 0
  }

  /// For who has no `Output`.
  static func bytes(_ bytes: [UInt8]) { write(bytes, to: 1) }

  /// The same to standard error.
  static func errors(_ bytes: [UInt8]) { write(bytes, to: 2) }

  /// What a hook says to its agent.
  static func reason(_ text: String) { write(Array((text + "\n").utf8), to: 2) }

  func json(_ value: some Encodable) { line((try? JSONText.encode(value)) ?? []) }

  private struct Problem: Encodable { var error: Failure }

  func fail(_ failure: Failure, isJSON: Bool) {
    if isJSON { return json(Problem(error: failure)) }
    let stderrIsColored = isColored && isatty(2) == 1
    let word = stderrIsColored ? "\u{1B}[31merror:\u{1B}[0m" : "error:"
    note("\(word) \(failure.summary)")
    if let hint = failure.hint { note("hint: \(hint)") }
  }

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  func styled(_ text: String, _ style: Style) -> String {
    isColored ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}

/// Widths of text on a terminal: wide characters take two columns.
enum Width {
  static func of(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + of($1) } }

  private static func of(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F: 0
    case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0x1F300...0x1FAFF, 0x20000...0x3FFFD:
      2
    default: 1
    }
  }

  /// Cut or filled to exactly that many columns.
  static func fit(_ text: String, _ columns: Int) -> String {
    let width = of(text)
    if width <= columns { return text + String(repeating: " ", count: columns - width) }
    return cut(text, columns)
  }

  /// The same of text with colours in it, which take no room; they end with it.
  static func cutStyled(_ text: String, _ columns: Int) -> String {
    var kept = ""
    var width = 0
    var isSequence = false
    for scalar in text.unicodeScalars {
      if scalar == "\u{1B}" { isSequence = true }
      if isSequence {
        kept.unicodeScalars.append(scalar)
        if scalar == "m" { isSequence = false }
        continue
      }
      guard width + of(scalar) <= columns else { return kept + (text.contains("\u{1B}") ? "\u{1B}[0m" : "") }
      kept.unicodeScalars.append(scalar)
      width += of(scalar)
    }
    return kept
  }

  static func cut(_ text: String, _ columns: Int) -> String {
    guard of(text) > columns, columns > 0 else { return text }
    var kept = ""
    var width = 0
    for scalar in text.unicodeScalars {
      guard width + of(scalar) <= columns - 1 else { break }
      kept.unicodeScalars.append(scalar)
      width += of(scalar)
    }
    return kept + "…" + String(repeating: " ", count: max(0, columns - width - 1))
  }
}
