import CSystem
import Glibc

/// The process that started this one, as it was then.
package struct Parent: Sendable {
  private let pid: pid_t
  private var start: UInt64 = 0
  private var program: UInt64 = 0

  package init() {
    pid = getppid()
    apus_process_program(pid, &start, &program)
  }

  /// Whether it is gone, is just ending or has become another program: what it had open was closed for that, and not
  /// because it wanted to. Told without waiting: a process is marked as ending before its files are closed.
  package var isLeaving: Bool { apus_process_is_leaving(pid, start, program) == 1 }
}
