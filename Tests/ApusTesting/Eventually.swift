import CSystem
import Dispatch
import Glibc

/// Waits until that process is gone: for the event, not for time. False when it is still there after so long.
package func ended(_ pid: Int32, start: UInt64, seconds: Double = 60) -> Bool {
  let watch = apus_process_watch(pid, start)
  guard watch >= 0 else { return true }
  defer { close(watch) }
  var one = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
  return poll(&one, 1, Int32(seconds * 1000)) == 1
}

private let lookingAgain = DispatchQueue(label: "apus.testing.looking-again")

/// Between two looks: there are as few threads for tests as processors, and none is kept meanwhile.
package func letOthersRun(milliseconds: Int) async {
  await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
    let timer = DispatchSource.makeTimerSource(queue: lookingAgain)
    timer.schedule(deadline: .now() + .milliseconds(milliseconds))
    timer.setEventHandler {
      timer.cancel()
      continuation.resume()
    }
    timer.resume()
  }
}

/// Looks again every few milliseconds until it is so; for what announces itself to nobody. False when the time ran out.
package func eventually(seconds: Double = 60, _ isSo: () async throws -> Bool) async rethrows -> Bool {
  let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
  while true {
    if try await isSo() { return true }
    if apus_monotonic_milliseconds() > until { return false }
    await letOthersRun(milliseconds: 10)
  }
}
