/// Where a session is in its life.
package enum SessionState: String, Codable, Sendable, CaseIterable {
  case queued, starting, running, ended, lost, archived

  package var isLive: Bool {
    switch self {
    case .queued, .starting, .running: true
    case .ended, .lost, .archived: false
    }
  }
}

/// How a run ended.
package enum Ending: Equatable, Sendable {
  case exit(Int)
  case signal(Int)
}

extension Ending: Codable {
  private enum CodingKeys: String, CodingKey { case exit, signal }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    if let signal = try fields.decodeIfPresent(Int.self, forKey: .signal) {
      self = .signal(signal)
    } else {
      self = .exit(try fields.decode(Int.self, forKey: .exit))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .exit(let code): try fields.encode(code, forKey: .exit)
    case .signal(let number): try fields.encode(number, forKey: .signal)
    }
  }
}

/// Everything an agent is started with; kept whole and passed again on every resume, since the agent itself
/// restores only a part of it (claude-contract §2.6).
package struct SpawnSpec: Codable, Equatable, Sendable {
  package var program: String
  package var model: String?
  package var permissionMode: String
  package var maxTurns: Int?
  package var environment: [String: String]
  /// The agent's own flags as a person gave them (`apus claude`), in place of those above; without what names a
  /// conversation or is a prompt. Nil where the session was made with our flags.
  package var arguments: [String]?
  /// The umask of the shell it was made from.
  package var umask: Int?

  package init(
    program: String, model: String?, permissionMode: String, maxTurns: Int?, environment: [String: String],
    arguments: [String]? = nil
  ) {
    self.program = program
    self.model = model
    self.permissionMode = permissionMode
    self.maxTurns = maxTurns
    self.environment = environment
    self.arguments = arguments
  }
}

package struct Tokens: Codable, Equatable, Sendable {
  package var input: Int
  package var output: Int

  package init(input: Int = 0, output: Int = 0) {
    self.input = input
    self.output = output
  }
}

/// Waits for a place to run in.
package struct QueuedStart: Codable, Equatable, Sendable {
  /// Those with smaller numbers come first.
  package var ticket: Int
  package var since: Moment
  /// Whether a conversation goes on then, or one begins.
  package var resumes: Bool
  /// The terminal it is to have, and what is asked there at once; a prompt of a headless run waits as an input.
  package var terminal: TerminalWish?
  package var prompt: String?

  package init(ticket: Int, since: Moment, resumes: Bool, terminal: TerminalWish? = nil, prompt: String? = nil) {
    self.ticket = ticket
    self.since = since
    self.resumes = resumes
    self.terminal = terminal
    self.prompt = prompt
  }
}

/// Our durable unit of work: a name, a directory, an agent's conversation, and the history of its runs.
package struct Session: Equatable, Sendable {
  package var id: String
  package var name: String
  package var conversationID: String
  package var owner: String?
  package var tags: [String] = []
  package var directory: String
  package var agent = "claude"
  package var agentVersion: String?
  package var spec: SpawnSpec
  package var state: SessionState = .starting
  /// The number of the latest run, from 1.
  package var run = 1
  /// Whether the latest run has a terminal; headless and terminal runs alternate.
  package var terminal = false
  /// `PERSIST_CLAUDE_SESSIONS` as it was when the session was made.
  package var persists = false
  package var createdAt: Moment
  package var lastActive: Moment
  package var ending: Ending?
  /// The model the agent says it uses.
  package var model: String?
  /// An estimate in US dollars; the agent reports it cumulatively for the whole conversation.
  package var cost: Double = 0
  package var tokens = Tokens()
  /// Whether a prompt was ever accepted: before that there is no conversation.
  package var prompted = false
  /// Whether the transcript was ever seen on disk.
  package var transcriptSeen = false
  /// The size of the transcript when a turn last ended: a smaller file has lost something.
  package var transcriptBytes = 0
  /// Whether the last run ended in the middle of a turn.
  package var interrupted = false
  package var forkedFrom: String?
  /// How many events the parent had when this one was forked from it.
  package var forkedAtEvent: Int?
  /// What the last failed turn or start said.
  package var problem: Failure?
  package var archivedAt: Moment?
  /// Set while it waits in the queue.
  package var queued: QueuedStart?
  /// A process that is not ours and has the conversation: it is followed, never touched.
  package var watched: ProcessMark?
  /// Whether somebody asked for the end of the last run.
  package var stopped = false
  /// Its repository, worktree, branch and ports; nil outside repositories.
  package var place: Place?
  package var creation: Creation?
  /// A process whose end is a deliberate shutdown for it (`--tied-to`).
  package var tiedTo: ProcessMark?
  /// Fields of a later version, kept as they are.
  package var unknown: [String: JSON] = [:]

  package init(
    id: String, name: String, conversationID: String, directory: String, spec: SpawnSpec, createdAt: Moment
  ) {
    self.id = id
    self.name = name
    self.conversationID = conversationID
    self.directory = directory
    self.spec = spec
    self.createdAt = createdAt
    lastActive = createdAt
  }
}

extension Session {
  /// The key its maker chose, and what was asked under it: asked again, there is this session already.
  package struct Creation: Codable, Equatable, Sendable {
    package var key: String
    package var digest: String

    package init(key: String, digest: String) {
      self.key = key
      self.digest = digest
    }
  }
}

extension Session: Codable {
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case id, name, conversationID, owner, tags, directory, agent, agentVersion, spec, state, run, persists, createdAt
    case lastActive, ending, model, cost, tokens, prompted, transcriptSeen, transcriptBytes, interrupted, forkedFrom
    case forkedAtEvent, problem, archivedAt, terminal, queued, watched, stopped, place, creation, tiedTo
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    id = try fields.decode(String.self, forKey: .id)
    name = try fields.decode(String.self, forKey: .name)
    conversationID = try fields.decode(String.self, forKey: .conversationID)
    owner = try fields.decodeIfPresent(String.self, forKey: .owner)
    tags = try fields.decodeIfPresent([String].self, forKey: .tags) ?? []
    directory = try fields.decodeIfPresent(String.self, forKey: .directory) ?? ""
    agent = try fields.decodeIfPresent(String.self, forKey: .agent) ?? "claude"
    agentVersion = try fields.decodeIfPresent(String.self, forKey: .agentVersion)
    spec = try fields.decode(SpawnSpec.self, forKey: .spec)
    state = try fields.decode(SessionState.self, forKey: .state)
    run = try fields.decode(Int.self, forKey: .run)
    persists = try fields.decodeIfPresent(Bool.self, forKey: .persists) ?? false
    createdAt = try fields.decode(Moment.self, forKey: .createdAt)
    lastActive = try fields.decodeIfPresent(Moment.self, forKey: .lastActive) ?? createdAt
    ending = try fields.decodeIfPresent(Ending.self, forKey: .ending)
    model = try fields.decodeIfPresent(String.self, forKey: .model)
    cost = try fields.decodeIfPresent(Double.self, forKey: .cost) ?? 0
    tokens = try fields.decodeIfPresent(Tokens.self, forKey: .tokens) ?? Tokens()
    prompted = try fields.decodeIfPresent(Bool.self, forKey: .prompted) ?? false
    transcriptSeen = try fields.decodeIfPresent(Bool.self, forKey: .transcriptSeen) ?? false
    transcriptBytes = try fields.decodeIfPresent(Int.self, forKey: .transcriptBytes) ?? 0
    interrupted = try fields.decodeIfPresent(Bool.self, forKey: .interrupted) ?? false
    forkedFrom = try fields.decodeIfPresent(String.self, forKey: .forkedFrom)
    forkedAtEvent = try fields.decodeIfPresent(Int.self, forKey: .forkedAtEvent)
    problem = try fields.decodeIfPresent(Failure.self, forKey: .problem)
    archivedAt = try fields.decodeIfPresent(Moment.self, forKey: .archivedAt)
    terminal = try fields.decodeIfPresent(Bool.self, forKey: .terminal) ?? false
    queued = try fields.decodeIfPresent(QueuedStart.self, forKey: .queued)
    watched = try fields.decodeIfPresent(ProcessMark.self, forKey: .watched)
    stopped = try fields.decodeIfPresent(Bool.self, forKey: .stopped) ?? false
    place = try fields.decodeIfPresent(Place.self, forKey: .place)
    creation = try fields.decodeIfPresent(Creation.self, forKey: .creation)
    tiedTo = try fields.decodeIfPresent(ProcessMark.self, forKey: .tiedTo)
    let known = Set(CodingKeys.allCases.map(\.rawValue))
    unknown = try JSON(from: decoder).object?.filter { !known.contains($0.key) } ?? [:]
  }

  package func encode(to encoder: any Encoder) throws {
    var rest = encoder.container(keyedBy: AnyKey.self)
    for (key, value) in unknown { try rest.encode(value, forKey: AnyKey(key)) }
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(id, forKey: .id)
    try fields.encode(name, forKey: .name)
    try fields.encode(conversationID, forKey: .conversationID)
    try fields.encodeIfPresent(owner, forKey: .owner)
    try fields.encode(tags, forKey: .tags)
    try fields.encode(directory, forKey: .directory)
    try fields.encode(agent, forKey: .agent)
    try fields.encodeIfPresent(agentVersion, forKey: .agentVersion)
    try fields.encode(spec, forKey: .spec)
    try fields.encode(state, forKey: .state)
    try fields.encode(run, forKey: .run)
    try fields.encode(persists, forKey: .persists)
    try fields.encode(createdAt, forKey: .createdAt)
    try fields.encode(lastActive, forKey: .lastActive)
    try fields.encodeIfPresent(ending, forKey: .ending)
    try fields.encodeIfPresent(model, forKey: .model)
    try fields.encode(cost, forKey: .cost)
    try fields.encode(tokens, forKey: .tokens)
    try fields.encode(prompted, forKey: .prompted)
    try fields.encode(transcriptSeen, forKey: .transcriptSeen)
    try fields.encode(transcriptBytes, forKey: .transcriptBytes)
    try fields.encode(interrupted, forKey: .interrupted)
    try fields.encodeIfPresent(forkedFrom, forKey: .forkedFrom)
    try fields.encodeIfPresent(forkedAtEvent, forKey: .forkedAtEvent)
    try fields.encodeIfPresent(problem, forKey: .problem)
    try fields.encodeIfPresent(archivedAt, forKey: .archivedAt)
    try fields.encode(terminal, forKey: .terminal)
    try fields.encodeIfPresent(queued, forKey: .queued)
    try fields.encodeIfPresent(watched, forKey: .watched)
    try fields.encode(stopped, forKey: .stopped)
    try fields.encodeIfPresent(place, forKey: .place)
    try fields.encodeIfPresent(creation, forKey: .creation)
    try fields.encodeIfPresent(tiedTo, forKey: .tiedTo)
  }
}

/// A key that is known only when it is met.
package struct AnyKey: CodingKey {
  package var stringValue: String
  package var intValue: Int? { nil }
  package init(_ stringValue: String) { self.stringValue = stringValue }
  package init?(stringValue: String) { self.init(stringValue) }
  package init?(intValue: Int) { nil }
}
