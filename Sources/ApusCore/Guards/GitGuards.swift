/// The guards that stand without being asked for: no force pushes, no commits on the base.
package enum GitGuards {
  /// A command that adds a commit to the branch that is checked out where it runs.
  package struct Commit: Equatable, Sendable {
    /// The sub-command: `commit`, `merge`, …
    package var verb: String
    /// As `SimpleCommand.directory`; nil: not known where.
    package var directory: String?

    package init(verb: String, directory: String?) {
      self.verb = verb
      self.directory = directory
    }
  }

  private struct Call {
    var verb: String
    var arguments: ArraySlice<String>
    var options: [(name: String, value: String?)]
    var directory: String?
  }

  /// Why the command is a force push; nil where it is none.
  ///
  /// `--force`, `--force-with-lease`, `--force-if-includes`, `--mirror`, `-f` also among other letters, a refspec with
  /// `+`, and the same by `-c` on the command line. Deleting a branch is none.
  package static func forcePush(_ command: SimpleCommand) -> String? {
    guard let call = call(command), call.verb == "push" || call.verb == "send-pack" else { return nil }
    for option in call.options where option.name == "-c" {
      if let value = option.value, forces(setting: value) { return "the setting \(value) forces the push" }
    }
    var isOptions = true
    var takesValue = false
    for argument in call.arguments {
      if takesValue {
        takesValue = false
      } else if argument == "--" {
        isOptions = false
      } else if isOptions, argument.hasPrefix("--") {
        let name = argument.prefix { $0 != "=" }
        if name.hasPrefix("--force") || (name.count > 2 && "--mirror".hasPrefix(name)) {
          return "\(name) replaces what others may have pushed"
        }
        takesValue = ["--push-option", "--repo", "--receive-pack", "--exec"].contains(argument)
      } else if isOptions, argument.hasPrefix("-"), argument.count > 1 {
        let letters = argument.dropFirst()
        // The value of `-o` may hold any letter.
        let option = letters.firstIndex(of: "o")
        if letters[..<(option ?? letters.endIndex)].contains("f") {
          return "-f replaces what others may have pushed"
        }
        takesValue = option.map { letters.index(after: $0) == letters.endIndex } ?? false
      } else if argument.hasPrefix("+") {
        return "the refspec \(argument) forces the push"
      }
    }
    return nil
  }

  /// `remote.origin.push=+main`, `remote.origin.mirror=true`
  private static func forces(setting: String) -> Bool {
    guard let equals = setting.firstIndex(of: "=") else { return setting.lowercased().hasSuffix(".mirror") }
    let (name, value) = (setting[..<equals].lowercased(), setting[equals...].dropFirst())
    guard name.hasPrefix("remote.") else { return false }
    if name.hasSuffix(".push") { return value.hasPrefix("+") }
    return name.hasSuffix(".mirror") && !["false", "no", "off", "0", ""].contains(value.lowercased())
  }

  /// The commit that the command would make, and where.
  ///
  /// `commit`, `merge`, `cherry-pick`, `revert`, `am`, and `pull` that may merge. Not `merge` or `pull` with `--ff-only`,
  /// which only moves the branch; not `merge --squash`, `--no-commit`, `pull --rebase`, `--dry-run`, `--abort`, `--quit`
  /// and help, which make none. `rebase` and what writes references without a commit are not looked at.
  package static func commit(_ command: SimpleCommand) -> Commit? {
    guard let call = call(command), let without = harmless[call.verb] else { return nil }
    var isHarmless = false
    var takesValue = false
    for argument in call.arguments.prefix(while: { $0 != "--" }) {
      if !takesValue,
        argument == "-h" || argument == "--help" || without.contains(String(argument.prefix { $0 != "=" }))
      {
        isHarmless = isHarmless || !argument.hasSuffix("=false")
      }
      // A message may read as an option does.
      takesValue =
        !takesValue && argument.hasPrefix("-")
        && (argument.hasPrefix("--") ? valued.contains(argument) : argument.last.map { "mFCcX".contains($0) } ?? false)
    }
    // The later of two that contradict each other counts; that is left to those who write such a line.
    return isHarmless ? nil : Commit(verb: call.verb, directory: call.directory)
  }

  private static let valued: Set<String> = ["--message", "--file", "--author", "--date", "--strategy-option"]

  /// What makes no commit of each command that would make one.
  private static let harmless: [String: Set<String>] = [
    "commit": ["--dry-run"],
    "merge": ["--abort", "--quit", "--ff-only", "--squash", "--no-commit"],
    "cherry-pick": ["--abort", "--quit", "-n", "--no-commit"],
    "revert": ["--abort", "--quit", "-n", "--no-commit"],
    "am": ["--abort", "--quit", "--show-current-patch"],
    "pull": ["--ff-only", "--rebase", "-r", "--squash", "--no-commit", "--dry-run"],
  ]

  private static func call(_ command: SimpleCommand) -> Call? {
    guard let program = command.words.first, ProgramName(rawValue: ProgramName.of(program)) == .git else { return nil }
    let arguments = command.words.dropFirst()
    let rest = ProgramOptions.git.skipped(arguments)
    guard let verb = rest.first else { return nil }
    let options = ProgramOptions.git.found(arguments)
    var directory = command.directory
    for option in options {
      switch option.name {
      case "-C":
        guard let path = option.value, !path.isEmpty else { continue }
        directory = path.contains("$") ? nil : SimpleCommand.joined(directory, path)
      case "--git-dir", "--work-tree": directory = nil
      default: break
      }
    }
    return Call(verb: verb, arguments: rest.dropFirst(), options: options, directory: directory)
  }
}
