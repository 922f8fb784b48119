import ApusCore
import ApusWire
import CSystem
import Glibc

/// Waiting for the daemon that has a home and does not answer, because it comes or goes. On a busy machine that takes its
/// time: it is waited for as long as it gets on, and given up where it stands still.
package struct DaemonWait: Sendable {
  /// What was seen of whoever has the home.
  package struct Sight: Equatable, Sendable {
    var holder: ProcessMark
    /// Processor time it was given.
    var ticks: UInt64
    /// It would run if it were let: others have the processors, or it waits for a disk.
    var isDue: Bool

    package init(holder: ProcessMark, ticks: UInt64, isDue: Bool) {
      (self.holder, self.ticks, self.isDue) = (holder, ticks, isDue)
    }
  }

  /// One that is busy for so long will not answer.
  static let mostMilliseconds: Int64 = 300_000

  private let patience: Int64
  private let most: Int64
  private let began: Int64
  private var moved: Int64
  private var seen: Sight?

  /// `patience`: how long it may stand still, in milliseconds; `most`: how long it may take in all.
  package init(patience: Int64, most: Int64 = mostMilliseconds, now: Int64) {
    (self.patience, self.most) = (patience, max(patience, most))
    (began, moved) = (now, now)
  }

  /// Whether to wait on; nil where nobody has the home.
  package mutating func isWorthwhile(_ sight: Sight?, now: Int64) -> Bool {
    if let sight, sight.isDue || sight.holder != seen?.holder || sight.ticks != seen?.ticks { moved = now }
    seen = sight ?? seen
    return now < min(moved + patience, began + most)
  }

  /// Who has the home, by what it wrote into the lock's file. The lock itself is not touched: a daemon that begins in this
  /// moment would find it taken.
  package static func look(_ places: Places) -> Sight? {
    let descriptor = apus_open(places.daemonLock, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 32)
    let got = apus_read_to(descriptor, &text, text.count, 0)
    let digits = String(decoding: text.prefix(max(0, got)), as: UTF8.self).prefix { $0.isNumber }
    var found = apus_process()
    guard let pid = Int32(digits), let mark = Processes.mark(of: pid), apus_process_look(pid, &found) == 0,
      found.start == mark.start, apus_process_environment_has(pid, "APUS_HOME=" + places.home) == 1
    else { return nil }
    let isDue = ["R", "D"].contains { found.state == CChar($0.utf8.first ?? 0) }
    return Sight(holder: mark, ticks: found.ticks, isDue: isDue)
  }
}
