import ApusCore
import ApusLoop
import ApusWire
import CSystem
import Glibc

// After a reboot or a mass death: what was running and was not ended by anybody is found, shown, and brought back one by
// one (Core's `Recovery` says when). It goes on when the caller leaves.

extension Coordinator {
  package func recover(_ request: RecoverRequest, _ caller: Caller) async throws {
    if request.perform {
      try refuseWhileShuttingDown()
      guard !isRecovering else {
        throw Failure(.sessionLive, "a recovery is under way already", hint: "`apus list` shows how far it is")
      }
      isRecovering = true
    }
    defer { if request.perform { isRecovering = false } }
    await settleKeepers()
    let items = try await recoveryPlan(request.sessions)
    if request.perform { return try await perform(items, caller) }
    for item in items { await caller.item(try JSONText.encode(item)) }
  }

  /// A new daemon may not have found out yet which keepers are gone.
  private func settleKeepers() async {
    let until = apus_monotonic_milliseconds() + 5000
    while live.values.contains(where: { !$0.isAttached && !$0.isOver }), apus_monotonic_milliseconds() < until {
      await pause(milliseconds: 20)
    }
  }

  private func recoveryPlan(_ names: [String]) async throws -> [RecoverItem] {
    var chosen = sessions.values.filter { Recovery.Mishap($0) != nil }
      .sorted { ($0.lastActive, $0.id) > ($1.lastActive, $1.id) }
    if !names.isEmpty { chosen = try names.map { name throws(Failure) in try require(name) } }
    let judged = await verdicts.evaluate(chosen.map { query($0) })
    return zip(chosen, judged).map { session, verdict in
      var item = RecoverItem(session: session, verdict: verdict, now: now)
      item.problem = obstacle(session, verdict)
      return item
    }
  }

  private func obstacle(_ session: Session, _ verdict: Verdict) -> Failure? {
    guard Recovery.Mishap(session) != nil else {
      return Failure(
        session.state.isLive ? .sessionLive : .notResumable,
        "nothing happened to \(session.name) that is to be mended: it is \(session.state.rawValue)",
        hint: session.state.isLive ? nil : "`apus resume \(session.name)` continues it")
    }
    // What was never written down begins anew, as with `apus resume`.
    let beginsAnew =
      verdict.reason == .notStarted || (verdict.reason == .sessionFileMissing && !session.transcriptSeen)
    if verdict.resumable || beginsAnew { return nil }
    return Failure(
      .notResumable, "\(session.name) cannot be resumed: \(verdict.reason?.rawValue ?? "unknown")",
      hint: "`apus check \(session.name)` says more")
  }

  private func perform(_ items: [RecoverItem], _ caller: Caller) async throws {
    var plan: [String: RecoverItem] = [:]
    for item in items { plan[item.id] = item }
    let spacing = try settings.number(.recoverSpacingSeconds)
    var recovery = Recovery(
      items.map { Recovery.Candidate(session: $0.id, obstacle: $0.problem) }, spacing: spacing,
      highestLoad: try settings.number(.recoverMaxLoad))
    func tell(_ id: String, _ outcome: RecoverItem.Outcome, _ problem: Failure? = nil) async throws {
      guard var item = plan[id] else { return }
      (item.outcome, item.problem) = (outcome, problem)
      log.info("recover \(id) \(item.name): \(outcome.rawValue)\(problem.map { ": " + $0.summary } ?? "")")
      await caller.item(try JSONText.encode(item))
    }
    var actions = recovery.handle(.began, now: now)[...]
    while let action = actions.popFirst() {
      switch action {
      case .finish: return
      case .look: actions += recovery.handle(.looked(load: Self.load()), now: now)
      case .wait(let seconds):
        await pause(milliseconds: Int((seconds * 1000).rounded(.up)))
        actions += recovery.handle(.waited, now: now)
      case .pass(let id, let why): try await tell(id, .failed, why)
      case .giveUp(let rest, let why): for id in rest { try await tell(id, .notStarted, why) }
      case .start(let id):
        let failure = await bringBack(id, seconds: spacing)
        let isQueued = sessions[id]?.state == .queued
        try await tell(id, failure != nil ? .failed : isQueued ? .queued : .resumed, failure)
        actions += recovery.handle(.settled(failure), now: now)
      }
    }
  }

  /// Resumes it and sees how it does for so long: what its agent fails of then may concern all of them.
  private func bringBack(_ id: String, seconds: Double) async -> Failure? {
    let nobody = Caller.nobody()
    do {
      try refuseWhileShuttingDown()
      // A terminal nobody sits at yet has the size they used to have; who attaches brings their own.
      let terminal = sessions[id]?.terminal == true ? TerminalWish(rows: 24, columns: 80) : nil
      let request = ResumeRequest(
        session: id, text: nil, fork: nil, directory: nil, wait: false, terminal: terminal)
      _ = try await resume(request, nobody)
    } catch { return error as? Failure ?? Failure(.internalError, "\(error)") }
    let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
    while let run = live[id], !run.isOver, run.turn.isMidTurn {
      let left = Int(until - apus_monotonic_milliseconds())
      if left <= 0 { return nil }
      await changes.next(of: id, caller: nobody, milliseconds: left)
    }
    return sessions[id]?.problem
  }

  /// Of the machine, per core.
  private static func load() -> Double {
    var loads = [0.0]
    guard getloadavg(&loads, 1) == 1 else { return 0 }
    return loads[0] / Double(max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }
}
