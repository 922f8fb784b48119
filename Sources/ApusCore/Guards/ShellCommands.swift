/// A program with its arguments, as a shell would start it.
package struct SimpleCommand: Equatable, Sendable {
  /// Quotes and escapes are taken away; what the shell would fill in stays as written (`$HOME`), or is `$…`.
  package var words: [String]
  /// Where it runs, seen from where the line begins: `.` there, `a/b` after `cd a && cd b`, `/x` or `~/x` as written.
  /// Nil: not known (`cd "$DIR"`, `cd -`, after a branch that may have gone elsewhere).
  package var directory: String?

  package init(_ words: [String], directory: String? = ".") {
    self.words = words
    self.directory = directory
  }
}

/// The simple commands that a line of a shell (Bash) would run: in lists, pipelines, loops, subshells, substitutions,
/// behind `sudo`, `env`, `xargs`, in the text of `bash -c` and `eval`, in here-documents that a shell reads.
///
/// A program that runs another is there itself and followed by the other. Branches are all taken, loops once. It is a
/// reading, no proof: names made up while the line runs (`$CMD push`, aliases, scripts, text piped into a shell) are
/// not seen. The work is bounded by the length; whatever the bytes, there is an answer.
package struct ShellCommands: Equatable, Sendable {
  package var commands: [SimpleCommand]
  /// False where the line ends within a quote or a bracket, or is too deep or too much to be read to its end. Whoever
  /// must be sure refuses such a line.
  package var isComplete: Bool

  package init(_ line: String) {
    let harvest = ShellHarvest(length: line.utf8.count)
    harvest.script(Array(line.utf8), directory: ".", level: 0, nesting: 0)
    commands = harvest.commands
    isComplete = harvest.isComplete
  }
}

/// One word of a line.
struct ShellWord: Equatable {
  var text: String
  /// Nothing in it is filled in by the shell.
  var isExact = true
  /// Some of it is quoted; what is before that has this many bytes.
  var plainLength: Int?
  /// `name()`: a function is defined.
  var isFunction = false

  var isQuoted: Bool { plainLength != nil }

  /// `NAME=value` before a command, as the shell sees it.
  var isAssignment: Bool {
    guard let assigned else { return false }
    return assigned.utf8.count < plainLength ?? .max
  }

  /// `NAME=value`: the name.
  var assigned: Substring? {
    guard let equals = text.firstIndex(of: "=") else { return nil }
    var name = text[..<equals]
    if name.last == "+" { name = name.dropLast() }
    if let bracket = name.firstIndex(of: "[") { name = name[..<bracket] }
    let fits = name.utf8.first.map { !(48...57).contains($0) } ?? false
    return fits && name.utf8.allSatisfy(ShellReader.isName) ? name : nil
  }
}

/// What was found so far, and how much may still be done.
final class ShellHarvest {
  private(set) var commands: [SimpleCommand] = []
  private(set) var isComplete = true
  /// No more is read.
  private(set) var isStopped = false
  private var work: Int

  static let most = 20_000
  static let deepestScript = 8
  static let deepestNesting = 100

  init(length: Int) { work = 16 * length + 10_000 }

  func leaveIncomplete() { isComplete = false }

  func stop() {
    isComplete = false
    isStopped = true
  }

  /// Whether there is enough left for so many more bytes.
  func spend(_ bytes: Int) -> Bool {
    work -= bytes
    if work < 0 { stop() }
    return !isStopped
  }

  func add(_ words: some Sequence<ShellWord>, in directory: String?) {
    guard commands.count < Self.most else { return stop() }
    let words = words.map(\.text)
    if spend(words.count) { commands.append(SimpleCommand(words, directory: directory)) }
  }

  /// Reads a text as a shell does.
  func script(_ text: [UInt8], directory: String?, level: Int, nesting: Int) {
    guard level <= Self.deepestScript, nesting <= Self.deepestNesting else { return stop() }
    guard spend(text.count) else { return }
    var reader = ShellReader(text, directory: directory, level: level, nesting: nesting, harvest: self)
    reader.list(until: nil)
  }
}
