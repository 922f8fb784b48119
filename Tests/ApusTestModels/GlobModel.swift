import ApusCore
import ApusTestKit

/// The meaning of patterns, written another way than in `Glob`: alternatives are multiplied out, then components are
/// compared one by one, with no machine. Over the characters `a` and `b`; other characters are not told apart.
package struct GlobModel: Sendable {
  private enum Piece {
    case any
    /// Which of the two: bit 0 is `a`, bit 1 is `b`, bit 2 any other.
    case one(UInt8)
  }

  private enum Component {
    case globstar
    case pieces([Piece])
  }

  private let plain: [[Component]]

  package init(_ text: String) {
    plain = Self.expanded(Array(text)).map { Self.components($0) }
  }

  package func matches(_ path: String) -> Bool {
    let path = Self.components(Array(path))
    return plain.contains { Self.match($0[...], path[...]) }
  }

  package func meets(_ other: GlobModel) -> Bool {
    plain.contains { one in other.plain.contains { Self.meet(one[...], $0[...]) } }
  }

  private static func expanded(_ text: [Character]) -> [[Character]] {
    guard let open = text.firstIndex(of: "{") else { return [text] }
    var depth = 0
    var branches: [[Character]] = [[]]
    var at = open
    while at < text.count {
      let character = text[at]
      at += 1
      if character == "{" { depth += 1 }
      if character == "}" { depth -= 1 }
      if depth == 0 { break }
      if character == ",", depth == 1 {
        branches.append([])
      } else if !(character == "{" && depth == 1) {
        branches[branches.count - 1].append(character)
      }
    }
    return branches.flatMap { expanded(Array(text[..<open]) + $0 + Array(text[at...])) }
  }

  private static func components(_ text: [Character]) -> [Component] {
    text.split(separator: "/").map { part in
      if part.count >= 2, part.allSatisfy({ $0 == "*" }) { return .globstar }
      var pieces: [Piece] = []
      var at = part.startIndex
      while at < part.endIndex {
        switch part[at] {
        case "*": pieces.append(.any)
        case "?": pieces.append(.one(7))
        case "[":
          let end = part[at...].firstIndex(of: "]") ?? part.endIndex
          let inner = part[(at + 1)..<end]
          let isNegated = inner.first == "!"
          var mask: UInt8 = 0
          if inner.contains("a") { mask |= 1 }
          if inner.contains("b") { mask |= 2 }
          pieces.append(.one(isNegated ? ~mask & 7 : mask))
          at = end
        case "a": pieces.append(.one(1))
        case "b": pieces.append(.one(2))
        default: pieces.append(.one(4))
        }
        at += 1
      }
      return .pieces(pieces)
    }
  }

  /// A pattern and a path; what is left of the path when the pattern is at its end is below it.
  private static func match(_ pattern: ArraySlice<Component>, _ path: ArraySlice<Component>) -> Bool {
    guard let first = pattern.first else { return true }
    switch first {
    case .globstar:
      return match(pattern.dropFirst(), path) || (!path.isEmpty && match(pattern, path.dropFirst()))
    case .pieces(let pieces):
      guard case .pieces(let word)? = path.first else { return false }
      return meet(pieces[...], word[...]) && match(pattern.dropFirst(), path.dropFirst())
    }
  }

  private static func meet(_ one: ArraySlice<Component>, _ two: ArraySlice<Component>) -> Bool {
    guard let first = one.first, let second = two.first else { return true }
    switch (first, second) {
    case (.globstar, _): return meet(one.dropFirst(), two) || meet(one, two.dropFirst())
    case (_, .globstar): return meet(two, one)
    case (.pieces(let pieces), .pieces(let others)):
      return meet(pieces[...], others[...]) && meet(one.dropFirst(), two.dropFirst())
    }
  }

  private static func meet(_ one: ArraySlice<Piece>, _ two: ArraySlice<Piece>) -> Bool {
    switch (one.first, two.first) {
    case (nil, nil): return true
    case (.any?, nil): return meet(one.dropFirst(), two)
    case (.any?, .some): return meet(one.dropFirst(), two) || meet(one, two.dropFirst())
    case (_, .any?): return meet(two, one)
    case (.one(let mask)?, .one(let other)?):
      return mask & other != 0 && meet(one.dropFirst(), two.dropFirst())
    case (.one?, nil), (nil, .one?): return false
    }
  }
}

/// Patterns and paths by chance.
package enum GlobChance {
  package static func pattern(_ random: inout Seeded, depth: Int = 0) -> String {
    var text = ""
    let count = 1 + random.below(depth == 0 ? 4 : 2)
    for n in 0..<count {
      if n > 0 { text += "/" }
      text += random.chance(14) ? "**" : component(&random, depth)
    }
    return text
  }

  private static func component(_ random: inout Seeded, _ depth: Int) -> String {
    var text = ""
    for _ in 0...random.below(3) {
      switch random.below(10) {
      case 0, 1: if !text.hasSuffix("*") { text += "*" }
      case 2: text += "?"
      case 3: text += random.pick(["[ab]", "[!a]", "[!ab]", "[b]"])
      case 4:
        // A brace stands where no `**` can come of what is beside it.
        guard depth < 2, !text.hasSuffix("*") else { continue }
        let branches = (0...random.below(3)).map { _ in random.chance(12) ? "" : pattern(&random, depth: depth + 1) }
        text += "{" + branches.joined(separator: ",") + "}" + random.pick(["a", "b", "/a", "/b"])
      case 5, 6, 7: text += "a"
      default: text += "b"
      }
    }
    return text.isEmpty ? "a" : text
  }

  package static func path(_ random: inout Seeded) -> String {
    (0...random.below(5)).map { _ in
      String((0...random.below(3)).map { _ in random.pick(["a", "b", "b", "a", "c"]) as Character })
    }.joined(separator: "/")
  }
}
