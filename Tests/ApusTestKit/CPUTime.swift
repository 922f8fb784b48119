import Glibc

/// What `work` cost the processor, whatever else the machine does meanwhile: a bound on the clock of the wall is a bound
/// on the other tests. `work` stays on the thread it is called on.
package func cpuTime(of work: () throws -> Void) rethrows -> Duration {
  let start = threadTime()
  try work()
  return threadTime() - start
}

private func threadTime() -> Duration {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
}
