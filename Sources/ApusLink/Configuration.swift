import ApusCore
import CSystem
import Glibc

/// Reads the settings from where people keep them.
package enum Configuration {
  /// `directory` is where a command was called: its `.env` and its repository's `.apus/config.json` count; nil for the
  /// daemon, which belongs to no directory.
  package static func load(environment: [String: String], directory: String?) throws(Failure) -> Settings {
    var dotenv: EnvFile?
    let dotenvPath = (directory ?? "") + "/.env"
    if directory != nil, let bytes = try read(dotenvPath) {
      dotenv = try EnvFile(String(decoding: bytes, as: UTF8.self), path: dotenvPath)
    }
    var repository: Settings.Layer?
    if let directory, let path = find(".apus/config.json", from: directory), let bytes = try read(path) {
      repository = try Settings.Layer(path: path, bytes: bytes)
    }
    var person: Settings.Layer?
    if let path = personPath(environment), let bytes = try read(path) {
      person = try Settings.Layer(path: path, bytes: bytes)
    }
    return try Settings(
      environment: environment, dotenv: dotenv, dotenvPath: dotenvPath, repository: repository, person: person)
  }

  package static func personPath(_ environment: [String: String]) -> String? {
    if let base = environment["XDG_CONFIG_HOME"], !base.isEmpty { return base + "/apus/config.json" }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return home + "/.config/apus/config.json"
  }

  /// What the repository of a directory says of parallel work, and where it is; nil where no file does.
  package static func repository(from directory: String) throws(Failure) -> (
    settings: RepositorySettings, root: String
  )? {
    let name = ".apus/config.json"
    guard let path = find(name, from: directory), let bytes = try read(path) else { return nil }
    do {
      let json = try JSONText.decodeRelaxed(JSON.self, from: bytes)
      return (try RepositorySettings(json, path: path), String(path.dropLast(name.count + 1)))
    } catch {
      throw error as? Failure
        ?? Failure(
          .configurationInvalid, "\(path) is not JSON",
          hint: "correct it; comments and trailing commas are allowed in it")
    }
  }

  /// The `.env` of a directory, or the nearest above it within its working tree.
  package static func dotenv(from directory: String) throws(Failure) -> (file: EnvFile, path: String)? {
    var directory = directory
    while true {
      let path = (directory == "/" ? "" : directory) + "/.env"
      if let bytes = try read(path) { return (try EnvFile(String(decoding: bytes, as: UTF8.self), path: path), path) }
      guard access(directory + "/.git", F_OK) != 0, directory.count > 1, let slash = directory.lastIndex(of: "/") else {
        return nil
      }
      directory = slash == directory.startIndex ? "/" : String(directory[..<slash])
    }
  }

  /// The file in the directory or the nearest one above it.
  private static func find(_ name: String, from directory: String) -> String? {
    var directory = directory
    while true {
      let path = (directory == "/" ? "" : directory) + "/" + name
      if access(path, F_OK) == 0 { return path }
      guard directory.count > 1, let slash = directory.lastIndex(of: "/") else { return nil }
      directory = slash == directory.startIndex ? "/" : String(directory[..<slash])
    }
  }

  /// Nil when there is no such file.
  private static func read(_ path: String) throws(Failure) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Failure(
        .configurationInvalid, "\(path): \(String(cString: apus_error_text(errno)))",
        hint: "make it readable, or move it away")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < 1 << 20 {
      let got = Glibc.read(descriptor, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EISDIR { return nil }
      guard got > 0 else { break }
      bytes += chunk[..<got]
    }
    return bytes
  }
}
