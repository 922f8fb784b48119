/// Reads the words of a line; the grammar around them is in `ShellGrammar.swift`.
struct ShellReader {
  struct HereDocument: Equatable {
    var delimiter: [UInt8]
    var stripsTabs: Bool
    var isQuoted: Bool
    /// A shell reads it.
    var isScript = false
    var directory: String?
  }

  let bytes: [UInt8]
  var at = 0
  var directory: String?
  let level: Int
  var nesting: Int
  let harvest: ShellHarvest
  var hereDocuments: [HereDocument] = []
  /// What `<<<` gives to the command being read.
  var hereStrings: [String] = []

  /// What stands for something that only the running shell knows. No shell fills it in when it is read again.
  static let unknown = Array("$…".utf8)

  init(_ bytes: [UInt8], directory: String?, level: Int, nesting: Int, harvest: ShellHarvest) {
    self.bytes = bytes
    self.directory = directory
    self.level = level
    self.nesting = nesting
    self.harvest = harvest
  }

  static func isName(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == UInt8(ascii: "_")
  }

  func peek(_ offset: Int = 0) -> Character? {
    at + offset < bytes.count ? Character(Unicode.Scalar(bytes[at + offset])) : nil
  }

  mutating func skipBlanks() {
    while let character = peek() {
      if character == " " || character == "\t" || character == "\r" {
        at += 1
      } else if character == "\\", peek(1) == "\n" {
        at += 2
      } else {
        return
      }
    }
  }

  mutating func skipComment() {
    while at < bytes.count, bytes[at] != UInt8(ascii: "\n") { at += 1 }
  }

  /// The next word; nil where an operator or the end comes.
  mutating func word() -> ShellWord? {
    let start = at
    var word = ShellWord(text: "")
    var text: [UInt8] = []
    reading: while let character = peek(), !harvest.isStopped {
      switch character {
      case " ", "\t", "\r", "\n", ";", "&", "|", ")": break reading
      case "<", ">":
        guard peek(1) == "(" else { break reading }
        at += 2
        nested(until: ")")
        unknown(&text, &word)
      case "(":
        if text.isEmpty { break reading }
        let last = Character(Unicode.Scalar(text[text.count - 1]))
        if "?*+@!".contains(last) || (last == "=" && !word.isQuoted) {
          at += 1
          words(until: ")")
          unknown(&text, &word)
        } else {
          word.isFunction = isEmptyBrackets
          break reading
        }
      case "\\":
        if peek(1) != "\n" {
          word.plainLength = word.plainLength ?? text.count
          if at + 1 < bytes.count { text.append(bytes[at + 1]) }
        }
        at += 2
      case "'":
        word.plainLength = word.plainLength ?? text.count
        singleQuoted(&text)
      case "\"":
        word.plainLength = word.plainLength ?? text.count
        doubleQuoted(&text, &word)
      case "$" where peek(1) == "'":
        word.plainLength = word.plainLength ?? text.count
        at += 2
        ansiQuoted(&text)
      case "$" where peek(1) == "\"": at += 1
      case "$": dollar(&text, &word)
      case "`": backquoted(&text, &word)
      default:
        if "*?[{".contains(character) { word.isExact = false }
        text.append(bytes[at])
        at += 1
      }
    }
    at = min(at, bytes.count)
    guard at > start else { return nil }
    word.text = String(decoding: text, as: UTF8.self)
    return word
  }

  /// Words in brackets: of an array, of a pattern.
  private mutating func words(until end: Character) {
    deeper { reader in
      while let character = reader.peek(), !reader.harvest.isStopped {
        if character == end {
          reader.at += 1
          return
        }
        if reader.word() == nil { reader.at += 1 }
      }
      reader.harvest.leaveIncomplete()
    }
  }

  private var isEmptyBrackets: Bool {
    var next = at + 1
    while next < bytes.count, bytes[next] == UInt8(ascii: " ") { next += 1 }
    return next < bytes.count && bytes[next] == UInt8(ascii: ")")
  }

  private func unknown(_ text: inout [UInt8], _ word: inout ShellWord) {
    text += Self.unknown
    word.isExact = false
  }

  private mutating func singleQuoted(_ text: inout [UInt8]) {
    let start = at + 1
    let end = bytes[start...].firstIndex(of: UInt8(ascii: "'"))
    if end == nil { harvest.leaveIncomplete() }
    text += bytes[start..<(end ?? bytes.count)]
    at = (end ?? bytes.count) + 1
  }

  private mutating func doubleQuoted(_ text: inout [UInt8], _ word: inout ShellWord) {
    at += 1
    while let character = peek(), !harvest.isStopped {
      switch character {
      case "\"":
        at += 1
        return
      case "\\":
        if let next = peek(1), "$`\"\\\n".contains(next) {
          if next != "\n" { text.append(bytes[at + 1]) }
          at += 2
        } else {
          text.append(bytes[at])
          at += 1
        }
      case "$": dollar(&text, &word)
      case "`": backquoted(&text, &word)
      default:
        text.append(bytes[at])
        at += 1
      }
    }
    harvest.leaveIncomplete()
  }

  /// `$'…'`, whose escapes could hide a name.
  private mutating func ansiQuoted(_ text: inout [UInt8]) {
    let simple: [Character: UInt8] = ["n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "e": 27, "E": 27, "f": 12, "v": 11]
    while let character = peek() {
      at += 1
      if character == "'" { return }
      guard character == "\\", let next = peek() else {
        text.append(bytes[at - 1])
        continue
      }
      at += 1
      switch next {
      case "x": text.append(UInt8(truncatingIfNeeded: number(radix: 16, longest: 2)))
      case "u", "U":
        let scalar = Unicode.Scalar(UInt32(truncatingIfNeeded: number(radix: 16, longest: next == "u" ? 4 : 8)))
        text += Array(String(scalar.map { Character($0) } ?? "?").utf8)
      case "0"..."7":
        at -= 1
        text.append(UInt8(truncatingIfNeeded: number(radix: 8, longest: 3)))
      default: text.append(simple[next] ?? bytes[at - 1])
      }
    }
    harvest.leaveIncomplete()
  }

  private mutating func number(radix: Int, longest: Int) -> Int {
    var value = 0
    for _ in 0..<longest {
      guard let digit = peek().flatMap({ Int(String($0), radix: radix) }) else { break }
      value = value * radix + digit
      at += 1
    }
    return value
  }

  /// At a `$`: what is filled in there.
  private mutating func dollar(_ text: inout [UInt8], _ word: inout ShellWord) {
    if peek(1) == "(" {
      if peek(2) == "(", let end = arithmeticEnd(at + 3) {
        at += 3
        fill(to: end)
        at = end + 2
      } else {
        at += 2
        nested(until: ")")
      }
      return unknown(&text, &word)
    }
    if peek(1) == "{" {
      let start = at
      at += 2
      let first = at
      while at < bytes.count, Self.isName(bytes[at]) { at += 1 }
      if at > first, peek() == "}" {
        at += 1
        word.isExact = false
        text += bytes[start..<at]
        return
      }
      deeper { $0.braced() }
      return unknown(&text, &word)
    }
    text.append(bytes[at])
    at += 1
    guard let next = peek() else { return }
    if Self.isName(bytes[at]) {
      word.isExact = false
      while at < bytes.count, Self.isName(bytes[at]) {
        text.append(bytes[at])
        at += 1
      }
    } else if "@*#?-$!".contains(next) {
      word.isExact = false
      text.append(bytes[at])
      at += 1
    }
  }

  /// In `${…}`, up to its end.
  private mutating func braced() {
    var text: [UInt8] = []
    var word = ShellWord(text: "")
    while let character = peek(), !harvest.isStopped {
      switch character {
      case "}":
        at += 1
        return
      case "\\": at += 2
      case "'": singleQuoted(&text)
      case "\"": doubleQuoted(&text, &word)
      case "$": dollar(&text, &word)
      case "`": backquoted(&text, &word)
      default: at += 1
      }
    }
    at = min(at, bytes.count)
    harvest.leaveIncomplete()
  }

  private mutating func backquoted(_ text: inout [UInt8], _ word: inout ShellWord) {
    at += 1
    var script: [UInt8] = []
    var isClosed = false
    while at < bytes.count, !isClosed {
      if bytes[at] == UInt8(ascii: "`") {
        isClosed = true
      } else if bytes[at] == UInt8(ascii: "\\"), let next = peek(1), "`\\$".contains(next) {
        at += 1
        script.append(bytes[at])
      } else {
        script.append(bytes[at])
      }
      at += 1
    }
    if !isClosed { harvest.leaveIncomplete() }
    harvest.script(script, directory: directory, level: level + 1, nesting: nesting + 1)
    unknown(&text, &word)
  }

  /// The commands in what the shell fills in, up to a place.
  mutating func fill(to end: Int) {
    var text: [UInt8] = []
    var word = ShellWord(text: "")
    while at < end, !harvest.isStopped {
      switch bytes[at] {
      case UInt8(ascii: "\\"): at += 2
      case UInt8(ascii: "$"): deeper { $0.dollar(&text, &word) }
      case UInt8(ascii: "`"): backquoted(&text, &word)
      default: at += 1
      }
    }
    at = min(at, bytes.count)
  }

  /// Where `))` ends what began with `((`; nil where it is no arithmetic.
  mutating func arithmeticEnd(_ start: Int) -> Int? {
    var depth = 2
    var next = start
    defer { _ = harvest.spend(next - start) }
    while next < bytes.count {
      switch bytes[next] {
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 1 { return next + 1 < bytes.count && bytes[next + 1] == UInt8(ascii: ")") ? next : nil }
      case UInt8(ascii: "\\"): next += 1
      default: break
      }
      next += 1
    }
    return nil
  }

  /// Commands in brackets; where they go to is their own affair.
  mutating func nested(until end: Character) {
    let before = directory
    deeper { $0.list(until: end) }
    directory = before
  }

  private mutating func deeper(_ body: (inout ShellReader) -> Void) {
    guard nesting < ShellHarvest.deepestNesting else { return harvest.stop() }
    nesting += 1
    body(&self)
    nesting -= 1
  }
}
