import ApusCore

/// Every verb of the daemon. Doors (command line, later REST and MCP) offer these and no others.
package enum Verb: String, Codable, Sendable, CaseIterable {
  case status, shutDown = "shut_down"
  case new, send, wait, interrupt, permit, list, show, check, logs, events, stop, stopAll = "stop_all", resume
  case rename, tag, archive, doctor, locate, claude, recover, adopt
  case ps, prune
  case initialise = "init", setUpState = "set_up_state", place, sync, merge, pullRequest = "pull_request", conflicts
  case compare, keep, remove, rescues, restore, moveCommits = "move_commits", find, ports, garbage, workLog = "work_log"
  case mend
  case lock, heldLock = "held_lock", locks, lockStories = "lock_stories", claims, tell, inbox
  case deployWatch = "deploy_watch", deployStatus = "deploy_status"
  case devServe = "dev_serve", devReport = "dev_report", devStatus = "dev_status", devAct = "dev_act"
  case listen, tokens, diff, openPage = "open_page"
  /// Its body is a `HookRequest`, its answer what the agent is to be told: bytes both, not JSON.
  case hook

  /// Whether it changes nothing: asked twice it does no more than asked once.
  package var onlyLooks: Bool {
    switch self {
    case .status, .list, .show, .check, .locate, .doctor, .setUpState, .place, .conflicts, .rescues, .ports, .find,
      .locks, .lockStories, .deployStatus, .devStatus, .diff:
      true
    case .shutDown, .new, .send, .wait, .interrupt, .permit, .logs, .events, .stop, .stopAll, .resume, .rename, .tag,
      .archive, .claude, .recover, .adopt, .ps, .prune, .initialise, .sync, .merge, .pullRequest, .compare, .keep,
      .remove, .restore, .moveCommits, .garbage, .workLog, .mend, .hook, .lock, .heldLock, .claims, .tell, .inbox,
      .deployWatch, .devServe, .devReport, .devAct, .listen, .tokens,
      .openPage:
      false
    }
  }
}

package struct Nothing: Codable, Sendable {
  package init() {}
}

package struct NewRequest: Codable, Sendable {
  package var name: String
  package var directory: String
  package var prompt: String?
  package var spec: SpawnSpec
  package var owner: String?
  package var tags: [String]
  package var persists: Bool
  package var wait: Bool
  /// Nil: headless.
  package var terminal: TerminalWish?
  /// Nil: it works in its directory, whatever that is in.
  package var place: PlaceWish?
  /// Whether the answer comes as soon as the session is kept, while its agent still starts.
  package var isEarly = false
  /// What makes asking twice asking once.
  package var creation: Session.Creation?
  /// A process whose end is a deliberate shutdown for it.
  package var tiedTo: ProcessMark?

  package init(
    name: String, directory: String, prompt: String?, spec: SpawnSpec, owner: String?, tags: [String],
    persists: Bool, wait: Bool, terminal: TerminalWish? = nil
  ) {
    self.name = name
    self.directory = directory
    self.prompt = prompt
    self.spec = spec
    self.owner = owner
    self.tags = tags
    self.persists = persists
    self.wait = wait
    self.terminal = terminal
  }
}

/// A verb about one session: `session` is a name, a short id or a conversation id.
package struct SessionRequest: Codable, Sendable {
  package var session: String

  package init(session: String) { self.session = session }
}

package struct SendRequest: Codable, Sendable {
  package var session: String
  package var text: String
  package var wait: Bool

  package init(session: String, text: String, wait: Bool) {
    self.session = session
    self.text = text
    self.wait = wait
  }
}

package enum WaitGoal: String, Codable, Sendable, CaseIterable {
  case idle, ended
  case needsYou = "needs-you"
}

package struct WaitRequest: Codable, Sendable {
  package var session: String
  package var goal: WaitGoal
  package var seconds: Double?

  package init(session: String, goal: WaitGoal, seconds: Double?) {
    self.session = session
    self.goal = goal
    self.seconds = seconds
  }
}

package struct PermitRequest: Codable, Sendable {
  package var session: String
  package var request: String?
  package var allow: Bool
  package var message: String?
  /// With `allow`: also what the agent offers to have allowed from then on.
  package var always: Bool?

  package init(session: String, request: String?, allow: Bool, message: String?, always: Bool? = nil) {
    self.session = session
    self.request = request
    self.allow = allow
    self.message = message
    self.always = always
  }
}

package struct ListRequest: Codable, Sendable {
  package var all: Bool
  package var resumable: Bool
  package var owner: String?
  package var tag: String?
  package var limit: Int?
  /// Whether what sessions take of the machine is measured for this; else it is told as far as it is known.
  package var figures: Bool?
  /// Of the caller's environment what says where Claude Code keeps its things.
  package var claude: [String: String] = [:]

  package init(
    all: Bool, resumable: Bool, owner: String?, tag: String?, limit: Int?, figures: Bool? = nil
  ) {
    self.figures = figures
    self.all = all
    self.resumable = resumable
    self.owner = owner
    self.tag = tag
    self.limit = limit
  }
}

package struct CheckRequest: Codable, Sendable {
  /// None: every session.
  package var sessions: [String]

  package init(sessions: [String]) { self.sessions = sessions }
}

package struct LogsRequest: Codable, Sendable {
  package var session: String
  package var follow: Bool

  package init(session: String, follow: Bool) {
    self.session = session
    self.follow = follow
  }
}

package struct EventsRequest: Codable, Sendable {
  package var session: String
  package var from: Int
  package var follow: Bool

  package init(session: String, from: Int, follow: Bool) {
    self.session = session
    self.from = from
    self.follow = follow
  }
}

package struct StopRequest: Codable, Sendable {
  package var session: String
  package var now: Bool

  package init(session: String, now: Bool) {
    self.session = session
    self.now = now
  }
}

package struct ResumeRequest: Codable, Sendable {
  package var session: String
  package var text: String?
  package var fork: String?
  package var directory: String?
  package var wait: Bool
  /// Nil: headless.
  package var terminal: TerminalWish?
  /// Nil: as the run before, where that process still lives.
  package var tiedTo: ProcessMark?

  package init(
    session: String, text: String?, fork: String?, directory: String?, wait: Bool, terminal: TerminalWish? = nil,
    tiedTo: ProcessMark? = nil
  ) {
    self.tiedTo = tiedTo
    self.session = session
    self.text = text
    self.fork = fork
    self.directory = directory
    self.wait = wait
    self.terminal = terminal
  }
}

package struct RenameRequest: Codable, Sendable {
  package var session: String
  package var name: String

  package init(session: String, name: String) {
    self.session = session
    self.name = name
  }
}

package struct TagRequest: Codable, Sendable {
  package var session: String
  package var add: [String]
  package var remove: [String]

  package init(session: String, add: [String], remove: [String]) {
    self.session = session
    self.add = add
    self.remove = remove
  }
}

package enum ShutDownMode: String, Codable, Sendable {
  /// Each session as its own record says (`PERSIST_CLAUDE_SESSIONS`).
  case asRecorded = "as_recorded"
  case persist, end
  /// Another daemon follows at once: every session goes on, nothing is a shutdown for them.
  case restart
}

package struct ShutDownRequest: Codable, Sendable {
  package var mode: ShutDownMode

  package init(mode: ShutDownMode) { self.mode = mode }
}

/// `claude` with a person's own flags, in a keeper (`apus claude`).
package struct ClaudeRequest: Codable, Sendable {
  /// The flags and words as they were given.
  package var arguments: [String]
  package var directory: String
  package var spec: SpawnSpec
  package var persists: Bool
  /// Nil: a program speaks stream-json with it.
  package var terminal: TerminalWish?

  package init(
    arguments: [String], directory: String, spec: SpawnSpec, persists: Bool, terminal: TerminalWish?
  ) {
    self.arguments = arguments
    self.directory = directory
    self.spec = spec
    self.persists = persists
    self.terminal = terminal
  }
}
