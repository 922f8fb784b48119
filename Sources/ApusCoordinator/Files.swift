import CSystem
import Glibc

/// The few files the daemon reads and writes itself: those of runs.
enum Files {
  /// The file from an offset to its end; nil when it cannot be read.
  static func load(_ path: String, from offset: UInt64 = 0) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0, lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(descriptor, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { return bytes }
      bytes += chunk[..<got]
    }
  }

  /// Writes a new file that only its owner may read; the error number, 0 when all is well.
  static func make(_ path: String, bytes: [UInt8]) -> Int32 {
    let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      guard got > 0 else { return errno }
      done += got
    }
    return 0
  }

  /// Adds a line to a file of a run's; where that fails it is not there.
  static func add(line: String, to path: String) {
    let descriptor = apus_open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let bytes = Array(line.utf8) + [10]
    _ = apus_write_from(descriptor, bytes, bytes.count, 0)
  }

  /// Makes a directory of ours below one of ours; the error number, 0 when it is there.
  static func makeDirectory(_ path: String) -> Int32 {
    mkdir(path, 0o700) == 0 || errno == EEXIST ? 0 : errno
  }

  /// What is in a directory; nothing where it cannot be read.
  static func names(_ directory: String) -> [String] {
    guard let open = opendir(directory) else { return [] }
    defer { closedir(open) }
    var names: [String] = []
    while let entry = readdir(open) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }

  static func remove(_ path: String) { unlink(path) }

  /// Removes a directory of ours and all that is below it; links are removed, never followed.
  static func removeTree(_ path: String) { apus_tree_remove(path) }

  static func isThere(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func size(_ path: String) -> Int? {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : nil
  }
}

/// Random ids.
enum RandomID {
  /// A version 4 UUID in lower case: Claude Code keeps the case it is given and looks for that alone.
  static func conversation() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let digits = bytes.map { byte in
      let text = String(byte, radix: 16)
      return text.count == 1 ? "0" + text : text
    }
    return [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
      .map { $0.joined() }.joined(separator: "-")
  }

  static func number() -> UInt64 { UInt64.random(in: .min ... .max) }
}
