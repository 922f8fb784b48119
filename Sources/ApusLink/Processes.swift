import ApusCore
import CSystem
import Glibc

/// Processes by identity: pid and start time together.
package enum Processes {
  package static func mark(of pid: Int32) -> ProcessMark? {
    var seen = apus_process()
    guard pid > 0, apus_process_look(pid, &seen) == 0, seen.state != CChar(UInt8(ascii: "Z")) else { return nil }
    return ProcessMark(pid: pid, start: seen.start)
  }

  package static func isAlive(_ mark: ProcessMark) -> Bool { self.mark(of: mark.pid) == mark }

  /// Whether it is there and not stopped.
  package static func isAtWork(_ mark: ProcessMark) -> Bool {
    var seen = apus_process()
    guard apus_process_look(mark.pid, &seen) == 0, seen.start == mark.start else { return false }
    return !["Z", "X", "T", "t"].contains { seen.state == CChar($0.utf8.first ?? 0) }
  }

  /// Signals that very process; false when it is gone.
  @discardableResult
  package static func signal(_ mark: ProcessMark, _ signal: Int32) -> Bool {
    apus_process_signal(mark.pid, mark.start, signal) == 0
  }

  /// Every living process that carries the entry in its initial environment, and whatever descends from one.
  package static func carrying(_ entry: String) -> [ProcessMark] {
    var all = [apus_process](repeating: apus_process(), count: 8192)
    let count = Int(apus_process_list(&all, Int32(all.count)))
    all.removeLast(all.count - max(0, min(count, all.count)))
    all.removeAll { $0.state == CChar(UInt8(ascii: "Z")) }
    var members = Set(all.filter { apus_process_environment_has($0.pid, entry) == 1 }.map(\.pid))
    guard !members.isEmpty else { return [] }
    var grew = true
    while grew {
      grew = false
      for process in all where members.contains(process.parent) && !members.contains(process.pid) {
        if apus_process_environment_has(process.pid, "APUS_ROLE=") == 1 { continue }
        members.insert(process.pid)
        grew = true
      }
    }
    return all.filter { members.contains($0.pid) }.map { ProcessMark(pid: $0.pid, start: $0.start) }
  }

  /// The living processes that descend from these, but for what stands below others of them that are left out.
  package static func below(_ roots: Set<Int32>, without others: Set<Int32> = []) -> [ProcessMark] {
    var all = [apus_process](repeating: apus_process(), count: 8192)
    let count = Int(apus_process_list(&all, Int32(all.count)))
    all.removeLast(all.count - max(0, min(count, all.count)))
    var members = roots
    var grew = true
    while grew {
      grew = false
      for process in all
      where members.contains(process.parent) && !members.contains(process.pid) && !others.contains(process.pid) {
        members.insert(process.pid)
        grew = true
      }
    }
    let zombie = CChar(UInt8(ascii: "Z"))
    return all.filter { members.contains($0.pid) && !roots.contains($0.pid) && $0.state != zombie }
      .map { ProcessMark(pid: $0.pid, start: $0.start) }
  }
}
