import ApusCore
import ApusWire
import CSystem
import Glibc

struct ShellCommand: Command {
  static let about = About(
    name: "shell", group: .place, summary: "a shell, or a command, in a session's place",
    example: "apus shell add-auth -- make test",
    more: "In its directory, with its environment: the same ports and variables its agent has. The exit code is the "
      + "command's.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Operands("CMD", help: "a command and its arguments, behind --") var command

  /// What belongs to the terminal somebody sits at, not to the session.
  private static let terminals = [
    "TERM", "COLORTERM", "TERM_PROGRAM", "COLUMNS", "LINES", "NO_COLOR", "SSH_AUTH_SOCK", "DISPLAY", "WAYLAND_DISPLAY",
  ]

  func run(_ context: Context) throws(Failure) -> Int32 {
    let place: PlaceObject = try context.ask(.place, SessionRequest(session: name))
    var environment = place.environment
    for key in Self.terminals { if let value = context.environment[key] { environment[key] = value } }
    environment["PWD"] = place.directory
    guard chdir(place.directory) == 0 else {
      throw Failure(
        .directoryMissing, "\(place.directory): \(String(cString: apus_error_text(errno)))",
        hint: "`apus show \(place.name)` says where it works")
    }
    let shell = environment["SHELL"].flatMap { $0.isEmpty ? nil : $0 } ?? "/bin/sh"
    let words = command.isEmpty ? [shell] : command
    // Nothing is read by a shell but what is meant for one.
    let program = try ProgramSearch.find(words[0], environment["PATH"] ?? "/usr/bin:/bin")
    var arguments = words.map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    execve(program, &arguments, &variables)
    throw Failure(
      .usage, "\(program): \(String(cString: apus_error_text(errno)))", hint: "name a program that can be run")
  }
}

struct EnvCommand: Command {
  static let about = About(
    name: "env", group: .place, summary: "the variables of a session's place", example: "eval \"$(apus env add-auth)\"",
    more: "Ports, profile and name, as lines a shell takes. --all: its whole environment.")

  @Operand("NAME", help: "a session", completes: .sessions) var name
  @Flag("--all", help: "everything its agent has") var all

  func run(_ context: Context) throws(Failure) -> Int32 {
    let place: PlaceObject = try context.ask(.place, SessionRequest(session: name))
    let variables = all ? place.environment : place.variables
    if context.isJSON {
      context.output.json(variables)
    } else {
      for (key, value) in variables.sorted(by: { $0.key < $1.key }) where Self.isName(key) {
        context.output.write("export \(key)=\(Self.quoted(value))\n")
      }
    }
    return 0
  }

  private static func isName(_ key: String) -> Bool {
    key.utf8.first.map { !(48...57).contains($0) } == true
      && key.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95 }
  }

  private static func quoted(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
          || "_-./:,@%+=".utf8.contains(byte)
      }
    return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
  }
}

struct PathCommand: Command {
  static let about = About(
    name: "path", group: .place, summary: "where a session works", example: "cd \"$(apus path add-auth)\"")

  @Operand("NAME", help: "a session", completes: .sessions) var name

  func run(_ context: Context) throws(Failure) -> Int32 {
    let place: PlaceObject = try context.ask(.place, SessionRequest(session: name))
    if context.isJSON {
      context.output.json(["directory": place.directory])
    } else {
      context.output.write(place.directory + "\n")
    }
    return 0
  }
}
