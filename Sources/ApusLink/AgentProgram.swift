import ApusCore
import CSystem
import Glibc

/// Finds the program an agent is started from.
package enum AgentProgram {
  /// A path as it is; a name through the caller's PATH. Never what stands there in an agent's place and is ours: it would
  /// find itself for ever. `beside`: the directory of our programs, where it is not that of this one.
  package static func find(
    _ name: String, environment: [String: String], directory: String, beside: String? = nil
  ) throws(Failure) -> String {
    if name.contains("/") {
      let path = name.hasPrefix("/") ? name : directory + "/" + name
      guard isProgram(path) else { throw missing("there is no program at \(SessionName.excerpt(path))") }
      guard !isOurs(path, beside) else { throw missing("\(SessionName.excerpt(path)) is apus itself") }
      return path
    }
    for place in (environment["PATH"] ?? "").split(separator: ":") {
      let path = "\(place)/\(name)"
      if path.hasPrefix("/"), isProgram(path), !isOurs(path, beside) { return path }
    }
    throw missing("there is no `\(SessionName.excerpt(name))` in PATH")
  }

  /// What a session is started with, from the settings and what was asked for.
  package static func spec(
    _ settings: Settings, model: String, permissionMode mode: String, maxTurns: Int? = nil,
    environment: [String: String], directory: String, beside: String? = nil
  ) throws(Failure) -> SpawnSpec {
    var spec = SpawnSpec(
      program: try find(settings[.claude], environment: environment, directory: directory, beside: beside),
      model: model.isEmpty ? nil : model, permissionMode: mode == "default" ? "manual" : mode, maxTurns: maxTurns,
      environment: environment)
    spec.umask = Int(apus_own_umask())
    return spec
  }

  /// This program, the one that bears its other name, or a script that calls one of them.
  private static func isOurs(_ path: String, _ beside: String?) -> Bool {
    guard let resolved = real(path) else { return false }
    for name in ["apus", "apus-claude"] {
      let ours = beside.map { "\($0)/\(name)" } ?? (try? Detached.sibling(name))
      if ours.flatMap(real) == resolved { return true }
    }
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var head = [UInt8](repeating: 0, count: 4096)
    // A path with a blank is quoted there.
    let text = String(decoding: head[..<max(0, read(descriptor, &head, head.count))], as: UTF8.self)
      .filter { $0 != "'" && $0 != "\"" }
    return text.hasPrefix("#!") && (text.contains("apus-claude") || text.contains("apus claude"))
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private static func isProgram(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
  }

  private static func missing(_ what: String) -> Failure {
    Failure(.agentMissing, what, hint: "install Claude Code, or say where its program is with APUS_CLAUDE=PATH")
  }
}
