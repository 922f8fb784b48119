import ApusCore
import ApusLink
import CSystem
import Glibc

/// The command line: finds the command, fills and runs it, and turns what it throws into words and an exit code.
package enum CommandLineTool {
  package static func run(_ arguments: [String]) -> Int32 {
    apus_ignore_pipe_signal()
    if arguments.first == "claude" { return claude(Array(arguments.dropFirst())) }
    var arguments = arguments
    let isJSON = takeFlag("--json", from: &arguments)
    let color = takeOption("--color", from: &arguments)
    let environment = Environment.current()
    let output = Output(color: color, environment: environment)
    do throws(Failure) {
      guard color == nil || ["auto", "always", "never"].contains(color) else {
        throw Failure(.usage, "--color takes auto, always or never", hint: "`apus --help`")
      }
      let context = Context(
        environment: environment, directory: try currentDirectory(environment), isJSON: isJSON, output: output)
      return try dispatch(arguments, context)
    } catch {
      output.fail(error, isJSON: isJSON)
      return error.code.exitCode
    }
  }

  /// `apus claude`, `apus-claude`: every word behind it is claude's.
  package static func claude(_ arguments: [String]) -> Int32 {
    apus_ignore_pipe_signal()
    let environment = Environment.current()
    let output = Output(color: nil, environment: environment)
    do throws(Failure) {
      return try ClaudeCommand.run(
        arguments,
        Context(
          environment: environment, directory: try currentDirectory(environment), isJSON: false, output: output))
    } catch {
      output.fail(error, isJSON: false)
      return error.code.exitCode
    }
  }

  private static func dispatch(_ arguments: [String], _ context: Context) throws(Failure) -> Int32 {
    guard let name = arguments.first else {
      context.output.write(HelpText.overview)
      return 2
    }
    if name == "--help" || name == "-h" {
      context.output.write(HelpText.overview)
      return 0
    }
    guard let type = Commands.find(name == "--version" ? "version" : name) else {
      let near = Commands.all.map { $0.about.name }.filter { $0.hasPrefix(name.prefix(2)) }.joined(separator: ", ")
      throw Failure(
        .usage, "there is no command \"\(SessionName.excerpt(name))\"\(near.isEmpty ? "" : "; did you mean \(near)?")",
        hint: "`apus --help` lists the commands")
    }
    let rest = Array(arguments.dropFirst())
    if rest.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) {
      context.output.write(HelpText.of(type))
      return 0
    }
    return try perform(type.init(), rest, context)
  }

  private static func perform(
    _ command: any Command, _ arguments: [String], _ context: Context
  ) throws(Failure) -> Int32 {
    try Usage.fill(command, with: arguments)
    return try command.run(context)
  }

  /// `--json` and `--color` may stand anywhere, also before the command; what follows `--` is not looked at.
  private static func takeFlag(_ name: String, from arguments: inout [String]) -> Bool {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    guard let index = arguments[..<end].firstIndex(of: name) else { return false }
    arguments.remove(at: index)
    return true
  }

  private static func takeOption(_ name: String, from arguments: inout [String]) -> String? {
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    for index in arguments[..<end].indices {
      if arguments[index].hasPrefix(name + "=") { return String(arguments.remove(at: index).dropFirst(name.count + 1)) }
      if arguments[index] == name, index + 1 < end {
        arguments.remove(at: index)
        return arguments.remove(at: index)
      }
    }
    return nil
  }

  private static func currentDirectory(_ environment: [String: String]) throws(Failure) -> String {
    guard let found = getcwd(nil, 0) else {
      throw Failure(.directoryMissing, "the directory this was called in is gone", hint: "cd to one that is there")
    }
    defer { free(found) }
    let real = String(cString: found)
    // The shell's own name for it, where it is one: a person who went through a link sees that link.
    var here = stat()
    var named = stat()
    if let path = environment["PWD"], path.hasPrefix("/"), stat(path, &named) == 0, stat(real, &here) == 0,
      named.st_dev == here.st_dev, named.st_ino == here.st_ino
    {
      return path
    }
    return real
  }
}
