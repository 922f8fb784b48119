import ApusLoop
import CSystem
import Glibc

/// Reaps the daemon's own short-lived children (a keeper's first process, a program asked for its version) and tells
/// who waits for them. The agents are the keepers' children, never ours; a child some other thread waits for is that
/// thread's to reap.
@LoopActor
package final class Children {
  private var waiting: [Int32: @LoopActor (Int32) -> Void] = [:]

  package init() {}

  /// Calls `ended` with the raw status once that child has ended.
  func whenEnded(_ pid: Int32, _ ended: @escaping @LoopActor (Int32) -> Void) {
    waiting[pid] = ended
    look(pid)
  }

  /// A SIGCHLD came.
  package func reap() {
    for pid in Array(waiting.keys) { look(pid) }
  }

  private func look(_ pid: Int32) {
    var status: Int32 = 0
    if apus_reap(pid, &status, 0) != 0 { waiting.removeValue(forKey: pid)?(status) }
  }
}
