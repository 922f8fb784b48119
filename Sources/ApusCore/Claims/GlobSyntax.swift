/// One piece of a pattern.
enum GlobNode: Equatable, Sendable {
  case character(Unicode.Scalar)
  /// One character of these, never `/`; by `GlobSyntax.code`, in order and apart.
  case classOf([ClosedRange<UInt32>])
  case separator
  /// `*`
  case run
  /// `**`, which is more than `*` only where it is a whole component.
  case components
  indirect case alternatives([[GlobNode]])
}

/// How a pattern is written.
struct GlobSyntax {
  static let deepest = 4
  /// The largest code of a scalar.
  static let last: UInt32 = 0x10F7FF
  static let slash: UInt32 = 0x2F
  /// Any character but `/`; no path holds the character 0.
  static let notSlash: [ClosedRange<UInt32>] = [1...slash - 1, slash + 1...last]

  private let text: String
  private let scalars: [Unicode.Scalar]
  private var at = 0

  private init(_ text: String) {
    self.text = text
    scalars = Array(text.unicodeScalars)
  }

  static func parse(_ text: String) throws(Failure) -> [GlobNode] {
    var syntax = GlobSyntax(text)
    guard let first = syntax.scalars.first else { throw failure(text, "it is empty; the whole repository is `.`") }
    guard first != "/" else { throw failure(text, "it begins with `/`; paths begin at the top of the repository") }
    guard !syntax.scalars.contains("\0") else { throw failure(text, "it holds the character 0") }
    return try syntax.sequence(depth: 0)
  }

  static func failure(_ text: String, _ reason: String) -> Failure {
    let shown = text.count > 60 ? text.prefix(60) + "…" : text[...]
    return Failure(
      .usage, "\"\(SessionName.printable(String(shown)))\" is no pattern of paths: \(reason)",
      hint:
        #"write a path or a pattern as in `apus claim add 'src/**/*.swift'`; `\` before * ? [ { takes them as they are"#
    )
  }

  /// The number of a scalar among all scalars: without the gap of the surrogates, every number is one.
  static func code(_ scalar: Unicode.Scalar) -> UInt32 { scalar.value >= 0xE000 ? scalar.value - 0x800 : scalar.value }

  private func failure(_ reason: String) -> Failure { Self.failure(text, reason) }

  private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
    at + offset < scalars.count ? scalars[at + offset] : nil
  }

  private mutating func sequence(depth: Int) throws(Failure) -> [GlobNode] {
    var nodes: [GlobNode] = []
    while let scalar = peek() {
      if depth > 0, scalar == "," || scalar == "}" { return nodes }
      if depth == 0, at == 0 || scalars[at - 1] == "/", let dots = try dotsAlone() {
        at += dots
        continue
      }
      at += 1
      switch scalar {
      case "/": nodes.append(.separator)
      case "?": nodes.append(.classOf(Self.notSlash))
      case "*": nodes.append(stars())
      case "[": nodes.append(try characterClass())
      case "{": nodes.append(try alternatives(depth: depth + 1))
      case "\\": nodes.append(try escaped() == "/" ? .separator : .character(scalars[at - 1]))
      default: nodes.append(.character(scalar))
      }
    }
    return nodes
  }

  /// The length of a component that is `.`; nil for any other.
  private func dotsAlone() throws(Failure) -> Int? {
    guard peek() == "." else { return nil }
    if peek(1) == nil || peek(1) == "/" { return 1 }
    if peek(1) == ".", peek(2) == nil || peek(2) == "/" { throw failure("`..` may leave the repository") }
    return nil
  }

  private mutating func stars() -> GlobNode {
    var count = 1
    while peek() == "*" {
      at += 1
      count += 1
    }
    return count == 1 ? .run : .components
  }

  private mutating func escaped() throws(Failure) -> Unicode.Scalar {
    guard let scalar = peek() else { throw failure("it ends with a lone `\\`") }
    at += 1
    return scalar
  }

  private mutating func alternatives(depth: Int) throws(Failure) -> GlobNode {
    guard depth <= Self.deepest else { throw failure("its braces are more than \(Self.deepest) deep") }
    var branches: [[GlobNode]] = []
    while true {
      branches.append(try sequence(depth: depth))
      guard let end = peek() else { throw failure("a `{` is not closed") }
      at += 1
      if end == "}" { return .alternatives(branches) }
    }
  }

  private mutating func characterClass() throws(Failure) -> GlobNode {
    let isNegated = peek() == "!" || peek() == "^"
    if isNegated { at += 1 }
    var ranges: [ClosedRange<UInt32>] = []
    var isFirst = true
    while true {
      guard let scalar = peek() else { throw failure("a `[` is not closed") }
      at += 1
      if scalar == "]", !isFirst { break }
      isFirst = false
      if scalar == "[", peek() == ":" { throw failure("classes by name such as [:alpha:] are not known") }
      let low = scalar == "\\" ? try escaped() : scalar
      var high = low
      if peek() == "-", let next = peek(1), next != "]" {
        at += 2
        high = next == "\\" ? try escaped() : next
      }
      guard low <= high else { throw failure("the range \(low)-\(high) is empty") }
      ranges.append(Self.code(low)...Self.code(high))
    }
    return .classOf(Self.allowed(ranges, isNegated: isNegated))
  }

  /// What of the ranges, or of all but them, may be in a component.
  private static func allowed(_ ranges: [ClosedRange<UInt32>], isNegated: Bool) -> [ClosedRange<UInt32>] {
    let others = isNegated ? ranges : complement(ranges)
    return complement(others + [0...0, slash...slash])
  }

  private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { result.append(next...range.lowerBound - 1) }
      next = max(next, range.upperBound + 1)
    }
    if next <= last { result.append(next...last) }
    return result
  }
}
