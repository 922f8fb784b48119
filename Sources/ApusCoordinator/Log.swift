import ApusCore
import ApusLoop
import CSystem
import Glibc

/// The daemon's one log: every start, establishment, failed verdict, take-over and repair, with ids.
@LoopActor
package final class Log {
  package enum Level: Int, Sendable {
    case debug, info, warning, error

    package init?(_ name: String) {
      switch name {
      case "debug": self = .debug
      case "info": self = .info
      case "warning": self = .warning
      case "error": self = .error
      default: return nil
      }
    }
  }

  private static let largest: off_t = 16 << 20

  package let path: String
  private let level: Level
  private var descriptor: Int32
  private var written: off_t

  package init(path: String, level: Level) {
    self.path = path
    self.level = level
    descriptor = apus_open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    written = descriptor >= 0 ? lseek(descriptor, 0, SEEK_END) : 0
  }

  package func debug(_ text: @autoclosure () -> String) { if level == .debug { write(.debug, text()) } }
  package func info(_ text: String) { write(.info, text) }
  package func warning(_ text: String) { write(.warning, text) }
  package func error(_ text: String) { write(.error, text) }

  private func write(_ level: Level, _ text: String) {
    guard level.rawValue >= self.level.rawValue, descriptor >= 0 else { return }
    if written > Self.largest { turn() }
    // What agents and people named must not be able to write a line of its own.
    let line = "\(MomentText.iso(apus_wall_seconds())) \(level) \(SessionName.printable(text))\n"
    let bytes = Array(line.utf8)
    // A full disk must not stop the daemon: a line is lost, no more.
    written += off_t(max(0, Glibc.write(descriptor, bytes, bytes.count)))
  }

  /// Begins a new file; one older one is kept.
  private func turn() {
    guard rename(path, path + ".1") == 0 else { return }
    close(descriptor)
    descriptor = apus_open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    written = 0
  }
}
