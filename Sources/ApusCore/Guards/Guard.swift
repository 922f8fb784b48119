/// A pattern of commands tied to a lock: whoever would run one has the lock first.
package struct Guard: Codable, Equatable, Sendable {
  /// Word by word, as in `docker compose *`: `*` is any run of characters and `?` one, within a word; ` *` at the end is
  /// any number of words, also none. Without it nothing may follow. `*` alone is every command.
  package var pattern: String
  package var lock: String
  /// A command that says when the thing is healthy; until then the lock is kept.
  package var verify: String?
  /// How long a session's call may wait for the lock before it is refused and queued.
  package var waitSeconds: Double?
  /// How long `verify` is tried before the lock is given back all the same.
  package var verifySeconds: Double?
  /// What becomes of the lock when its holder dies, as `--on-death` has it.
  package var onDeath: String?

  package init(
    pattern: String, lock: String, verify: String? = nil, waitSeconds: Double? = nil, onDeath: String? = nil
  ) {
    self.pattern = pattern
    self.lock = lock
    self.verify = verify
    self.waitSeconds = waitSeconds
    self.onDeath = onDeath
  }

  /// Whether the command is one of the pattern's.
  ///
  /// A program named without `/` is meant wherever it lies. What docker, its compose and git take before their
  /// sub-command (`docker --context x compose -f y up`) may be there or not; other programs are taken word by word.
  package func matches(_ command: SimpleCommand) -> Bool {
    let pattern = pattern.split { $0 == " " || $0 == "\t" }
    guard let program = pattern.first, let name = command.words.first else { return false }
    if pattern == ["*"] { return true }
    let arguments = Array(command.words.dropFirst())
    let isProgram =
      program.contains("/")
      ? Wildcard.matches(program, name) : Wildcard.matches(program, ProgramName.of(name))
    guard isProgram else { return false }
    var forms = [arguments[...]]
    switch ProgramName(rawValue: ProgramName.of(name)) {
    case .docker:
      let plain = ProgramOptions.docker.skipped(forms[0])
      forms.append(plain)
      if let first = plain.first, first == "compose" {
        forms.append([first] + ProgramOptions.compose.skipped(plain.dropFirst()))
      }
    case .git: forms.append(ProgramOptions.git.skipped(forms[0]))
    case nil: break
    }
    return forms.contains { Self.fits($0, pattern.dropFirst()) }
  }

  private static func fits(_ words: ArraySlice<String>, _ pattern: ArraySlice<Substring>) -> Bool {
    let isOpen = pattern.last == "*"
    let pattern = isOpen ? pattern.dropLast() : pattern
    guard isOpen ? words.count >= pattern.count : words.count == pattern.count else { return false }
    return zip(words, pattern).allSatisfy { Wildcard.matches($1, $0) }
  }
}

/// Programs whose way of taking options is known here.
enum ProgramName: String {
  case docker
  case git

  /// The last component of a program's path.
  static func of(_ program: String) -> String {
    program.split(separator: "/").last.map { String($0) } ?? program
  }
}

/// What a program takes before its sub-command.
struct ProgramOptions {
  /// Options that take the next word; with `=`, or a letter's value attached, they are one word.
  var valued: Set<String>

  static let docker = ProgramOptions(
    valued: [
      "--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey",
    ])
  static let compose = ProgramOptions(
    valued: [
      "-f", "--file", "-p", "--project-name", "--profile", "--env-file", "--project-directory", "--parallel", "--ansi",
      "--progress",
    ])
  static let git = ProgramOptions(
    valued: [
      "-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env", "--attr-source",
      "--shallow-file",
    ])

  /// The words from the sub-command on.
  func skipped(_ words: ArraySlice<String>) -> ArraySlice<String> { words.dropFirst(split(words).count) }

  /// The options before the sub-command, with the value of those that take one.
  func found(_ words: ArraySlice<String>) -> [(name: String, value: String?)] { split(words).options }

  private func split(_ words: ArraySlice<String>) -> (options: [(name: String, value: String?)], count: Int) {
    var options: [(name: String, value: String?)] = []
    var rest = words
    while let word = rest.first, word.hasPrefix("-"), word.count > 1 {
      rest = rest.dropFirst()
      if word == "--" { break }
      if valued.contains(word) {
        options.append((word, rest.first))
        rest = rest.dropFirst()
      } else if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
        options.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
      } else {
        options.append((word, nil))
      }
    }
    return (options, words.count - rest.count)
  }
}

/// `*` and `?` within one word.
enum Wildcard {
  static func matches(_ pattern: Substring, _ text: String) -> Bool {
    let (pattern, text) = (Array(pattern.unicodeScalars), Array(text.unicodeScalars))
    var (p, t) = (0, 0)
    // Where the last `*` stands, and how far it reaches: only that one is ever made longer.
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let (from, reached) = star {
        star = (from, reached + 1)
        p = from + 1
        t = reached + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
