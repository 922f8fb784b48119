/// Programs that run another program, and how their own arguments end.
private struct Wrapper {
  /// One-letter options that take a value, and long ones.
  var valued = ""
  var longs: [String] = []
  /// Arguments of its own before the other program.
  var operands = 0
  /// `NAME=value` may stand before the other program.
  var takesAssignments = false
  /// It is part of the shell: a `cd` behind it counts.
  var isBuiltIn = false

  static let all: [String: Wrapper] = [
    "sudo": Wrapper(
      valued: "ughpCTDrtRU",
      longs: ["user", "group", "host", "prompt", "chdir", "role", "type", "chroot", "other-user"],
      takesAssignments: true),
    "doas": Wrapper(valued: "uC"),
    "env": Wrapper(valued: "uC", longs: ["unset", "chdir"], takesAssignments: true),
    "time": Wrapper(valued: "fo", longs: ["format", "output"]),
    "nohup": Wrapper(),
    "setsid": Wrapper(),
    "exec": Wrapper(valued: "a", isBuiltIn: true),
    "command": Wrapper(isBuiltIn: true),
    "builtin": Wrapper(isBuiltIn: true),
    "timeout": Wrapper(valued: "sk", longs: ["signal", "kill-after"], operands: 1),
    "nice": Wrapper(valued: "n", longs: ["adjustment"]),
    "ionice": Wrapper(valued: "cn", longs: ["class", "classdata"]),
    "stdbuf": Wrapper(valued: "ioe", longs: ["input", "output", "error"]),
    "xargs": Wrapper(
      valued: "ILnPsEdaJRS",
      longs: ["replace", "max-lines", "max-args", "max-procs", "max-chars", "delimiter", "arg-file"]),
    "flock": Wrapper(valued: "wE", longs: ["timeout", "conflict-exit-code"], operands: 1),
    "caffeinate": Wrapper(valued: "tw"),
    "unbuffer": Wrapper(),
    "busybox": Wrapper(),
  ]

  /// What follows the wrapper's own arguments.
  func rest(_ words: ArraySlice<ShellWord>) -> ArraySlice<ShellWord> {
    var words = Self.withoutOptions(words, valued: valued, longs: longs)
    if takesAssignments { words = words.drop { $0.assigned != nil } }
    return words.dropFirst(operands)
  }

  static func withoutOptions(
    _ words: ArraySlice<ShellWord>, valued: String, longs: [String]
  ) -> ArraySlice<ShellWord> {
    var words = words
    while let option = words.first?.text, option.hasPrefix("-") {
      words = words.dropFirst()
      if option == "--" { break }
      if option.hasPrefix("--") {
        if longs.contains(where: { option == "--" + $0 }) { words = words.dropFirst() }
      } else if let letter = option.dropFirst().firstIndex(where: { valued.contains($0) }),
        option.index(after: letter) == option.endIndex
      {
        words = words.dropFirst()
      }
    }
    return words
  }
}

extension ShellHarvest {
  enum Outcome: Equatable {
    case none
    /// The shell itself is elsewhere now.
    case moved(to: String?)
    /// It is a shell that takes its commands from what it is given to read.
    case readsScript
  }

  private static let deepestWrapping = 16
  private static let shells: Set<String> = ["sh", "bash", "zsh", "dash", "ksh", "ash"]

  /// Adds a command and what it runs in turn.
  func run(_ words: [ShellWord], in directory: String?, level: Int, nesting: Int) -> Outcome {
    var words = words[...]
    var directory = directory
    var isShell = true
    for _ in 0..<Self.deepestWrapping {
      guard let first = words.first, !isStopped else { return .none }
      add(words, in: directory)
      let program = String(first.text.split(separator: "/").last ?? "")
      let rest = words.dropFirst()
      if Self.shells.contains(program) { return shell(rest, directory, level, nesting) }
      switch program {
      case "cd", "pushd": return isShell ? .moved(to: Self.target(rest, from: directory)) : .none
      case "popd": return isShell ? .moved(to: nil) : .none
      case "eval": return reread(rest, directory, level, nesting)
      case "trap":
        return reread(Wrapper.withoutOptions(rest, valued: "", longs: []).prefix(1), directory, level, nesting)
      case "watch":
        return reread(
          Wrapper.withoutOptions(rest, valued: "n", longs: ["interval"]), directory, level, nesting)
      case "su": return reread(Self.afterOption("-c", rest).prefix(1), directory, level, nesting)
      case "find":
        runFound(rest, directory, level, nesting)
        return .none
      case "command" where rest.first.map { $0.text == "-v" || $0.text == "-V" } ?? false: return .none
      default: break
      }
      guard let wrapper = Wrapper.all[program] else { return .none }
      if program == "env" {
        if let text = Self.splitText(rest) { return reread(text, directory, level, nesting) }
        directory = Self.changed(directory, by: rest)
      }
      isShell = isShell && wrapper.isBuiltIn
      words = wrapper.rest(rest)
      if program == "flock", words.first?.text == "-c" {
        return reread(words.dropFirst().prefix(1), directory, level, nesting)
      }
    }
    stop()
    return .none
  }

  /// `bash -c TEXT`, `bash -lc TEXT`, `bash FILE`, or `bash` alone.
  private func shell(_ words: ArraySlice<ShellWord>, _ directory: String?, _ level: Int, _ nesting: Int) -> Outcome {
    var words = words
    var (takesText, readsInput) = (false, false)
    while let option = words.first?.text, option.hasPrefix("-") || option.hasPrefix("+") {
      words = words.dropFirst()
      if option == "--" || option == "-" { break }
      if option == "--rcfile" || option == "--init-file" { words = words.dropFirst() }
      guard !option.hasPrefix("--") else { continue }
      if option.contains("c") { takesText = true }
      if option.contains("s") { readsInput = true }
      if option.hasSuffix("o") || option.hasSuffix("O") { words = words.dropFirst() }
    }
    if takesText { return reread(words.prefix(1), directory, level, nesting) }
    return readsInput || words.isEmpty ? .readsScript : .none
  }

  private func reread(
    _ words: ArraySlice<ShellWord>, _ directory: String?, _ level: Int, _ nesting: Int
  ) -> Outcome {
    guard !words.isEmpty else { return .none }
    let text = words.map(\.text).joined(separator: " ")
    script(Array(text.utf8), directory: directory, level: level + 1, nesting: nesting + 1)
    return .none
  }

  /// `find … -exec PROGRAM … ;`
  private func runFound(_ words: ArraySlice<ShellWord>, _ directory: String?, _ level: Int, _ nesting: Int) {
    guard nesting < Self.deepestNesting else { return stop() }
    var words = words
    while let at = words.firstIndex(where: { ["-exec", "-execdir", "-ok", "-okdir"].contains($0.text) }) {
      words = words[(at + 1)...]
      let command = words.prefix { $0.text != ";" && $0.text != "+" }
      words = words.dropFirst(command.count)
      guard spend(command.count) else { return }
      _ = run(Array(command), in: directory, level: level, nesting: nesting + 1)
    }
  }

  private static func afterOption(_ option: String, _ words: ArraySlice<ShellWord>) -> ArraySlice<ShellWord> {
    words.firstIndex { $0.text == option }.map { words[($0 + 1)...] } ?? []
  }

  /// `env -S 'PROGRAM ARGUMENTS'`
  private static func splitText(_ words: ArraySlice<ShellWord>) -> ArraySlice<ShellWord>? {
    for (n, word) in words.enumerated() where word.text.hasPrefix("-") {
      for option in ["-S", "--split-string=", "-iS", "-vS"] where word.text.hasPrefix(option) {
        let attached = ShellWord(text: String(word.text.dropFirst(option.count)))
        return ([attached] + words.dropFirst(n + 1))[...]
      }
      if word.text == "--split-string" { return words.dropFirst(n + 1) }
    }
    return nil
  }

  /// `env -C DIRECTORY`
  private static func changed(_ directory: String?, by words: ArraySlice<ShellWord>) -> String? {
    for (n, word) in words.enumerated() {
      guard word.text.hasPrefix("-") else { return directory }
      if word.text == "-C" || word.text == "--chdir" {
        return target(words.dropFirst(n + 1).prefix(1), from: directory)
      }
    }
    return directory
  }

  private static func target(_ words: ArraySlice<ShellWord>, from directory: String?) -> String? {
    let words = words.first?.text == "-" ? words : Wrapper.withoutOptions(words, valued: "", longs: [])
    guard let word = words.first, word.isExact, word.text != "-" else { return nil }
    return SimpleCommand.joined(directory, word.text)
  }
}

extension SimpleCommand {
  /// A directory as seen from another; nil where the other is not known.
  static func joined(_ directory: String?, _ path: String) -> String? {
    let path = path.utf8.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    if path.hasPrefix("/") || path.hasPrefix("~") { return path }
    guard let directory, directory.utf8.count + path.utf8.count < 4096, !path.isEmpty else { return nil }
    if path == "." { return directory }
    return directory == "." ? path : directory + (directory.hasSuffix("/") ? "" : "/") + path
  }
}
