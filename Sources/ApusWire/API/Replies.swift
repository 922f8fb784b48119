import ApusCore

/// A session as outsiders see it: on the command line's `--json`, later over REST. Keys are promises; more may come.
package struct SessionObject: Codable, Equatable, Sendable {
  package var id: String
  package var name: String
  package var conversationID: String
  package var owner: String?
  package var tags: [String]
  package var directory: String
  package var agent: String
  package var agentVersion: String?
  package var model: String?
  package var permissionMode: String
  package var run: Int
  /// Whether the latest run has a terminal.
  package var terminal: Bool
  package var state: SessionState
  package var activity: Activity
  /// What the activity rests on, and how old that is, in seconds.
  package var activitySource: String
  package var activityAge: Double
  package var needs: [PermissionRequest]
  /// What it needs a person for, in one line.
  package var needsWhat: String?
  /// Its place among those that wait to run.
  package var queue: QueuePlace?
  /// Who says that there is this session: `apus` of ours, else a file or a program of Claude Code's.
  package var source = "apus"
  /// What the agent last said or did, in one line.
  package var doing: String?
  package var ending: Ending?
  package var verdict: Verdict
  package var problem: Failure?
  package var pid: Int?
  package var keeperPID: Int?
  package var createdAt: String
  package var lastActive: String
  package var lastActiveAge: Double
  package var cost: Double
  package var tokens: Tokens
  package var persists: Bool
  package var interrupted: Bool
  package var forkedFrom: String?
  /// Bytes: what the processes of a live run share of the machine's memory.
  package var memory: Int?
  /// Percent of one core, since it was last looked at.
  package var cpu: Double?
  /// TCP ports on which the processes of a live run listen.
  package var listening: [Int]?
  /// Bytes: what is kept of its runs.
  package var disk: Int?
  package var component: String?
  package var kind: Place.Kind?
  package var profile: String?
  package var branch: String?
  package var base: String?
  /// Commits its branch has that the base has not, and the other way round; null where that is not known.
  package var ahead: Int?
  package var behind: Int?
  /// Whether its worktree has what is not committed.
  package var dirty: Bool?
  package var worktree: String?
  /// The repository it works on: its main checkout; of a bare one the repository itself.
  package var repository: String?
  package var ports: [String: Int]
  /// Sessions, or the base, with which its branch would conflict if it were merged now; null: not known.
  package var conflicts: [String]?
  /// Files it changed outside its component.
  package var outside: [String]
  /// The commit of the base that holds its work.
  package var merged: String?
  /// Named locks it holds.
  package var locks: [String] = []
  /// What it waits for, in words: `lock docker (2nd, held by e1b2 improve-feeds)`.
  package var waitsFor: String?
  /// What the last turn answered, where a caller waited for it.
  package var result: String?
  /// What was noticed while it was made, a line each.
  package var notes: [String]?

  package init(
    session: Session, activity: Activity, activitySource: String, activityAge: Double,
    needs: [PermissionRequest], doing: String?, verdict: Verdict, pid: Int?, keeperPID: Int?, now: Moment
  ) {
    id = session.id
    name = session.name
    conversationID = session.conversationID
    owner = session.owner
    tags = session.tags
    directory = session.directory
    agent = session.agent
    agentVersion = session.agentVersion
    model = session.model ?? session.spec.model
    permissionMode = session.spec.permissionMode
    run = session.run
    terminal = session.terminal
    state = session.state
    self.activity = activity
    self.activitySource = activitySource
    self.activityAge = activityAge
    self.needs = needs
    self.doing = doing
    ending = session.ending
    self.verdict = verdict
    problem = session.problem
    self.pid = pid
    self.keeperPID = keeperPID
    createdAt = MomentText.iso(session.createdAt)
    lastActive = MomentText.iso(session.lastActive)
    lastActiveAge = max(0, now - session.lastActive)
    cost = session.cost
    tokens = session.tokens
    persists = session.persists
    interrupted = session.interrupted
    forkedFrom = session.forkedFrom
    component = session.place?.component
    kind = session.place?.kind
    profile = session.place?.profile
    branch = session.place?.branch
    base = session.place?.base
    worktree = session.place?.worktree
    repository = session.place?.checkout ?? session.place?.repository
    // An archived one has given them back.
    ports = session.state == .archived ? [:] : session.place?.ports ?? [:]
    outside = []
    merged = session.place?.merged
  }
}

extension SessionObject {
  private enum CodingKeys: String, CodingKey {
    case id, name, conversationID, owner, tags, directory, agent, agentVersion, model, permissionMode, run, state
    case activity, activitySource, activityAge, needs, doing, ending, verdict, problem, pid, keeperPID, createdAt
    case lastActive, lastActiveAge, cost, tokens, persists, interrupted, forkedFrom, result, terminal, needsWhat, queue
    case source
    case memory, cpu, listening, disk
    case component, kind, profile, branch, base, ahead, behind, dirty, worktree, repository, ports, conflicts, outside,
      merged, locks, waitsFor, notes
  }

  /// Every key is always there but `result` and `notes`; what is unknown is null.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(name, forKey: .name)
    try fields.encode(conversationID, forKey: .conversationID)
    try fields.encode(owner, forKey: .owner)
    try fields.encode(tags, forKey: .tags)
    try fields.encode(directory, forKey: .directory)
    try fields.encode(agent, forKey: .agent)
    try fields.encode(agentVersion, forKey: .agentVersion)
    try fields.encode(model, forKey: .model)
    try fields.encode(permissionMode, forKey: .permissionMode)
    try fields.encode(run, forKey: .run)
    try fields.encode(terminal, forKey: .terminal)
    try fields.encode(state, forKey: .state)
    try fields.encode(activity, forKey: .activity)
    try fields.encode(activitySource, forKey: .activitySource)
    try fields.encode(activityAge, forKey: .activityAge)
    try fields.encode(needs, forKey: .needs)
    try fields.encode(needsWhat, forKey: .needsWhat)
    try fields.encode(queue, forKey: .queue)
    try fields.encode(source, forKey: .source)
    try fields.encode(doing, forKey: .doing)
    try fields.encode(ending, forKey: .ending)
    try fields.encode(verdict, forKey: .verdict)
    try fields.encode(problem, forKey: .problem)
    try fields.encode(pid, forKey: .pid)
    try fields.encode(keeperPID, forKey: .keeperPID)
    try fields.encode(createdAt, forKey: .createdAt)
    try fields.encode(lastActive, forKey: .lastActive)
    try fields.encode(lastActiveAge, forKey: .lastActiveAge)
    try fields.encode(cost, forKey: .cost)
    try fields.encode(tokens, forKey: .tokens)
    try fields.encode(persists, forKey: .persists)
    try fields.encode(interrupted, forKey: .interrupted)
    try fields.encode(forkedFrom, forKey: .forkedFrom)
    try fields.encode(memory, forKey: .memory)
    try fields.encode(cpu, forKey: .cpu)
    try fields.encode(listening, forKey: .listening)
    try fields.encode(disk, forKey: .disk)
    try fields.encode(component, forKey: .component)
    try fields.encode(kind, forKey: .kind)
    try fields.encode(profile, forKey: .profile)
    try fields.encode(branch, forKey: .branch)
    try fields.encode(base, forKey: .base)
    try fields.encode(ahead, forKey: .ahead)
    try fields.encode(behind, forKey: .behind)
    try fields.encode(dirty, forKey: .dirty)
    try fields.encode(worktree, forKey: .worktree)
    try fields.encode(repository, forKey: .repository)
    try fields.encode(ports, forKey: .ports)
    try fields.encode(conflicts, forKey: .conflicts)
    try fields.encode(outside, forKey: .outside)
    try fields.encode(merged, forKey: .merged)
    try fields.encode(locks, forKey: .locks)
    try fields.encode(waitsFor, forKey: .waitsFor)
    try fields.encodeIfPresent(result, forKey: .result)
    try fields.encodeIfPresent(notes, forKey: .notes)
  }
}

/// An item before the answer of what takes long: what is being done, in words for a person.
package struct Progress: Codable, Equatable, Sendable {
  package var doing: String

  package init(doing: String) { self.doing = doing }
}

package struct CheckItem: Codable, Equatable, Sendable {
  package var id: String?
  package var name: String
  package var verdict: Verdict

  package init(id: String?, name: String, verdict: Verdict) {
    self.id = id
    self.name = name
    self.verdict = verdict
  }

  private enum CodingKeys: String, CodingKey { case id, name, verdict }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(name, forKey: .name)
    try fields.encode(verdict, forKey: .verdict)
  }
}

/// An event as outsiders see it: a JSON line.
package struct EventObject: Codable, Equatable, Sendable {
  package var n: Int
  package var at: String
  package var session: String
  package var run: Int
  package var type: String
  package var detail: JSON

  package init(_ event: Event) {
    n = event.n
    at = MomentText.iso(event.at)
    session = event.session
    run = event.run
    type = event.kind.rawValue
    detail = event.detail
  }
}

package struct StatusReply: Codable, Sendable {
  package var version: String
  package var pid: Int
  package var home: String
  package var startedAt: String
  package var sessions: Int
  package var live: Int

  package init(version: String, pid: Int, home: String, startedAt: String, sessions: Int, live: Int) {
    self.version = version
    self.pid = pid
    self.home = home
    self.startedAt = startedAt
    self.sessions = sessions
    self.live = live
  }
}

package struct ShutDownReply: Codable, Sendable {
  package var pid: Int
  package var persisted: [String]
  package var ended: [String]

  package init(pid: Int, persisted: [String], ended: [String]) {
    self.pid = pid
    self.persisted = persisted
    self.ended = ended
  }
}

/// One thing `apus doctor` looked at.
package struct Finding: Codable, Sendable {
  package enum Level: String, Codable, Sendable { case fine, note, problem }

  package var level: Level
  package var what: String
  /// The command that mends it.
  package var mend: String?

  package init(_ level: Level, _ what: String, mend: String? = nil) {
    self.level = level
    self.what = what
    self.mend = mend
  }
}

/// Where the latest run of a session is: whoever attaches goes to its keeper, not through the daemon.
package struct RunPlace: Codable, Equatable, Sendable {
  package var id: String
  package var name: String
  package var run: Int
  package var directory: String
  package var socket: String
  package var terminal: Bool
  package var isLive: Bool
  /// Whether it was started for the one who asked.
  package var isNew: Bool

  package init(
    id: String, name: String, run: Int, directory: String, socket: String, terminal: Bool, isLive: Bool, isNew: Bool
  ) {
    self.id = id
    self.name = name
    self.run = run
    self.directory = directory
    self.socket = socket
    self.terminal = terminal
    self.isLive = isLive
    self.isNew = isNew
  }
}
