/// What a person sees of text with SGR sequences, as `tmux capture-pane -e` writes it: a look for each character. Two
/// terminals that differ in the colour of a blank's ink look the same.
package struct Looks: Equatable, CustomStringConvertible {
  package var lines: [[String]] = []

  package init(_ text: String) {
    var pen = Pen()
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var cells: [String] = []
      var rest = Substring(line).unicodeScalars
      while let first = rest.popFirst() {
        guard first == "\u{1B}", rest.first == "[" else {
          cells.append(pen.look(first))
          continue
        }
        let sequence = rest.dropFirst().prefix { $0 != "m" }
        rest = rest.dropFirst(sequence.count + 2)
        pen.take(String(String.UnicodeScalarView(sequence)))
      }
      while cells.last == " " { cells.removeLast() }
      lines.append(cells)
    }
  }

  package var description: String { lines.map { $0.joined(separator: "|") }.joined(separator: "\n") }

  /// Where the two differ, row by row.
  package func difference(_ other: Looks) -> String {
    (0..<max(lines.count, other.lines.count)).compactMap { row in
      let (one, two) = (row < lines.count ? lines[row] : [], row < other.lines.count ? other.lines[row] : [])
      guard one != two else { return nil }
      let at = zip(one, two).prefix { $0 == $1 }.count
      return "\(row),\(at): \(one.dropFirst(at).prefix(12))\n   \(two.dropFirst(at).prefix(12))"
    }.joined(separator: "\n")
  }

  private struct Pen {
    var ink = ""
    var paper = ""
    var attributes: Set<Int> = []

    func look(_ character: Unicode.Scalar) -> String {
      let isBlank = character == " "
      // Of a blank only what lies behind it or runs through it is seen.
      let seen = attributes.filter { !isBlank || [4, 7, 9, 21, 53].contains($0) }.sorted().map(String.init)
      let isInkSeen = !isBlank || !seen.isEmpty
      let pen = (isInkSeen ? [ink] : []) + [paper] + seen
      let text = pen.filter { !$0.isEmpty }.joined(separator: ";")
      return text.isEmpty ? String(character) : String(character) + "{\(text)}"
    }

    mutating func take(_ sequence: String) {
      var numbers = sequence.split(separator: ";", omittingEmptySubsequences: false)[...]
      while let first = numbers.popFirst() {
        let number = Int(first.prefix { $0 != ":" }) ?? 0
        switch number {
        case 0: self = Pen()
        case 30...37, 90...97: ink = "ink\(number)"
        case 39: ink = ""
        case 40...47, 100...107: paper = "paper\(number)"
        case 49: paper = ""
        case 38, 48, 58:
          let count = first.contains(":") ? 0 : numbers.first == "5" ? 2 : 4
          let colour = first + numbers.prefix(count).joined(separator: ":")
          numbers = numbers.dropFirst(count)
          if number == 38 { ink = "ink\(colour)" }
          if number == 48 { paper = "paper\(colour)" }
        case 22: attributes.subtract([1, 2])
        case 23...29: attributes.subtract(number == 24 ? [4, 21] : [number - 20])
        case 55: attributes.remove(53)
        default: attributes.insert(number)
        }
      }
    }
  }
}
