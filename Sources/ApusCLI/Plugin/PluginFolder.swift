import ApusAgents
import ApusCore
import CSystem
import Glibc

/// Where a plugin lies on disk: a directory of the person's data, of which every file is ours.
struct PluginFolder {
  let path: String

  /// `$XDG_DATA_HOME/apus/plugin`, else `~/.local/share/apus/plugin`.
  init(environment: [String: String]) throws(Failure) {
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
      path = data + "/apus/plugin"
    } else if let home = environment["HOME"], home.hasPrefix("/") {
      path = home + "/.local/share/apus/plugin"
    } else {
      throw Failure(.homeRefused, "there is no place to write to: HOME is not set", hint: "set HOME or XDG_DATA_HOME")
    }
  }

  /// Whether every file stands there as it should.
  func isUpToDate(_ plugin: ClaudePlugin) -> Bool { plugin.files.allSatisfy { isKept($0) } }

  func isKept(_ file: ClaudePlugin.File) -> Bool { Self.load(path + "/" + file.path) == Array(file.text.utf8) }

  func isThere(_ file: ClaudePlugin.File) -> Bool { access(path + "/" + file.path, F_OK) == 0 }

  /// Writes all files beside their place, lets `check` look at them there, then puts each in its place whole. Where
  /// anything fails before, nothing has changed.
  func write(_ plugin: ClaudePlugin, check: (String) throws(Failure) -> Void) throws(Failure) {
    let draft = Self.parent(path) + "/.plugin-\(getpid())"
    defer { apus_tree_remove(draft) }
    for file in plugin.files { try Self.save(file.text, to: draft + "/" + file.path) }
    try check(draft)
    for file in plugin.files where !isKept(file) {
      let target = path + "/" + file.path
      try Self.makeDirectory(Self.parent(target))
      guard rename(draft + "/" + file.path, target) == 0 else { throw Self.failed(target, errno) }
    }
  }

  /// Takes our files away, and directories that are empty then.
  func remove(_ plugin: ClaudePlugin) throws(Failure) {
    for file in plugin.files {
      let target = path + "/" + file.path
      guard unlink(target) == 0 || errno == ENOENT || errno == ENOTDIR else { throw Self.failed(target, errno) }
    }
    let folders = Set(plugin.files.flatMap { Self.folders(of: $0.path) }).sorted { $0.count > $1.count }
    for folder in folders { rmdir(path + "/" + folder) }
    rmdir(path)
    rmdir(Self.parent(path))
  }

  private static func folders(of path: String) -> [String] {
    let parts = path.split(separator: "/").dropLast()
    return parts.indices.map { parts[...$0].joined(separator: "/") }
  }

  private static func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? path
  }

  private static func makeDirectory(_ path: String) throws(Failure) {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, parent(path) != path, !parent(path).isEmpty else { throw failed(path, errno) }
    try makeDirectory(parent(path))
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failed(path, errno) }
  }

  private static func save(_ text: String, to path: String) throws(Failure) {
    try makeDirectory(parent(path))
    let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw failed(path, errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      guard got > 0 else { throw failed(path, errno) }
      done += got
    }
    guard fsync(descriptor) == 0 else { throw failed(path, errno) }
  }

  private static func load(_ path: String) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while case let got = read(descriptor, &chunk, chunk.count), got > 0 { bytes += chunk[..<got] }
    return bytes
  }

  private static func failed(_ path: String, _ code: Int32) -> Failure {
    Failure(
      code == ENOSPC ? .diskFull : .permissionDenied,
      "\(SessionName.excerpt(path)): \(String(cString: apus_error_text(code)))",
      hint: code == ENOSPC ? "make room, then do it again" : "XDG_DATA_HOME says where else it may be written")
  }
}
