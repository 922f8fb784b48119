// What a command says of deployments, as people's tools print it: tables with the newest on top, JSON, or one word.

/// How the newest deployment stands, as a command's output says.
package struct DeployReading: Codable, Equatable, Sendable {
  package enum State: String, Codable, Sendable, CaseIterable { case ready, error, building, unknown }

  package var state: State
  /// Tells one deployment from the next: its address, or what of its line stays as it is while time goes by.
  package var identity: String
  /// One line for people; of what is not known, why.
  package var text: String

  package init(state: State, identity: String, text: String) {
    self.state = state
    self.identity = identity
    self.text = Self.short(text)
  }

  package static func unknown(_ why: String) -> DeployReading {
    DeployReading(state: .unknown, identity: "", text: why)
  }

  package static let longestOutput = 1 << 18
  package static let longestText = 300
  private static let longestLine = 2_000
  private static let mostLines = 5_000

  /// Reads the whole output of a command that ended with that status. Only the first line that carries one of the words
  /// counts: lists have the newest deployment on top.
  package static func read(_ output: [UInt8], status: Int32, _ settings: DeploySettings) -> DeployReading {
    let words = Words(settings)
    let lines = lines(of: output)
    for (index, line) in lines.enumerated() {
      guard let found = words.find(in: line) else { continue }
      // What failed to look says so in the same words: that is no deployment.
      if status != 0, line.drop(while: { $0 == " " }).lowercased().hasPrefix(found.word.lowercased() + ":") { continue }
      let identity = identity(of: line, without: found.word, in: lines, at: index)
      return DeployReading(state: found.state, identity: identity, text: line)
    }
    let said = lines.last { $0.contains { !$0.isWhitespace } }
    if status != 0 {
      return .unknown("the command failed (exit code \(status))" + (said.map { ": \($0)" } ?? ""))
    }
    guard let said else { return .unknown("the command said nothing") }
    return .unknown("no line says how a deployment is; the last was: \(said)")
  }

  // MARK: lines

  private static func lines(of output: [UInt8]) -> [String] {
    output.prefix(longestOutput).split { $0 == 10 || $0 == 13 }.prefix(mostLines).map { line in
      plain(String(decoding: line.prefix(longestLine), as: UTF8.self))
    }
  }

  /// Without what colours it or moves a cursor.
  private static func plain(_ line: String) -> String {
    var kept = String.UnicodeScalarView()
    var rest = line.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      guard scalar == "\u{1B}" else {
        kept.append(scalar.value < 32 ? " " : scalar)
        continue
      }
      switch rest.first {
      case "[":
        rest.removeFirst()
        while let next = rest.popFirst(), !("@"..."~").contains(next) {}
      case "]":
        while let next = rest.popFirst(), next != "\u{7}" {
          if next == "\u{1B}" {
            if rest.first == "\\" { rest.removeFirst() }
            break
          }
        }
      case nil: break
      case .some: rest.removeFirst()
      }
    }
    return SessionName.printable(String(kept))
  }

  /// Blanks in a row are one, and it is not long.
  private static func short(_ text: String) -> String {
    let whole = SessionName.printable(text).split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    return whole.count <= longestText ? whole : String(whole.prefix(longestText - 1)) + "…"
  }

  // MARK: identity

  private static func identity(of line: String, without word: String, in lines: [String], at index: Int) -> String {
    if let address = address(in: line) { return address }
    // A member of a JSON object stands among others that say which deployment it is.
    if line.contains("\"") {
      for near in [-1, 1] {
        var at = index
        while lines.indices.contains(at + near), abs(at + near - index) <= 40 {
          at += near
          if lines[at].contains(near < 0 ? "}" : "{") { break }
          if let address = member(lines[at]) { return address }
          if lines[at].contains(near < 0 ? "{" : "}") { break }
        }
      }
    }
    let stays = line.split { $0 == " " }.filter { $0 != word && $0 != "●" && $0 != "ago" && !isDuration($0) }
    return stays.joined(separator: " ")
  }

  private static func address(in line: String) -> String? {
    guard let start = line.firstRange(of: "https://") ?? line.firstRange(of: "http://") else { return nil }
    return String(line[start.lowerBound...].prefix { !$0.isWhitespace && !"\"'<>,|)".contains($0) })
  }

  private static func member(_ line: String) -> String? {
    let parts = line.split(separator: "\"")
    guard let key = parts.firstIndex(where: { ["url", "uid", "id"].contains($0) }), parts.indices.contains(key + 2)
    else {
      return nil
    }
    return String(parts[key + 2])
  }

  /// `2m`, `38s`, `1h30m`, `--`, `?`: columns that change by themselves.
  private static func isDuration(_ word: Substring) -> Bool {
    if word.allSatisfy({ $0 == "-" || $0 == "?" }) { return true }
    guard word.first?.isNumber == true, let last = word.last, "smhdwy".contains(last) else { return false }
    return word.allSatisfy { $0.isNumber || $0 == "." || "smhdwy".contains($0) }
  }
}

/// The words that say how a deployment is.
private struct Words {
  private let patterns: [(state: DeployReading.State, pattern: String)]

  init(_ settings: DeploySettings) {
    patterns =
      settings.ready.map { (.ready, $0.lowercased()) } + settings.error.map { (.error, $0.lowercased()) }
      + settings.building.map { (.building, $0.lowercased()) }
  }

  /// The first of them in a line. Where a bullet stands, the word behind it is the state; lines that begin with `>` are
  /// what tools say of themselves.
  func find(in line: String) -> (state: DeployReading.State, word: String)? {
    guard line.first(where: { !$0.isWhitespace }) != ">" else { return nil }
    var words = line[...].split(whereSeparator: Self.isBetween)
    if let bullet = line.firstIndex(of: "●") {
      words = Array(line[line.index(after: bullet)...].split(whereSeparator: Self.isBetween).prefix(1))
    }
    for word in words {
      let lower = word.lowercased()
      if let found = patterns.first(where: { Wildcard.matches($0.pattern[...], lower) }) {
        return (found.state, String(word))
      }
    }
    return nil
  }

  private static func isBetween(_ character: Character) -> Bool {
    character.isWhitespace || "\"'`,:;{}[]()|=<>●○•!".contains(character)
  }
}
