/// A set of paths in a repository, named by a path or a pattern; whether two of them meet is answered exactly.
///
/// Paths are relative, their components are separated by `/` and never empty. `*` is any run within a component, `?`
/// one character, `[a-m]` and `[!x]` (or `[^x]`) one of a class, `**` as a whole component any number of components,
/// also none; `{a,b}` are alternatives, which may hold `/` and each other, four deep; `\` takes the next character as
/// it is. Nothing but `/` and `**` ever matches a `/`. A dot at the beginning is a character as any other.
/// Whatever matches a pattern brings everything below it along: `src` holds `src/a.swift`, as `src/` and `src/*` do.
///
/// Characters are Unicode scalars, compared as they are; nothing is normalised.
package struct Glob: Sendable {
  package let text: String
  /// The path, without needless slashes, where no pattern was written; empty: the whole repository.
  package let literal: String?
  /// The components before the first that is a pattern: everything that matches is below.
  let directory: String
  private let automaton: GlobAutomaton?

  package static let longest = 4096
  /// Of a text with patterns in it: two of these meet within some milliseconds, whatever they hold.
  package static let longestPattern = 1024

  /// Fails with `usage` where the text is no pattern, leaves the repository, or can match nothing.
  package init(_ text: String) throws(Failure) {
    guard text.utf8.count <= Self.longest else { throw Self.tooLong(Self.longest) }
    let nodes = try GlobSyntax.parse(text)
    self.text = text
    (literal, directory) = Self.plain(nodes)
    if literal == nil {
      guard text.utf8.count <= Self.longestPattern else { throw Self.tooLong(Self.longestPattern) }
      guard let automaton = GlobAutomaton(nodes) else { throw GlobSyntax.failure(text, "it matches nothing") }
      self.automaton = automaton
    } else {
      automaton = nil
    }
  }

  /// The path itself, whatever characters are in it.
  package init(path: String) {
    let plain = Self.components(path).joined(separator: "/")
    text = Self.escaped(path)
    literal = plain
    directory = plain
    automaton = nil
  }

  package var isLiteral: Bool { literal != nil }

  /// A pattern that means just this path.
  package static func escaped(_ path: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in path.unicodeScalars {
      if #"*?[]{}\"#.unicodeScalars.contains(scalar) { result.append("\\") }
      result.append(scalar)
    }
    return String(result)
  }

  package func matches(_ path: String) -> Bool {
    let path = Self.components(path).joined(separator: "/")
    if let literal { return Self.holds(literal, path) }
    return automaton?.matches(path) ?? false
  }

  /// Whether there is a path that both match. Exact; the work is bounded by the product of their lengths.
  package func meets(_ other: Glob) -> Bool {
    // Most pairs lie in directories apart, and no machine need be asked.
    guard Self.holds(directory, other.directory) || Self.holds(other.directory, directory) else { return false }
    return switch (literal, other.literal) {
    case (.some, .some): true
    case (let path?, nil): other.automaton?.meets(path) ?? false
    case (nil, let path?): automaton?.meets(path) ?? false
    case (nil, nil): Self.meet(automaton, other.automaton)
    }
  }

  private static func meet(_ one: GlobAutomaton?, _ two: GlobAutomaton?) -> Bool {
    guard let one, let two else { return false }
    return one.meets(two)
  }

  private static func holds(_ directory: String, _ path: String) -> Bool {
    let (directory, path) = (directory.utf8, path.utf8)
    guard path.starts(with: directory) else { return false }
    return directory.isEmpty || path.count == directory.count
      || path[path.index(path.startIndex, offsetBy: directory.count)] == UInt8(ascii: "/")
  }

  private static func components(_ path: String) -> [Substring] {
    path.split(separator: "/").filter { $0 != "." }
  }

  private static func plain(_ nodes: [GlobNode]) -> (literal: String?, directory: String) {
    var path = String.UnicodeScalarView()
    for node in nodes {
      switch node {
      case .character(let scalar): path.append(scalar)
      case .separator: path.append("/")
      case .classOf, .run, .components, .alternatives:
        let whole = components(String(path))
        return (nil, (path.last == "/" ? whole[...] : whole.dropLast()).joined(separator: "/"))
      }
    }
    let whole = components(String(path)).joined(separator: "/")
    return (whole, whole)
  }

  private static func tooLong(_ most: Int) -> Failure {
    Failure(.usage, "a pattern is longer than \(most) bytes", hint: "name the directory instead: it holds all below it")
  }
}

/// Two are equal where they are the same path, or written the same.
extension Glob: Hashable {
  package static func == (one: Glob, two: Glob) -> Bool {
    one.isLiteral == two.isLiteral && one.identity.utf8.elementsEqual(two.identity.utf8)
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(identity) }

  private var identity: String { literal ?? text }
}
