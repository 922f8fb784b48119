import CSystem
import Foundation

/// How long something takes. A limit of so many milliseconds is for a machine that has nothing else to do: what tasks of
/// this machine waited for a processor or a disk meanwhile (`/proc/pressure`) is not counted, up to half. Where the kernel
/// does not tell, twice as long may pass: what the limits are to find takes longer than that.
package struct Stopwatch: Sendable {
  private let began = apus_monotonic_milliseconds()
  private let stalled = Self.stalled()

  package init() {}

  package var elapsed: Int64 { apus_monotonic_milliseconds() - began }

  package func isWithin(_ milliseconds: Int64) -> Bool {
    let elapsed = elapsed
    guard elapsed > milliseconds else { return true }
    guard elapsed <= 2 * milliseconds else { return false }
    guard let stalled, let now = Self.stalled() else { return true }
    return elapsed - (now - stalled) <= milliseconds
  }

  /// Milliseconds since the machine began in which some task waited.
  private static func stalled() -> Int64? {
    let totals = ["cpu", "io"].compactMap { name -> Int64? in
      guard let text = try? String(contentsOfFile: "/proc/pressure/" + name, encoding: .utf8),
        let total = text.split(separator: "\n").first?.split(separator: " ").last?.split(separator: "=").last
      else { return nil }
      return Int64(total)
    }
    return totals.isEmpty ? nil : totals.reduce(0, +) / 1000
  }
}
