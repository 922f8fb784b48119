import ApusCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where Claude Code keeps transcripts: `<configuration>/projects/<slug>/<conversation>.jsonl`.
package enum ClaudePlaces {
  private static let longestSlug = 200

  /// The directory name for a working directory (claude-contract §1.3): per UTF-16 unit, everything but ASCII letters
  /// and digits becomes `-`; beyond 200 units the first 200 and a hash of the whole path. Slugs collide and are never
  /// read back: a first guess, no more.
  package static func slug(realPath: String) -> String {
    let units = Array(realPath.utf16)
    let letters = units.map { unit -> UInt8 in
      let isKept = (48...57).contains(unit) || (65...90).contains(unit) || (97...122).contains(unit)
      return isKept ? UInt8(unit) : UInt8(ascii: "-")
    }
    guard letters.count > longestSlug else { return String(decoding: letters, as: UTF8.self) }
    var hash: Int32 = 0
    for unit in units { hash = hash &* 31 &+ Int32(unit) }
    return String(decoding: letters[..<longestSlug], as: UTF8.self) + "-" + String(hash.magnitude, radix: 36)
  }

  /// The conversation `claude --continue` would take up there: the one whose transcript was written last. Nil when there
  /// is none.
  package static func newest(directory: String, configuration: String) -> String? {
    guard let real = realPath(directory) else { return nil }
    let place = configuration + "/projects/" + slug(realPath: real)
    var newest: (id: String, at: Double)?
    for name in names(in: place) ?? [] where name.hasSuffix(".jsonl") {
      var facts = stat()
      guard stat(place + "/" + name, &facts) == 0 else { continue }
      let at = Double(facts.st_mtim.tv_sec) + Double(facts.st_mtim.tv_nsec) / 1e9
      if at > newest?.at ?? 0 { newest = (String(name.dropLast(6)), at) }
    }
    return newest?.id
  }

  /// Symlinks resolved, as Claude Code sees its working directory; nil when it is not there.
  static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  static func names(in directory: String) -> [String]? {
    guard let open = opendir(directory) else { return nil }
    defer { closedir(open) }
    var names: [String] = []
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  static func load(_ path: String, limit: Int = 1 << 22) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let got = read(descriptor, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { break }
      bytes += chunk[..<got]
    }
    return bytes
  }

  /// After how many days Claude Code deletes transcripts: `cleanupPeriodDays` of the person's settings, else 30.
  static func retentionDays(configuration: String) -> Int {
    guard let bytes = load(configuration + "/settings.json"), let json = try? JSONText.decode(JSON.self, from: bytes),
      let days = json["cleanupPeriodDays"]?.integer, days >= 1
    else { return 30 }
    return Int(clamping: days)
  }
}
