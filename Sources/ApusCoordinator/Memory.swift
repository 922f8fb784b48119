import ApusLink
import ApusWire

/// What runs take of the machine's memory.
enum Memory {
  /// Bytes of all processes of each run of this home, by the run's holder's name; nil where it cannot be found out.
  static func ofRuns(_ places: Places) -> [String: Int]? {
    guard let tree = ProcessTree(of: places) else { return nil }
    var bytes: [String: Int] = [:]
    for (run, members) in tree.runs {
      bytes["\(run.session)/\(run.number)"] = members.reduce(0) { $0 + ($1.memory ?? 0) }
    }
    return bytes
  }
}
