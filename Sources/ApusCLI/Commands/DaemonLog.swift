import ApusCore
import ApusWire
import Glibc

/// The daemon's log, as a file: it can be read when no daemon runs.
enum DaemonLog {
  private static let tail = 1 << 16

  static func show(_ context: Context, follow: Bool) throws(Failure) {
    let places = try context.places
    let set = try context.settings[.logPath]
    let path = set.isEmpty ? places.daemonLog : set
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Failure(
        .daemonUnreachable, "there is no log at \(path)", hint: "`apus up` starts the daemon, which writes it")
    }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    lseek(descriptor, follow ? max(0, size - off_t(tail)) : 0, SEEK_SET)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    var lines: [String] = []
    while true {
      let got = read(descriptor, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got > 0 {
        let text = String(decoding: chunk[..<got], as: UTF8.self)
        if context.isJSON { lines.append(text) } else { context.output.write(text) }
        continue
      }
      guard follow else { break }
      // A log has no door to knock at: look again in a moment.
      poll(nil, 0, 200)
    }
    if context.isJSON {
      context.output.json(lines.joined().split(separator: "\n").map(String.init))
    }
  }
}
