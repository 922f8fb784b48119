import ApusAgents
import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// The daemon's brain: it knows every session, owns the order of work, and performs what Core decides. All sessions are
// in memory, written through to the store before anything that depends on them happens. The verbs stand in the files
// beside this one, by noun.

@LoopActor
package final class Coordinator {
  let places: Places
  let store: any Store
  let log: Log
  let settingsSource: SettingsSource
  let limits = LimitDesk()
  let watches = WatchDesk()
  let desk = PlaceDesk()
  let statuses = StatusDesk()
  let conflictDesk = ConflictDesk()
  /// By session: with whom it would conflict, as far as that was computed, and for which commits.
  var conflictMarks: [String: [String]] = [:]
  var conflictSignature = ""
  /// Puts right what the last daemon was in the middle of.
  var mending: Task<Void, Never>?
  /// Which agents were told of which files that are not theirs.
  var advised: Set<String> = []
  /// Sessions with an undertaking of this very daemon's.
  var underWay: Set<String> = []
  let locks: LockDesk
  let sessionsFiles = SessionsFileDesk()
  let guards: GuardDesk
  let claims: ClaimDesk
  let claimWaits = ClaimWaits()
  lazy var claimTrees = TreeWatch { [unowned self] checkout in lookSoon(at: checkout) }
  let deployments = DeployDesk()
  let servers = DevDesk()
  /// Sessions that have something to hear.
  var hasNotices: Set<String> = []
  /// Hooks that wait for something a session at rest is to hear.
  var sleepers: [String: Answer<Void>] = [:]
  /// Tickets whose holders are told once they have what they wait for.
  var waitedFor: Set<String> = []
  var isBeating = false
  package let environment: [String: String]
  package let changes = Changes()
  package let sayings = Sayings()
  let children: Children
  let probe: AgentProbe
  let verdicts: VerdictDesk
  let figures: Figures
  let directories = DirectoryWatch()
  let registries: RegistryDesk
  /// The run directories of terminals, watched for what hooks leave there, by session; -1 while that begins.
  var spools: [String: Int32] = [:]
  let startedAt = apus_wall_seconds()
  /// Which boot of the machine this is.
  let boot = Processes.bootID()

  var sessions: [String: Session] = [:]
  var live: [String: LiveRun] = [:]
  /// Environments are large and mostly the same: sessions of one shell share one.
  private var environments: Set<[String: String]> = []
  var isShuttingDown = false
  /// Sessions whose resume is under way.
  var busy: Set<String> = []
  var quotaCheckedAt: Moment = 0
  var isRecovering = false
  /// Processes whose end ends sessions.
  var ties: [ProcessMark: Descriptor] = [:]

  package init(
    places: Places, store: any Store, log: Log, settings: Settings, environment: [String: String], children: Children
  ) throws {
    self.places = places
    self.store = store
    self.log = log
    settingsSource = try SettingsSource(settings, environment: environment, log: log)
    self.environment = environment
    self.children = children
    figures = Figures(places: places)
    locks = LockDesk(store: store, log: log)
    claims = try ClaimDesk(store: store)
    guards = GuardDesk(store: store)
    registries = RegistryDesk(directories)
    probe = AgentProbe(store: store, children: children)
    verdicts = VerdictDesk(milliseconds: Int(try settings.number(.verdictSeconds) * 1000), log: log)
    let changes = changes
    claims.changed = { changes.announce(.claims) }
    statuses.onSpoiled = { changes.announce(.session($0)) }
    store.onAppended = { LoopActor.assumeIsolatedHere { changes.announceEvents() } }
    for var session in try store.loadSessions() {
      session.spec.environment = shared(session.spec.environment)
      sessions[session.id] = session
    }
  }

  /// The same environment, kept once for all sessions that were made from one shell: most of what a session weighs.
  func shared(_ environment: [String: String]) -> [String: String] {
    environments.insert(environment).memberAfterInsert
  }

  var now: Moment { apus_wall_seconds() }
  package var settings: Settings { settingsSource.current }

  // MARK: finding

  /// By name, short id or conversation id. A name wins over ids: it is what its owner chose.
  package func require(_ text: String) throws(Failure) -> Session {
    if let found = try find(text) { return found }
    let lower = text.lowercased()
    let near = sessions.values.filter { $0.name.lowercased().hasPrefix(lower.prefix(3)) }.map(\.name).sorted().prefix(3)
    throw Failure(
      .sessionNotFound, "there is no session \"\(SessionName.excerpt(text))\"",
      hint: near.isEmpty ? "`apus list --all` shows every session" : "did you mean \(near.joined(separator: ", "))?")
  }

  /// Nil when there is none; throws when there are several.
  func find(_ text: String) throws(Failure) -> Session? {
    if let named = sessions.values.first(where: { $0.name == text }) { return named }
    if let session = sessions[text.lowercased()] { return session }
    let lower = text.lowercased()
    let found = sessions.values.filter {
      $0.conversationID == lower
        || (lower.count >= 3 && ($0.id.hasPrefix(lower) || (lower.count >= 8 && $0.conversationID.hasPrefix(lower))))
    }.sorted { $0.id < $1.id }
    if found.count == 1 { return found[0] }
    if found.count > 1 {
      let list = found.map { "\($0.id) \($0.name)" }.joined(separator: ", ")
      throw Failure(
        .nameAmbiguous, "\"\(SessionName.printable(text))\" may mean several sessions: \(list)",
        hint: "say the name or the whole short id")
    }
    return nil
  }

  func requireLive(_ session: Session) throws(Failure) -> LiveRun {
    guard let run = live[session.id], !run.isOver else {
      try refuseWatched(session)
      throw Failure(
        .sessionNotRunning, "\(session.name) (\(session.id)) is not running: it is \(session.state.rawValue)",
        hint: session.state == .queued
          ? "it starts by itself; `apus stop \(session.name)` takes it out of the queue"
          : "`apus resume \(session.name)` continues it")
    }
    return run
  }

  /// An id nobody has, and that nothing on the disk is left of.
  func freeID() -> String {
    ShortID.choose(random: RandomID.number()) { sessions[$0] != nil || Files.isThere(places.runs + "/" + $0) }
  }

  func requireFree(name: String) throws(Failure) {
    try SessionName.check(name)
    if desk.making.contains(name) {
      throw Failure(.nameTaken, "a session called \(name) is just being made", hint: "choose another name")
    }
    if let other = sessions.values.first(where: { $0.name == name }) {
      throw Failure(
        .nameTaken, "the name \(name) is taken by session \(other.id) (\(other.state.rawValue))",
        hint: "choose another, or free it: `apus rename \(other.id) NEW`")
    }
  }

  // MARK: changing

  /// Changes a session and keeps it; what could not be kept did not change.
  func update(_ id: String, _ change: (inout Session) -> Void) throws {
    guard var session = sessions[id] else { return }
    change(&session)
    guard session != sessions[id] else { return }
    try store.save(session)
    if session.lastActive != sessions[id]?.lastActive { sessionsFiles.acted(id) }
    sessions[id] = session
    changes.announce(id)
  }

  /// An event of a session that is not the agent's doing.
  func note(_ id: String, _ kind: Event.Kind, _ detail: JSON = .object([:])) throws {
    if let run = live[id] {
      try run.advance([run.event(kind, detail)])
    } else {
      let run = sessions[id]?.run ?? 0
      let event = Event(n: 0, at: now, session: id, run: run, kind: kind, detail: detail)
      _ = try store.append([event], cursor: nil, session: id, run: run)
    }
    changes.announce(id)
  }

  // MARK: showing

  func object(_ session: Session, verdict: Verdict) -> SessionObject {
    let run = live[session.id]
    let activity: Activity
    let source: String
    let since: Moment
    let seen = session.watched == nil ? nil : watches.seen[session.id]
    switch session.state {
    case .running where seen?.status != nil:
      activity = seen?.activity ?? .unknown
      source = "sessions file"
      since = seen?.statusUpdatedAt ?? session.lastActive
    case .running where run != nil, .starting where run != nil:
      // A run with prompts accepted works, also while its agent still starts.
      activity = run?.turn.activity ?? .unknown
      source = run?.turn.source ?? "process"
      since = run?.turn.since ?? session.lastActive
    case .queued, .starting, .running, .ended, .lost, .archived:
      activity = .unknown
      source = session.state == .starting || session.watched != nil ? "process" : "ending"
      since = session.lastActive
    }
    var object = SessionObject(
      session: session, activity: activity, activitySource: source, activityAge: max(0, now - since),
      needs: run?.turn.pending ?? [], doing: run?.turn.doing, verdict: verdict,
      pid: (run?.run.agent ?? session.watched).map { Int($0.pid) }, keeperPID: run?.run.keeper.map { Int($0.pid) },
      now: now)
    object.needsWhat = run?.turn.pending.first?.brief ?? seen?.waitingFor
    if run?.turn.isStalled == true { object.needsWhat = "stalled: silent for \(MomentText.age(now - since))" }
    figures.tell(&object, live: run?.run)
    tellLocks(&object)
    if let known = statuses.known(session.id) {
      (object.ahead, object.behind, object.dirty) = (known.ahead, known.behind, known.isDirty)
      object.outside = known.outside
      object.conflicts = conflictMarks[session.id]
    }
    return object
  }

  /// `looking` is false where what is known of its place is good enough.
  package func object(_ id: String, looking: Bool = true) async throws -> SessionObject {
    guard let session = sessions[id] else {
      throw Failure(.sessionNotFound, "the session is gone", hint: "`apus list --all` shows every session")
    }
    let verdict = await verdicts.evaluate([query(session)])[0]
    if session.watched != nil { await lookAtWatched() }
    if looking, session.place != nil {
      await statuses.refresh([session])
      // With whom it would conflict is told once it is known.
      if changes.isFollowed, session.state.isLive { LoopActor.begin { [self] in await markConflicts([session]) } }
    }
    var object = object(sessions[id] ?? session, verdict: verdict)
    if object.state == .queued { object.queue = queuePlaces()[id] }
    return object
  }

  func query(_ session: Session, directory: String? = nil) -> VerdictDesk.Query {
    let run = live[session.id]
    // A living agent writes its first prompt down only a moment after it took it: until then no file is missing.
    let isMissed = session.prompted && (run == nil || session.transcriptSeen)
    return VerdictDesk.Query(
      session: session.id,
      transcript: TranscriptIndex.Query(
        conversationID: session.conversationID, directory: session.directory,
        configuration: ClaudeEnvironment.configurationDirectory(session.spec.environment),
        prompted: isMissed, bytesSeen: session.transcriptBytes,
        ours: run?.run.agent.map { [$0] } ?? []),
      elsewhereDirectory: directory != nil)
  }
}
