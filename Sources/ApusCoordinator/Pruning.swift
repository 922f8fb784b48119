import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire
import CSystem
import Glibc

// What dead runs left behind: looked at, planned by Core's rule, and removed only as far as a person approved it. What
// was approved is planned anew first, and only what is in both plans goes; each item is looked at once more as it goes.

extension Coordinator {
  private static let lookMilliseconds = 15_000
  /// What just leaves of its own accord is no orphan.
  private static let leavingMilliseconds = 150
  private static let politeMilliseconds: Int64 = 1500
  private static let lastMilliseconds: Int64 = 10_000

  /// The plan; with `approved`, what became of each item of it.
  package func prune(_ request: PruneRequest) async throws -> PruneReply {
    let plan = try await leftovers().plan
    guard let approved = request.approved else { return PruneReply(items: plan, outcomes: nil) }
    return PruneReply(items: approved, outcomes: try await perform(approved, plan))
  }

  /// The finding of `apus doctor`.
  func orphans() async -> Finding {
    let plan: [PruneItem]
    do { plan = try await leftovers().plan } catch {
      let failure = error as? Failure ?? Failure(.internalError, "\(error)")
      return Finding(.problem, failure.summary, mend: failure.hint)
    }
    if plan.isEmpty { return Finding(.fine, "nothing is left of runs that are over") }
    let living = plan.filter { $0.mark != nil }.count
    let words = "\(plan.count) things are left of runs that are over, \(living) of them processes"
    return Finding(living > 0 ? .problem : .note, words, mend: "apus prune")
  }

  // MARK: observing

  func leftovers() async throws -> Leftovers {
    var (seen, standing) = try await observe()
    func isLeft(_ run: RunID) -> Bool { standing[run]?.reason != nil }
    var marks = Set((seen.tree?.runs ?? [:]).filter { isLeft($0.key) }.values.joined().map(\.mark))
    if !marks.isEmpty {
      await pause(milliseconds: Self.leavingMilliseconds)
      (seen, standing) = try await observe()
      marks.formIntersection((seen.tree?.runs ?? [:]).values.joined().map(\.mark))
    }
    let left = marks
    let members = seen.tree.map { tree in tree.runs.flatMap { run, all in all.map { (run, $0) } } }
    let processes = await Offload.run {
      members?.map { run, member in
        // What is not ours to remove need not be described.
        let isLeft = left.contains(member.mark)
        return Leftovers.Process(
          mark: member.mark, run: run, role: member.role, command: isLeft ? member.command : "",
          bytes: isLeft ? member.memory : nil)
      }
    }
    // What appeared between the two looks is no part of this plan.
    let planned = processes?.filter { !isLeft($0.run) || left.contains($0.mark) }
    return Leftovers(
      processes: planned, standing: standing, sessions: Set(sessions.keys), sockets: seen.sockets,
      temporary: seen.temporary, drafts: seen.drafts, directories: seen.directories)
  }

  /// What there is, and what the records say of it: asked afterwards, so that no run which begins meanwhile is missed.
  private func observe() async throws -> (Remains, [RunID: Leftovers.Standing]) {
    let (places, known) = (self.places, Set(sessions.keys))
    let seen = await Offload.run(withinMilliseconds: Self.lookMilliseconds) { Remains(of: places, known: known) }
    guard let seen = seen.flatMap({ $0 }) else {
      throw Failure(
        .storeFailed, "\(places.runs) or \(places.socketDirectory) cannot be read; nothing is planned",
        hint: "`apus doctor` says what may be wrong")
    }
    var standing: [RunID: Leftovers.Standing] = [:]
    let files = (seen.sockets + seen.temporary + seen.drafts).map(\.run)
    for run in Set(files).union((seen.tree?.runs ?? [:]).keys) { standing[run] = try self.standing(of: run) }
    return (seen, standing)
  }

  private func standing(of run: RunID) throws -> Leftovers.Standing {
    guard let session = sessions[run.session] else { return .unknownSession }
    if live[run.session]?.run.number == run.number { return .live }
    // A record may be ahead of what lives, while a run is just being started.
    if session.run == run.number, session.state.isLive { return .open }
    if busy.contains(run.session), run.number > session.run { return .open }
    guard let record = try store.loadRuns(of: run.session).first(where: { $0.number == run.number }) else {
      return .unrecorded
    }
    switch record.phase {
    case .starting, .running: return .open
    case .ended, .lost: return .over
    }
  }

  private func isOver(_ run: RunID) -> Bool { (try? standing(of: run))?.reason != nil }

  // MARK: performing

  private func perform(_ approved: [PruneItem], _ plan: [PruneItem]) async throws -> [PruneOutcome] {
    let items = plan.filter { item in approved.contains { $0.isSame(as: item) } }
    var outcomes = approved.filter { item in !items.contains { $0.isSame(as: item) } }.map { item in
      let isThere = item.mark.map(Processes.isAlive) ?? item.path.map(Files.isThere) ?? false
      return isThere
        ? PruneOutcome(item, .kept, "it is not what the plan said any more") : PruneOutcome(item, .gone)
    }
    for kind in [PruneItem.Kind.process, .keeper] {
      let runs = Set(items.filter { $0.kind == kind }.compactMap(\.runID))
      if !runs.isEmpty { await endAll(of: runs, keepers: kind == .keeper) }
      if kind == .keeper { for run in runs { removeSocket(of: run) } }
      // What such a process started since then went with it.
      let all = plan.filter { $0.kind == kind && $0.runID.map(runs.contains) == true }
      outcomes += all.map { item in
        let isAlive = item.mark.map(Processes.isAlive) == true
        let why = item.runID.map(isOver) == true ? "it is still there" : "its run may live"
        return isAlive ? PruneOutcome(item, .failed, why) : PruneOutcome(item, .removed)
      }
    }
    outcomes += try await removeFiles(items.filter { $0.mark == nil })
    for outcome in outcomes {
      log.info(
        "prune: \(outcome.item.kind.rawValue) \(outcome.item.pid.map { "pid \($0)" } ?? outcome.item.what): \(outcome.result.rawValue) \(outcome.detail ?? "")"
      )
    }
    figures.forgetDisk()
    return outcomes
  }

  /// Ends what lives of these runs, politely first, and returns when it was seen gone, or would not go. A process is
  /// signalled only while it carries the mark (or descends from one that does) and its run is over.
  private func endAll(of runs: Set<RunID>, keepers: Bool) async {
    let since = apus_monotonic_milliseconds()
    var asked: Set<ProcessMark> = []
    var links: [KeeperLink] = []
    defer { for link in links { link.close() } }
    while true {
      let places = self.places
      let tree = await Offload.run { ProcessTree(of: places) }
      let elapsed = apus_monotonic_milliseconds() - since
      let here = runs.filter(isOver).flatMap { run in
        (tree?.runs[run] ?? []).filter { ($0.role == .keeper) == keepers }.map { (run, $0.mark) }
      }
      if tree == nil || here.isEmpty || elapsed > Self.lastMilliseconds { return }
      for (run, mark) in here where elapsed < Self.politeMilliseconds && asked.insert(mark).inserted {
        // A keeper that has nothing left to keep waits to be told that its ending was read.
        if keepers, let link = KeeperLink.connect(socket: socket(of: run)) {
          link.send(.hello(version: KeeperProtocol.version))
          links.append(link)
        }
        Processes.signal(mark, SIGTERM)
      }
      for link in links { link.send(.acknowledgeEnding) }
      if elapsed >= Self.politeMilliseconds {
        for (_, mark) in here { Processes.signal(mark, SIGSTOP) }
        for (_, mark) in here { Processes.signal(mark, SIGKILL) }
      }
      await pause(milliseconds: 30)
    }
  }

  private func socket(of run: RunID) -> String { places.keeperSocket(session: run.session, run: run.number) }

  /// A keeper that had to be killed left it.
  private func removeSocket(of run: RunID) {
    let path = socket(of: run)
    if isOver(run), Remains.kind(path) == S_IFSOCK, apus_unix_listens(path) == 0 { Files.remove(path) }
  }

  private func removeFiles(_ items: [PruneItem]) async throws -> [PruneOutcome] {
    if items.isEmpty { return [] }
    let places = self.places
    guard let tree = await Offload.run({ ProcessTree(of: places) }) else {
      return items.map { PruneOutcome($0, .kept, "it cannot be seen whether a process of it lives") }
    }
    var outcomes: [PruneOutcome] = []
    for item in items {
      let lives = tree.runs.keys.contains { item.runID == $0 || (item.run == nil && item.session == $0.session) }
      outcomes.append(lives ? PruneOutcome(item, .kept, "a process of it lives") : await remove(item))
    }
    return outcomes
  }

  /// Removes one path, if it still is what it was.
  private func remove(_ item: PruneItem) async -> PruneOutcome {
    guard let path = item.path, let kind = Remains.kind(path) else { return PruneOutcome(item, .gone) }
    let changed = PruneOutcome(item, .kept, "it is not what the plan said any more")
    if let run = item.runID, !isOver(run) { return PruneOutcome(item, .kept, "its run may live") }
    let code: Int32
    switch item.kind {
    case .process, .keeper: return changed
    case .socket:
      guard kind == S_IFSOCK, apus_unix_listens(path) == 0 else { return changed }
      code = unlink(path) == 0 ? 0 : errno
    case .draft:
      guard kind == S_IFREG else { return changed }
      code = unlink(path) == 0 ? 0 : errno
    case .temporary:
      guard kind == S_IFDIR else { return changed }
      code = await Offload.run { apus_tree_remove(path) == 0 ? 0 : errno }
    case .directory:
      let isHalf = path.hasSuffix(Remains.halfRemoved)
      guard kind == S_IFDIR, isHalf || sessions[item.session] == nil else { return changed }
      // Away in one step, in which no session can begin that gets its id; then all that is in it.
      let aside = isHalf ? path : path + Remains.halfRemoved
      guard isHalf || Glibc.rename(path, aside) == 0 else {
        return PruneOutcome(item, .failed, String(cString: apus_error_text(errno)))
      }
      code = await Offload.run { apus_tree_remove(aside) == 0 ? 0 : errno }
    }
    if code == 0 { return PruneOutcome(item, .removed) }
    return code == ENOENT
      ? PruneOutcome(item, .gone) : PruneOutcome(item, .failed, String(cString: apus_error_text(code)))
  }
}
