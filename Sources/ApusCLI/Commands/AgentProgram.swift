import ApusCore
import Glibc

/// Finds the program an agent is started from.
enum AgentProgram {
  /// A path as it is; a name through the caller's PATH.
  static func find(_ name: String, environment: [String: String], directory: String) throws(Failure) -> String {
    if name.contains("/") {
      let path = name.hasPrefix("/") ? name : directory + "/" + name
      guard isProgram(path) else { throw missing("there is no program at \(Usage.printable(path))") }
      return path
    }
    for place in (environment["PATH"] ?? "").split(separator: ":") {
      let path = "\(place)/\(name)"
      if path.hasPrefix("/"), isProgram(path) { return path }
    }
    throw missing("there is no `\(Usage.printable(name))` in PATH")
  }

  private static func isProgram(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  private static func missing(_ what: String) -> Failure {
    Failure(.agentMissing, what, hint: "install Claude Code, or say where its program is with APUS_CLAUDE=PATH")
  }
}
