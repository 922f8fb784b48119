import ApusAgents
import ApusCore
import ApusLoop
import ApusWire
import CSystem
import Glibc

// A session whose agent is not ours: it runs in a terminal of its own, and is followed by what Claude Code itself writes
// down about it. Nothing is sent to it, and nothing is started beside it. When its process ends it can be resumed here.

/// What the daemon knows of the sessions it watches.
@LoopActor
final class WatchDesk {
  /// What Claude Code last said of each.
  var seen: [String: ForeignSession] = [:]
  var ends: [String: Descriptor] = [:]
}

extension Coordinator {
  private static var retryMilliseconds: Int { 1000 }

  func refuseWatched(_ session: Session) throws(Failure) {
    guard let mark = session.watched else { return }
    throw Failure(
      .sessionWatched,
      "\(session.name) (\(session.id)) runs in a terminal of its own, pid \(mark.pid): it is only watched",
      hint: "speak to it there; once it ended, `apus resume \(session.name)` continues it here")
  }

  /// Is told by the kernel when that process ends.
  func watch(_ id: String, _ mark: ProcessMark) {
    guard sessions[id]?.watched == mark else { return }
    let number = apus_process_watch(mark.pid, mark.start)
    guard number >= 0 else {
      if errno == ESRCH { return watchEnded(id, mark) }
      log.error("session \(id): pid \(mark.pid) cannot be watched: \(String(cString: apus_error_text(errno)))")
      Timers.shared.after(Self.retryMilliseconds) { [weak self] in self?.watch(id, mark) }
      return
    }
    let end = Descriptor(number)
    watches.ends[id]?.close()
    watches.ends[id] = end
    end.onReadable = { [unowned self] in
      end.close()
      watchEnded(id, mark)
    }
    end.watch()
    log.info("session \(id) \(sessions[id]?.name ?? ""): watches pid \(mark.pid)")
  }

  private func watchEnded(_ id: String, _ mark: ProcessMark) {
    guard sessions[id]?.watched == mark else { return }
    do {
      try note(id, .watchEnded, .object(["pid": .integer(Int64(mark.pid))]))
      try update(id) { session in
        session.state = .ended
        session.watched = nil
        session.lastActive = now
      }
    } catch {
      log.error("session \(id): \(error)")
      Timers.shared.after(Self.retryMilliseconds) { [weak self] in self?.watchEnded(id, mark) }
      return
    }
    watches.seen[id] = nil
    watches.ends[id] = nil
    leaveTogether(id, "its process \(mark.pid) ended")
    log.info("session \(id): the claude it watched ended, pid \(mark.pid)")
    noteTranscript(id)
  }

  /// Reads what Claude Code says of the sessions that are watched.
  func lookAtWatched() async {
    let watched = sessions.values.filter { $0.watched != nil }
    let places = Set(watched.map { ClaudeEnvironment.configurationDirectory($0.spec.environment) }).sorted()
    let found = await lookUp(places)
    for session in watched {
      watches.seen[session.id] = found.first { one in
        one.mark == session.watched && one.conversationID == session.conversationID
      }
    }
  }

  /// Looks at them, and says when whoever waits for one should look again: nothing tells us of a change.
  func lookAgainMilliseconds() async -> Int {
    await lookAtWatched()
    return Self.retryMilliseconds / 2
  }

  /// What the lists in those places say; nothing where the file system does not answer in time.
  func lookUp(_ configurations: [String]) async -> [ForeignSession] {
    let milliseconds = Int(((try? settings.number(.verdictSeconds)) ?? 2) * 1000)
    return await Offload.run(withinMilliseconds: milliseconds) {
      ForeignSession.load(configurations: configurations)
    } ?? []
  }
}
