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
  _ = fcntl(3, F_SETFD, FD_CLOEXEC)
  exit(keep(directory: directory, ready: 3))
}
