import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// Ending a daemon and seeing it end.
enum DaemonControl {
  private static let patienceMilliseconds: Int32 = 30_000

  /// Nil when there is none to shut down. Returns when its process is gone.
  static func shutDown(_ mode: ShutDownMode, _ context: Context) throws(Failure) -> ShutDownReply? {
    let places = try context.places
    // A daemon that crashed left its sessions running: the next one takes them over, and does what was asked.
    let hasStore = access(places.store, F_OK) == 0
    let reply: [UInt8]
    do throws(Failure) {
      var link = try DaemonLink.open(
        places, environment: context.environment, starting: hasStore && mode != .restart)
      reply = try link.ask(.shutDown, ShutDownRequest(mode: mode)) ?? []
    } catch {
      guard error.code == .daemonUnreachable, !hasStore || mode == .restart else { throw error }
      return nil
    }
    let done: ShutDownReply = try context.decode(reply)
    if let mark = Processes.mark(of: Int32(done.pid)) {
      let watch = apus_process_watch(mark.pid, mark.start)
      if watch >= 0 {
        var ended = pollfd(fd: watch, events: Int16(POLLIN), revents: 0)
        poll(&ended, 1, patienceMilliseconds)
        close(watch)
      }
    }
    return done
  }
}
