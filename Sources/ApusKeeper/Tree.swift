import CSystem
import Glibc

/// The processes that descend from this keeper: its agent, the agent's tools, and what those left behind (orphans
/// among them come to us: the keeper is their subreaper).
///
/// A daemon or another keeper of ours that was started from inside the session also ends up below us. It says who it
/// is in its initial environment, is no part of the run, and is left alone with all that is below it.
enum Tree {
  static func descendants(of root: Int32) -> [apus_process] {
    var all = [apus_process](repeating: apus_process(), count: 4096)
    var count = Int(apus_process_list(&all, Int32(all.count)))
    if count > all.count {
      all = [apus_process](repeating: apus_process(), count: count + 1024)
      count = Int(apus_process_list(&all, Int32(all.count)))
    }
    all.removeLast(all.count - max(0, min(count, all.count)))
    var members: [Int32] = [root]
    var found: [apus_process] = []
    var at = 0
    while at < members.count {
      for process in all where process.parent == members[at] && process.pid != root {
        if apus_process_environment_has(process.pid, "APUS_ROLE=") == 1 { continue }
        members.append(process.pid)
        found.append(process)
      }
      at += 1
    }
    return found
  }

  /// Signals every living descendant. To kill, all are stopped first, so that none forks away meanwhile.
  static func signal(_ signal: Int32, below root: Int32) {
    let members = descendants(of: root).filter { $0.state != CChar(UInt8(ascii: "Z")) }
    if signal == SIGKILL { for member in members { apus_process_signal(member.pid, member.start, SIGSTOP) } }
    for member in members { apus_process_signal(member.pid, member.start, signal) }
  }

  static func isEmpty(below root: Int32) -> Bool {
    descendants(of: root).allSatisfy { $0.state == CChar(UInt8(ascii: "Z")) }
  }
}
