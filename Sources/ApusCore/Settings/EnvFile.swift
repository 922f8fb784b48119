/// A `.env` file: `KEY=value` lines, `export` allowed, `#` comments, single and double quotes.
///
/// Other programs read the same file by rules of their own, so a line that makes no sense here is a problem to report,
/// not a reason to stop; an unclosed quote is one, since nothing after it can be trusted.
package struct EnvFile: Equatable, Sendable {
  package struct Problem: Equatable, Sendable {
    package var line: Int
    package var text: String
  }

  package struct Entry: Equatable, Sendable {
    package var value: String
    package var line: Int
  }

  package private(set) var entries: [String: Entry] = [:]
  package private(set) var problems: [Problem] = []

  package init(_ text: String, path: String) throws(Failure) {
    var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.enumerated().makeIterator()
    while let (index, raw) = lines.next() {
      let number = index + 1
      var line = raw.drop { $0 == " " || $0 == "\t" || $0 == "\u{FEFF}" }
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("export ") || line.hasPrefix("export\t") {
        line = line.dropFirst(7).drop { $0 == " " || $0 == "\t" }
      }
      guard let equals = line.firstIndex(of: "=") else {
        problems.append(Problem(line: number, text: "no `=`"))
        continue
      }
      let key = String(line[..<equals]).trimmingBlanks
      guard Self.isKey(key) else {
        problems.append(Problem(line: number, text: "\"\(SessionName.printable(key))\" is not a variable's name"))
        continue
      }
      var rest = line[line.index(after: equals)...].drop { $0 == " " || $0 == "\t" }
      guard let quote = rest.first, quote == "\"" || quote == "'" else {
        entries[key] = Entry(value: Self.unquoted(rest), line: number)
        continue
      }
      rest = rest.dropFirst()
      var value = ""
      while true {
        if let end = Self.take(&rest, until: quote, into: &value) {
          if !end.allSatisfy({ $0 == " " || $0 == "\t" }), !end.drop(while: { $0 == " " || $0 == "\t" }).hasPrefix("#")
          {
            problems.append(Problem(line: number, text: "text after the closing quote"))
          }
          break
        }
        guard let (_, next) = lines.next() else {
          throw Failure(
            .configurationInvalid, "\(path):\(number): the quote of \(key) is never closed",
            hint: "close the quote in \(path), line \(number)")
        }
        value += "\n"
        rest = next
      }
      entries[key] = Entry(value: value, line: number)
    }
  }

  package subscript(_ key: String) -> String? { entries[key]?.value }

  package var values: [String: String] { entries.mapValues(\.value) }

  private static func isKey(_ key: String) -> Bool {
    guard let first = key.utf8.first, !(48...57).contains(first) else { return false }
    return key.utf8.allSatisfy {
      (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "_")
        || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
    }
  }

  /// Up to a comment that follows a blank.
  private static func unquoted(_ rest: Substring) -> String {
    var end = rest.endIndex
    var before: Character = " "
    for index in rest.indices {
      if rest[index] == "#", before == " " || before == "\t" {
        end = index
        break
      }
      before = rest[index]
    }
    return String(rest[..<end]).trimmingBlanks
  }

  /// Reads a quoted value; returns what follows the closing quote, nil when the line ends first.
  private static func take(_ rest: inout Substring, until quote: Character, into value: inout String) -> Substring? {
    var index = rest.startIndex
    while index < rest.endIndex {
      let character = rest[index]
      if character == quote { return rest[rest.index(after: index)...] }
      if quote == "\"", character == "\\", let next = rest.index(index, offsetBy: 1, limitedBy: rest.endIndex),
        next < rest.endIndex
      {
        switch rest[next] {
        case "n": value += "\n"
        case "t": value += "\t"
        case "r": value += "\r"
        case "\"", "\\", "$": value.append(rest[next])
        default: value += "\\" + String(rest[next])
        }
        index = rest.index(after: next)
        continue
      }
      value.append(character)
      index = rest.index(after: index)
    }
    return nil
  }
}

extension String {
  var trimmingBlanks: String {
    var text = self[...]
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text = text.dropLast() }
    while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
    return String(text)
  }
}
