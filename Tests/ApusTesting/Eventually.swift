import CSystem
import Glibc

/// Waits until that process is gone: for the event, not for time. False when it is still there after so long.
package func ended(_ pid: Int32, start: UInt64, seconds: Double = 10) -> Bool {
  let watch = apus_process_watch(pid, start)
  guard watch >= 0 else { return true }
  defer { close(watch) }
  var one = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
  return poll(&one, 1, Int32(seconds * 1000)) == 1
}

/// Looks again every few milliseconds until it is so; for what announces itself to nobody. False when the time ran out.
package func eventually(seconds: Double = 10, _ isSo: () async throws -> Bool) async rethrows -> Bool {
  let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
  while true {
    if try await isSo() { return true }
    if apus_monotonic_milliseconds() > until { return false }
    poll(nil, 0, 10)
  }
}
