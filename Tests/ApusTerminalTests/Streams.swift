import ApusTerminal
import ApusTestKit

/// Terminal output made up by chance: what programs write, what nobody should write, and pieces of both.
struct Streams {
  private var random: Seeded

  init(_ seed: UInt64) { random = Seeded(seed) }

  mutating func stream(_ pieces: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<pieces { bytes += piece() }
    return bytes
  }

  mutating func below(_ limit: Int) -> Int { random.below(limit) }

  /// Cuts the bytes into chunks.
  mutating func cut(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var chunks: [ArraySlice<UInt8>] = []
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + 1 + random.below(random.chance(50) ? 4 : 90))
      chunks.append(bytes[at..<end])
      at = end
    }
    return chunks
  }

  private mutating func piece() -> [UInt8] {
    switch random.below(16) {
    case 0...3: word()
    case 4, 5: Array(random.pick(Self.texts).utf8)
    case 6: [random.pick([0x08, 0x09, 0x0A, 0x0D, 0x0A, 0x0D, 0x07, 0x0E, 0x0F, 0x00, 0x7F, 0x18])]
    case 7, 8, 9: sequence()
    case 10, 11: selection()
    case 12: Array(random.pick(Self.modes).utf8)
    case 13: Array(random.pick(Self.escapes).utf8)
    case 14: Array(random.pick(Self.strings).utf8)
    default: random.chance(70) ? [0x0D, 0x0A] : random.bytes(random.below(6))
    }
  }

  private mutating func word() -> [UInt8] {
    (0..<(1 + random.below(random.chance(20) ? 60 : 9))).map { _ in UInt8(0x20 + random.below(0x5F)) }
  }

  private mutating func number() -> String {
    random.chance(15) ? "" : random.chance(5) ? "99999999999" : String(random.below(random.chance(80) ? 14 : 120))
  }

  private mutating func sequence() -> [UInt8] {
    let numbers = (0..<random.below(4)).map { _ in number() }.joined(separator: ";")
    let final = random.pick(Array("ABCDEFGHIJKLMPSTXZ@`abdefgrsu".map { String($0) }))
    let odd = random.chance(4) ? random.pick(["?", ">", "\u{18}", "\n", " ", "\u{1B}", "\u{7F}"]) : ""
    return Array("\u{1B}[\(odd)\(numbers)\(final)".utf8)
  }

  private mutating func selection() -> [UInt8] {
    let codes = [
      "0", "1", "2", "3", "4", "4:3", "5", "7", "8", "9", "21", "22", "24", "27", "31", "39", "44", "49", "53", "95",
      "102",
      "38;5;\(random.below(256))", "48;5;\(random.below(256))", "38;2;1;2;\(random.below(256))", "48:2::9:8:7",
      "58:5:3",
    ]
    return Array(
      "\u{1B}[\((0..<(1 + random.below(3))).map { _ in random.pick(codes) }.joined(separator: ";"))m".utf8)
  }

  static let texts = [
    "é", "ä̈", "世界", "🙂", "🧠🟢", "👩‍👩‍👧", "e\u{301}\u{323}", "\u{301}", "\u{FE0F}", "한국어", "ก็", "│┌─┐", "か\u{3099}",
    "\u{85}", "\u{9B}3;4H", "\u{9D}2;t\u{9C}", "\u{84}", "x\u{200D}y", "\u{1F1E9}\u{1F1EA}",
  ]
  static let modes = [
    "?1049h", "?1049l", "?1049h", "?1049l", "?47h", "?47l", "?1048h", "?1048l", "?6h", "?6l", "?7l", "?7h", "?25l",
    "?25h",
    "?1000;1006h", "?1003h", "?1003l", "?2004h", "?2026h", "?2026l", "4h", "4l", "20h", "20l", "?1h", "?5h", "?12l",
    "!p",
    ">1u", "<u", "=5;1u", ">4;2m", ">4m", "2 q", "0 q", "?69h", "22;0t", "23;0t", "3g", "?1049;25h",
  ].map { "\u{1B}[" + $0 }
  static let escapes = [
    "7", "8", "D", "E", "M", "H", "=", ">", "(0", "(B", ")0", "n", "N", "O", "#8", "c", "\\", "(A", "%G",
  ]
  .map { "\u{1B}" + $0 }
  static let strings = [
    "]0;title\u{07}", "]2;ü\u{1B}\\", "]4;1;rgb:1/2/3\u{07}", "]104\u{07}", "]11;#123456\u{07}", "]111\u{07}",
    "]52;c;?\u{07}",
    "]8;;http://a\u{1B}\\", "]8;;\u{1B}\\", "]9;4;1;50\u{07}", "]9;4;0\u{07}", "]7;file:///tmp\u{07}", "Pq#0~~\u{1B}\\",
    "P$qm\u{1B}\\", "_Gx\u{1B}\\", "^p\u{1B}\\", "Xs\u{07}", "]0;cut", "P+q544e\u{1B}\\", "]1;i\u{1B}",
  ].map { "\u{1B}" + $0 }
}

extension [ArraySlice<UInt8>] {
  var joinedBytes: [UInt8] { flatMap { $0 } }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// What a screen is, in a form that tests can compare: other screens with the same words here show and do the same.
func state(_ screen: Screen) -> String { readable(screen.snapshot()) }

func readable(_ bytes: [UInt8]) -> String {
  String(decoding: bytes, as: UTF8.self).replacing("\u{1B}", with: "\u{241B}")
}

func made(_ rows: Int, _ columns: Int, _ text: String = "") throws -> Screen {
  let screen = try Screen(rows: rows, columns: columns)
  screen.feed(bytes(text))
  return screen
}
