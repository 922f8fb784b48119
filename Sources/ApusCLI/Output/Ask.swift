import ApusCore
import Glibc

/// Questions to a person. Where nobody sits at a terminal nothing is asked.
enum Ask {
  static var isPossible: Bool { isatty(0) == 1 && isatty(2) == 1 }

  /// Asks on standard error; anything but a clear answer is the usual one.
  static func yes(_ question: String, usually: Bool) -> Bool {
    guard isPossible else { return usually }
    Output.ask("\(question) [\(usually ? "Y/n" : "y/N")] ")
    switch readLine()?.lowercased().first {
    case "y": return true
    case "n": return false
    default: return usually
    }
  }
}

/// The day by the person's own clock and zone.
enum LocalDate {
  /// As in `20251025`.
  static func today() -> String {
    var moment = time(nil)
    var parts = tm()
    localtime_r(&moment, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)\(two(parts.tm_mon + 1))\(two(parts.tm_mday))"
  }
}
