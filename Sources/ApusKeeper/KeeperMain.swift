import ApusFrames
import CSystem
import Glibc

/// What `apus-keeper` does when it was not started by the daemon.
package func keeperUsage() -> Never {
  let text = """
    apus-keeper keeps one run of an agent. The daemon (apusd) starts it; there is nothing to call by hand.
    usage: apus-keeper RUN-DIRECTORY   (descriptor 3: told when the agent was started)

    """
  _ = text.withCString { write(2, $0, strlen($0)) }
  exit(2)
}

/// Leaves the caller's session and keeps the run until its ending was read.
package func keeperMain(directory: String) -> Never {
  guard apus_detach() == 0 else { exit(1) }
  // Started from inside a session of ours: no part of that one's run.
  apus_group_leave(Tree.groupPrefix)
  _ = fcntl(3, F_SETFD, FD_CLOEXEC)
  // The daemon's is for its own files; an agent's are as they would be without us. Ours say their mode themselves.
  if let mask = getenv("APUS_UMASK") { umask(mode_t(UInt32(strtol(mask, nil, 10)) & 0o777)) }
  exit(keep(directory: directory, ready: 3))
}

/// Keeps the run whose files are in `directory` until its ending was read. Returns the exit code of the process.
package func keep(directory: String, ready: Int32) -> Int32 {
  let directory = Array(directory.utf8)
  func fail(_ what: String, _ code: Int32) -> Int32 {
    let text = what + ": " + String(cString: apus_error_text(code)) + "\n"
    _ = text.withCString { write(ready, $0, strlen($0)) }
    return 1
  }
  guard let bytes = loadFile(path(directory, RunFile.launch)), let order = try? LaunchOrder(bytes) else {
    return fail("the launch order cannot be read", errno)
  }
  apus_ignore_pipe_signal()
  let signals = apus_signal_descriptor([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4)
  let poll = apus_poll_create()
  guard signals >= 0, poll >= 0, apus_become_subreaper() == 0 else { return fail("set-up", errno) }
  let listener = apus_unix_listen(cString(order.socket), 16)
  guard listener >= 0 else { return fail("the keeper's socket", errno) }
  guard let recording = Recording(directory: directory, isTerminal: order.terminal != nil) else {
    let code = errno
    unlink(cString(order.socket))
    return fail("the recording", code)
  }
  let keeper = Keeper(
    directory: directory, order: order, poll: poll, signals: signals, listener: listener, recording: recording)
  if let failure = keeper.begin() {
    unlink(cString(order.socket))
    return fail(failure.what, failure.code)
  }
  _ = write(ready, "R", 1)
  close(ready)
  keeper.run()
  unlink(cString(order.socket))
  return 0
}
