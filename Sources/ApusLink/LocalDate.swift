import Glibc

/// The day by the person's own clock and zone.
package enum LocalDate {
  /// As in `20251025`.
  package static func today() -> String {
    var moment = time(nil)
    var parts = tm()
    localtime_r(&moment, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
  }
}
