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
