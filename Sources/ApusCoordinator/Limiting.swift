import ApusCore
import ApusLoop
import ApusWire

// Limits: what Core decides about runs that live and sessions that wait is done here. Looking costs, so it is done on
// one timer, which is there only while something is limited and something runs.

/// What the daemon remembers for its limits.
@LoopActor
final class LimitDesk {
  /// Sessions that were given a place and whose run is not recorded yet.
  var admitted: Set<String> = []
  var timer: UInt64?
  /// Bytes per run (by its holder's name) when it was last looked, for whatever reason.
  var memory: [String: Int] = [:]
  /// The same at the last check, and at the one before it.
  var memoryChecked: [String: Int] = [:]
  var memoryBefore: [String: Int] = [:]
  var isServing = false
  var servesAgain = false
}

extension Coordinator {
  /// Begins to look where there is something to look at; what ends the last run ends the looking.
  func watchLimits() {
    guard limits.timer == nil, !live.isEmpty,
      let seconds = settingsSource.limits.interval(queueIsEmpty: queue.isEmpty)
    else { return }
    limits.timer = Timers.shared.after(Int(seconds * 1000)) { [weak self] in
      guard let self else { return }
      limits.timer = nil
      LoopActor.begin { [self] in
        await checkLimits()
        watchLimits()
      }
    }
  }

  private func checkLimits() async {
    guard !isShuttingDown else { return }
    let inForce = settingsSource.limits
    if inForce.runMemory != nil || inForce.totalMemory != nil {
      let isNew = await sampleMemory()
      limits.memoryBefore = isNew ? limits.memoryChecked : [:]
      limits.memoryChecked = limits.memory
    }
    for decision in inForce.decide(runs: runViews(comparing: true), queue: [], now: now) {
      switch decision {
      case .end(let id, let excess): end(id, because: excess)
      case .stalled(let id, let seconds): stall(id, seconds)
      case .start, .wait: break
      }
    }
    serveQueue()
  }

  /// Every living run as the rule wants to see it. `comparing`: with what it took at the last check.
  func runViews(comparing: Bool = false) -> [Limits.RunView] {
    let running = live.values.map { run in
      var view = Limits.RunView(session: run.session)
      view.activity = run.turn.activity
      view.since = run.turn.since
      view.isStarting = !run.isEstablished
      view.isStopping = run.isStopping || run.isOver
      view.persists = sessions[run.session]?.persists == true
      view.hasViewers = run.hasViewers
      view.hasOpen = run.turn.isMidTurn || !run.inputs.isEmpty
      view.memory = limits.memory[run.run.holder]
      view.memoryBefore = comparing ? limits.memoryBefore[run.run.holder] : nil
      return view
    }
    return running
      + limits.admitted.filter { live[$0] == nil }.map { id in
        var view = Limits.RunView(session: id)
        view.isStarting = true
        return view
      }
  }

  private static var patienceMilliseconds: Int { 3000 }

  /// False where it could not be found out in time; then what was known last is what counts.
  @discardableResult
  func sampleMemory() async -> Bool {
    let places = self.places
    let milliseconds = Self.patienceMilliseconds
    guard let memory = await Offload.run(withinMilliseconds: milliseconds, { Memory.ofRuns(places) }) ?? nil else {
      log.warning("limits: what runs take of memory cannot be found out")
      return false
    }
    limits.memory = memory
    return true
  }

  private func end(_ id: String, because excess: Limits.Excess) {
    // Where its keeper does not answer at the moment it is asked at the next look.
    guard let run = live[id], run.isAttached, let session = sessions[id] else { return }
    log.warning("session \(id) \(session.name): ended by a limit: \(excess.text)")
    var detail: [String: JSON] = ["limit": .string(excess.kind), "reason": .string(excess.text)]
    switch excess {
    case .memory(let bytes, let limit):
      (detail["bytes"], detail["allowed"]) = (.integer(Int64(bytes)), .integer(Int64(limit)))
      run.endsBecause = Failure(
        .limitReached, "\(session.name) was ended by a limit: \(excess.text)",
        hint: "raise maxRunMemoryMB (`apus help settings`), then `apus resume \(session.name)`")
    case .idle(let seconds, let limit):
      (detail["seconds"], detail["allowed"]) = (.number(seconds), .number(limit))
    }
    noteLimit(id, .object(detail))
    run.end(now: false, milliseconds: stopMilliseconds)
  }

  private func stall(_ id: String, _ seconds: Double) {
    guard let run = live[id] else { return }
    let text = "stalled: silent for \(MomentText.age(seconds))"
    log.warning("session \(id) \(sessions[id]?.name ?? ""): \(text)")
    let detail: JSON = .object(["limit": .string("stalled"), "reason": .string(text), "seconds": .number(seconds)])
    do { try run.advance([run.event(.limitReached, detail)]) { $0.stall() } } catch {
      log.error("session \(id): \(error)")
    }
    changes.announce(id)
  }

  private func noteLimit(_ id: String, _ detail: JSON) {
    do { try note(id, .limitReached, detail) } catch { log.error("session \(id): \(error)") }
  }
}
