/// What of a tree is watched, git aside.
package struct WatchRule: Equatable, Sendable {
  /// Directories that are never watched, wherever they are: what tools make, and what is ours.
  package static let neverNames: Set<String> = [
    ".git", ".hg", ".svn", ".jj", "venv", ".venv", "__pycache__", "node_modules", ".build", "target", ".apus",
    ".claude",
    ".mypy_cache", ".pytest_cache", ".ruff_cache",
  ]
  /// Where agents put what is theirs alone.
  package static let usualNever = ["/tmp/raisc-agent-*"]

  /// Paths a person does not want watched, relative to the directory the command was called in.
  private let ignored: [Glob]
  /// Absolute patterns.
  private let never: [Glob]
  private let base: String

  /// `base`: what relative patterns are relative to, an absolute path. Throws where one is no pattern.
  package init(ignore: [String], never: [String], base: String) throws(Failure) {
    self.base = base == "/" ? "" : base
    var ignored: [Glob] = []
    for text in ignore {
      // As in .gitignore: a name alone means it wherever it is.
      let trimmed = text.hasSuffix("/") ? String(text.dropLast()) : text
      if trimmed.hasPrefix("/") {
        ignored.append(try Glob(String(trimmed.drop { $0 == "/" })))
        continue
      }
      let pattern = trimmed.hasPrefix("./") ? String(trimmed.dropFirst(2)) : trimmed
      ignored.append(try Glob(trimmed.contains("/") ? pattern : "**/" + pattern))
    }
    self.ignored = ignored
    self.never = try (Self.usualNever + never).map { text throws(Failure) in
      guard text.hasPrefix("/") else {
        throw Failure(
          .configurationInvalid, "neverWatch: \"\(SessionName.excerpt(text, of: 80))\" is not an absolute path",
          hint: "begin it with /; what is inside the project belongs into \"ignore\"")
      }
      return try Glob(String(text.drop { $0 == "/" }))
    }
  }

  /// Whether a directory's entry is watched; `path` is absolute, without a final slash.
  package func allows(name: String, path: String, isDirectory: Bool) -> Bool {
    if isDirectory, Self.neverNames.contains(name) { return false }
    if !never.isEmpty, never.contains(where: { $0.matches(path) }) { return false }
    guard !ignored.isEmpty else { return true }
    if path.hasPrefix(base + "/") {
      let relative = String(path.dropFirst(base.count + 1))
      if ignored.contains(where: { $0.matches(relative) }) { return false }
    }
    return !ignored.contains { $0.matches(path) }
  }
}
