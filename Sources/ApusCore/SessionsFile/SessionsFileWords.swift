extension SessionsFile {
  /// The smallest parts of the file: ids, moments, paths, cells. Bytes, for a mark may combine with a delimiter.
  enum Words {
    typealias Text = ArraySlice<UInt8>

    static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 13 }
    static func string(_ text: Text) -> String { String(decoding: text, as: UTF8.self) }

    static func trimmed(_ text: Text) -> Text {
      var text = text.drop(while: isBlank)
      while let last = text.last, isBlank(last) { text.removeLast() }
      return text
    }

    /// Without the backticks around it.
    static func bare(_ text: Text) -> Text {
      let isCode = text.count > 2 && text.first == 96 && text.last == 96
      return isCode ? trimmed(text.dropFirst().dropLast()) : text
    }

    /// Nothing, or a dash of any length that stands for nothing.
    static func isNone(_ text: Text) -> Bool { ["", "-", "--", "—", "–"].contains { text.elementsEqual($0.utf8) } }

    /// The word a text begins with, if it can be an id.
    static func id(_ text: Text) -> String? {
      func isLetter(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte | 32) }
      let word = bare(text).prefix { isLetter($0) || $0 == 45 || $0 == 46 || $0 == 95 }
      guard let first = word.first, isLetter(first), word.count <= 64 else { return nil }
      let next = bare(text)[word.endIndex...].first
      return next.map { isBlank($0) || $0 == 40 || $0 == 44 } ?? true ? string(word) : nil
    }

    /// The same of a text of ours.
    static func word(_ text: String) -> String? { id(Array(text.utf8)[...]) }

    // MARK: moments

    /// `2026-02-20T10:00:00Z`; what lies outside the years 1970 to 9999 is moved to their edge.
    static func time(_ moment: Moment) -> String {
      let seconds = Int(clamped(moment))
      let days = seconds / 86400
      // Days into years (Hinnant's civil_from_days): eras of 400 years that begin with March.
      let shifted = days + 719_468
      let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
      let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
      let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
      let month = (5 * dayOfYear + 2) / 153
      let (day, number) = (dayOfYear - (153 * month + 2) / 5 + 1, month < 10 ? month + 3 : month - 9)
      func padded(_ value: Int, _ width: Int = 2) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
      }
      let date = [padded(year + era * 400 + (number < 3 ? 1 : 0), 4), padded(number), padded(day)]
      let time = [padded(seconds / 3600 % 24), padded(seconds / 60 % 60), padded(seconds % 60)]
      return date.joined(separator: "-") + "T" + time.joined(separator: ":") + "Z"
    }

    static func clamped(_ moment: Moment) -> Moment {
      moment.isFinite ? min(max(moment, 0), 253_402_300_799).rounded(.down) : 0
    }

    /// Whole seconds. Seconds, fractions and the zone may be left out (then UTC); a blank may stand for the T.
    static func moment(_ text: Text) -> Moment? {
      var rest = bare(text)
      func number(_ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        rest = rest.dropFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1) - 48 }
      }
      func skip(_ bytes: UInt8...) -> Bool {
        guard let first = rest.first, bytes.contains(first) else { return false }
        rest = rest.dropFirst()
        return true
      }
      guard let year = number(4), skip(45), let month = number(2), skip(45), let day = number(2), skip(84, 116, 32),
        let hour = number(2), skip(58), let minute = number(2)
      else { return nil }
      var second = 0
      if skip(58) {
        guard let value = number(2) else { return nil }
        second = value
        if skip(46, 44) {
          guard number(1) != nil else { return nil }
          while number(1) != nil {}
        }
      }
      guard let offset = offset(&rest), rest.isEmpty else { return nil }
      let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
      let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      guard year >= 1970, (1...12).contains(month), (1...lengths[month - 1]).contains(day), hour < 24, minute < 60,
        second < 61
      else { return nil }
      let leaps = { (year: Int) in year / 4 - year / 100 + year / 400 }
      let days = (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + lengths[..<(month - 1)].reduce(0, +) + day - 1
      return clamped(Moment(days * 86400 + hour * 3600 + minute * 60 + min(second, 59) - offset))
    }

    private static func offset(_ rest: inout Text) -> Int? {
      defer { rest = [] }
      guard let sign = rest.first, !trimmed(rest).elementsEqual("UTC".utf8) else { return 0 }
      if sign == 90 || sign == 122 { return rest.count == 1 ? 0 : nil }
      let digits = rest.dropFirst().filter { $0 != 58 }
      guard sign == 43 || sign == 45, digits.count == 4, digits.allSatisfy({ (48...57).contains($0) }) else {
        return nil
      }
      let value = digits.reduce(0) { $0 * 10 + Int($1) - 48 }
      return (sign == 43 ? 1 : -1) * (value / 100 * 3600 + value % 100 * 60)
    }

    // MARK: cells

    /// The cells of a table's line, trimmed; nil for a line that is none. `\|` ends no cell.
    static func cells(_ line: Text) -> [Text]? {
      let line = trimmed(line)
      guard line.first == 124 else { return nil }
      var (cells, start): ([Text], Int) = ([], line.startIndex + 1)
      for n in line.indices.dropFirst() where line[n] == 124 && line[n - 1] != 92 {
        cells.append(trimmed(line[start..<n]))
        start = n + 1
      }
      return start < line.endIndex ? cells + [trimmed(line[start...])] : cells
    }

    /// Whether these are the dashes below a table's head.
    static func isRule(_ cells: [Text]) -> Bool {
      !cells.isEmpty
        && cells.allSatisfy { cell in
          cell.contains(45)
            && cell.dropFirst(cell.first == 58 ? 1 : 0).dropLast(cell.last == 58 ? 1 : 0)
              .allSatisfy { $0 == 45 }
        }
    }

    // MARK: paths

    /// A path in a list: control characters, a comma, and what would be read as something else at either end become
    /// `%2C` and the like; a `%` only where it would be read as one of these; a pipe becomes `\|`.
    static func path(_ path: String) -> String {
      let bytes = Array(path.utf8)
      var text: [UInt8] = []
      for (n, byte) in bytes.enumerated() {
        let isEdge = n == 0 || n == bytes.count - 1
        let isAtRisk = byte == 32 && isEdge || byte == 96 && isEdge || byte == 45 && isNone(bytes[...])
        if byte < 32 || byte == 127 || byte == 44 || isAtRisk || byte == 37 && decoded(bytes[n...]) != nil {
          let digits = String(byte, radix: 16, uppercase: true)
          text += Array("%\(byte < 16 ? "0" : "")\(digits)".utf8)
        } else {
          text += byte == 124 ? [92, 124] : [byte]
        }
      }
      return string(text[...])
    }

    /// The paths of a list, as a person or we wrote it.
    static func paths(_ cell: Text) -> [String] {
      guard !isNone(bare(cell)) else { return [] }
      return cell.split(separator: 44).compactMap { part in
        var (rest, path): (Text, [UInt8]) = (bare(trimmed(part)), [])
        while let first = rest.first {
          if first == 37, let byte = decoded(rest) {
            path.append(byte)
            rest = rest.dropFirst(3)
          } else if first == 92, rest.dropFirst().first == 124 {
            rest = rest.dropFirst()
          } else {
            path.append(first)
            rest = rest.dropFirst()
          }
        }
        return path.isEmpty ? nil : string(path[...])
      }
    }

    /// The byte that a `%` and two digits stand for: one of those that `path` writes so.
    private static func decoded(_ text: Text) -> UInt8? {
      let digits = text.dropFirst().prefix(2)
      guard digits.count == 2, digits.allSatisfy({ $0 > 47 }), let byte = UInt8(string(digits), radix: 16) else {
        return nil
      }
      return byte < 33 || [37, 44, 45, 96, 127].contains(byte) ? byte : nil
    }
  }
}
