import ApusLoop
import CSystem
import Glibc

/// Reaps the daemon's own short-lived children (a keeper's first process, a program asked for its version) and tells
/// who waits for them. The agents are the keepers' children, never ours.
@LoopActor
package final class Children {
  private var waiting: [Int32: @LoopActor (Int32) -> Void] = [:]
  private var early: [Int32: Int32] = [:]

  package init() {}

  /// Calls `ended` with the raw status once that child has ended.
  func whenEnded(_ pid: Int32, _ ended: @escaping @LoopActor (Int32) -> Void) {
    if let status = early.removeValue(forKey: pid) { return ended(status) }
    waiting[pid] = ended
  }

  /// A SIGCHLD came.
  package func reap() {
    var status: Int32 = 0
    while true {
      let pid = apus_reap(&status)
      guard pid > 0 else { return }
      if let ended = waiting.removeValue(forKey: pid) { ended(status) } else { early[pid] = status }
      if early.count > 256 { early = [:] }
    }
  }
}
