import CSystem
import Glibc

/// Files as a test looks at them and damages them.
package enum Disk {
  package static func bytes(_ path: String) -> [UInt8] {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(descriptor, &chunk, chunk.count), got > 0 { bytes += chunk[..<got] }
    return bytes
  }

  /// Writes the file anew; false when not all of it could be written.
  @discardableResult
  package static func write(_ bytes: some Collection<UInt8>, to path: String, mode: mode_t = 0o600) -> Bool {
    let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_TRUNC, mode)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let got = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard got > 0 else { return false }
      rest = rest.dropFirst(got)
    }
    return true
  }

  @discardableResult
  package static func write(_ text: String, to path: String, mode: mode_t = 0o600) -> Bool {
    write(Array(text.utf8), to: path, mode: mode)
  }

  /// Makes the directory and those above it.
  package static func makeDirectory(_ path: String, mode: mode_t = 0o700) {
    if mkdir(path, mode) == 0 || errno == EEXIST { return }
    guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return }
    makeDirectory(String(path[..<slash]), mode: mode)
    mkdir(path, mode)
  }

  package static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The permission bits, nil when there is nothing.
  package static func mode(_ path: String) -> mode_t? {
    var facts = stat()
    return lstat(path, &facts) == 0 ? facts.st_mode & 0o7777 : nil
  }

  package static func size(_ path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : -1
  }

  /// As if it had been written so many days ago.
  package static func age(_ path: String, days: Double) {
    let seconds = Int(apus_wall_seconds() - days * 86400)
    let times = [timeval(tv_sec: seconds, tv_usec: 0), timeval(tv_sec: seconds, tv_usec: 0)]
    utimes(path, times)
  }

  package struct Entry: Sendable {
    package var path: String
    package var mode: mode_t
    package var isDirectory: Bool
    package var isLink: Bool
  }

  /// The directory and all that is below it.
  package static func everything(below path: String) -> [Entry] {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return [] }
    // A symbolic link has no mode of its own.
    if facts.st_mode & S_IFMT == S_IFLNK { return [] }
    let isDirectory = facts.st_mode & S_IFMT == S_IFDIR
    var entries = [
      Entry(
        path: path, mode: facts.st_mode & 0o7777, isDirectory: isDirectory, isLink: facts.st_mode & S_IFMT == S_IFLNK)
    ]
    guard isDirectory, let open = opendir(path) else { return entries }
    defer { closedir(open) }
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { entries += everything(below: path + "/" + name) }
    }
    return entries
  }

  package static func realPath(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Where a symbolic link leads; empty when it is none.
  package static func link(_ path: String) -> String {
    var target = [CChar](repeating: 0, count: 4096)
    let length = readlink(path, &target, target.count)
    return String(decoding: target.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes everything below and the directory itself; what is mounted there must be gone.
  package static func remove(_ path: String) async {
    _ = await Program.run(
      ["/bin/rm", "-rf", path], environment: ["PATH": "/usr/bin:/bin"], directory: "/", seconds: 60)
  }
}
