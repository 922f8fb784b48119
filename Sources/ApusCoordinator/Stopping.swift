import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Ending: runs one by one or all, and the daemon itself.

extension Coordinator {
  var stopMilliseconds: UInt32 {
    UInt32(clamping: Int(((try? settings.number(.stopSeconds)) ?? 5) * 1000))
  }

  package func stop(_ request: StopRequest, _ caller: Caller) async throws -> SessionObject {
    let session = try require(request.session)
    try refuseWatched(session)
    try await end([session.id], now: request.now)
    return try await object(session.id)
  }

  package func stopAll(now isNow: Bool) async throws -> [SessionObject] {
    let ids = queue + live.keys + limits.admitted.filter(isBegun)
    try await end(ids, now: isNow)
    var objects: [SessionObject] = []
    for id in ids { objects.append(try await object(id)) }
    return objects
  }

  private static let leavingMilliseconds: Int64 = 1000

  /// Ends runs side by side; returns when none of them is left, and no keeper of theirs. What is just being started ends
  /// once it is there, what waits in the queue is taken out of it, what is not live is left alone. `asked`: a person
  /// wants it so, and not the machine.
  func end(_ ids: [String], now isNow: Bool, asked: Bool = true) async throws {
    let nobody = Caller.nobody()
    for id in ids {
      while isBegun(id) { await changes.next(of: id, caller: nobody, milliseconds: nil) }
    }
    let keepers = ids.compactMap { live[$0]?.run.keeper }
    for id in ids {
      if sessions[id]?.state == .queued, live[id] == nil { try dequeue(id) }
      guard let run = live[id] else { continue }
      if !run.isStopping || isNow { try note(id, .stopRequested, .object(["now": .bool(isNow)])) }
      if asked { try update(id) { $0.stopped = true } }
      log.info("session \(id): stop\(isNow ? " at once" : "")")
      run.end(now: isNow, milliseconds: stopMilliseconds)
    }
    for id in ids {
      while let run = live[id], run.isStopping {
        // The agent has ended, and that cannot be written down: whoever asked is told, the keeper keeps it meanwhile.
        if run.isOver, let obstacle = run.obstacle { throw obstacle }
        await changes.next(of: id, caller: nobody, milliseconds: nil)
      }
    }
    // They were told and go by themselves, as soon as they get to run.
    let until = apus_monotonic_milliseconds() + Self.leavingMilliseconds
    while keepers.contains(where: Processes.isAlive), apus_monotonic_milliseconds() < until {
      await pause(milliseconds: 2)
    }
  }

  // MARK: the daemon

  package func status() -> StatusReply {
    StatusReply(
      version: Version.text, pid: Int(getpid()), home: places.home, startedAt: MomentText.iso(startedAt),
      sessions: sessions.count, live: live.count)
  }

  /// Ends or leaves every session as asked; after this only the daemon's own end is left to do.
  /// `asked`: by a person, who then wants what ends to stay so; a signal may be the machine's end.
  package func shutDown(_ mode: ShutDownMode, asked: Bool = true) async throws -> ShutDownReply {
    isShuttingDown = true
    let all = live.keys.sorted() + (asked ? queue : [])
    let ended: [String]
    switch mode {
    case .restart, .persist: ended = []
    case .end: ended = all
    case .asRecorded: ended = all.filter { sessions[$0]?.persists != true }
    }
    let persisted = all.filter { !ended.contains($0) }
    do { try await end(ended, now: false, asked: asked) } catch {
      isShuttingDown = false
      serveQueue()
      throw error
    }
    // Those that were asked to stay may have ended by themselves meanwhile.
    let staying = persisted.filter { live[$0] != nil || sessions[$0]?.state == .queued }
    for id in staying { live[id]?.detach() }
    leaveServers(ending: mode == .end || mode == .asRecorded, comesBack: mode == .restart)
    await closeSessionsFiles()
    await endClaimLooks()
    if mode == .restart {
      log.info("restart: \(staying.count) sessions go on")
    } else {
      log.info("Claude sessions persisted: \(staying.count)")
      log.info("shut down: \(ended.count) sessions ended")
    }
    func name(_ id: String) -> String { sessions[id]?.name ?? id }
    return ShutDownReply(pid: Int(getpid()), persisted: staying.map(name), ended: ended.map(name))
  }
}
