import ApusCore

// Development servers. `apus dev` owns its server and lives as long as that; the daemon knows it while it is connected,
// tells it what holds it, passes on what others want of it, and tells sessions what became of their changes.

/// Says that a server is there, and listens for orders: the items are `DevOrder`s. Said again by the same id after a
/// broken connection or to another daemon.
package struct DevServeRequest: Codable, Sendable {
  package var asker: Asker
  /// Chosen by who asks.
  package var id: String
  package var name: String
  /// Whether nobody chose the name: then another is found where it is taken.
  package var isNameFree: Bool
  /// Which it runs, as it is shown.
  package var command: String
  /// Where it runs, and what it watches: absolute, without links.
  package var directory: String
  package var roots: [String]
  /// The process that owns it.
  package var process: ProcessMark
  package var port: DevPortWish
  package var log: String
  package var isBackground = false

  package init(
    asker: Asker, id: String, name: String, isNameFree: Bool, command: String, directory: String, roots: [String],
    process: ProcessMark, port: DevPortWish, log: String
  ) {
    self.asker = asker
    self.id = id
    self.name = name
    self.isNameFree = isNameFree
    self.command = command
    self.directory = directory
    self.roots = roots
    self.process = process
    self.port = port
    self.log = log
  }
}

package struct DevPortWish: Codable, Sendable, Equatable {
  /// This and no other.
  package var exact: Int?
  /// Of the session's, the one under this variable; of the repository's, the one it prefers.
  package var variable: String?

  package init(exact: Int? = nil, variable: String? = nil) {
    self.exact = exact
    self.variable = variable
  }
}

/// What a server is told.
package struct DevOrder: Codable, Sendable {
  package enum Kind: String, Codable, Sendable {
    /// The first: what it is called, and its port.
    case welcome
    case holds, reload, stop
    /// The daemon goes, and whether another comes at once.
    case leaving
  }

  package var kind: Kind
  package var name = ""
  package var port: Int?
  package var session: String?
  package var holds: [Hold] = []

  package init(_ kind: Kind) { self.kind = kind }
}

/// How a server is, said whenever that changed.
package struct DevReport: Codable, Sendable {
  package var id: String
  package var state: DevStateObject
  /// What changed since the last report, absolute; of very many the first.
  package var changed: [String] = []
  /// What became of a start or reload since the last report.
  package var outcome: DevOutcome?
  /// The last lines it wrote, where it failed.
  package var lines: [String] = []

  package init(id: String, state: DevStateObject) {
    self.id = id
    self.state = state
  }
}

package struct DevStateObject: Codable, Sendable, Equatable {
  package var health: DevHealth
  package var reloads: Bool
  /// What says that it does not.
  package var why: String
  package var change: Int
  package var loaded: Int
  package var holds: [Hold]
  /// The port it listens on, as far as that is known.
  package var port: Int?
  package var pid: Int?
  package var files: Int
  /// Starts after the first.
  package var reloadCount: Int
  /// When it was started last.
  package var since: Moment
  /// Why it failed, or what is not as it should be.
  package var problem: String?

  package init(
    health: DevHealth, reloads: Bool, why: String, change: Int, loaded: Int, holds: [Hold], port: Int?, pid: Int?,
    files: Int, reloadCount: Int, since: Moment, problem: String?
  ) {
    self.health = health
    self.reloads = reloads
    self.why = why
    self.change = change
    self.loaded = loaded
    self.holds = holds
    self.port = port
    self.pid = pid
    self.files = files
    self.reloadCount = reloadCount
    self.since = since
    self.problem = problem
  }
}

package struct DevStatusRequest: Codable, Sendable {
  package var asker: Asker
  /// None: all of the asker's repository, or of its directory.
  package var names: [String]
  /// All of this home.
  package var all: Bool

  package init(asker: Asker, names: [String] = [], all: Bool = false) {
    self.asker = asker
    self.names = names
    self.all = all
  }
}

package struct DevActRequest: Codable, Sendable {
  package enum Act: String, Codable, Sendable { case reload, hold, release, stop }

  package var asker: Asker
  package var names: [String]
  package var act: Act
  /// Of a hold: why.
  package var note: String?
  /// Of a hold: for how long; nil: until it is released.
  package var seconds: Double?
  /// Of a reload: whether the answer waits for what becomes of it.
  package var waits = true

  package init(asker: Asker, names: [String], act: Act) {
    self.asker = asker
    self.names = names
    self.act = act
  }
}

/// A development server as everybody sees it.
package struct DevServerObject: Codable, Sendable, Equatable {
  package var id: String
  package var name: String
  /// The session it belongs to.
  package var session: String?
  package var command: String
  package var directory: String
  package var watches: [String]
  package var health: DevHealth
  /// Whether it reloads when files change; what says that it does not.
  package var reload: Bool
  package var reloadWhy: String?
  package var change: Int
  package var loaded: Int
  package var pending: Int
  package var holds: [Hold]
  package var port: Int?
  package var pid: Int?
  package var owner: Int
  package var files: Int
  package var reloads: Int
  package var since: String
  package var age: Double
  package var problem: String?
  /// What became of the last start or reload.
  package var last: DevOutcome?
  /// In words, with the failure's last lines.
  package var lastWords: String?
  package var lines: [String]
  package var log: String
  package var background: Bool

  package init(
    _ request: DevServeRequest, name: String, session: String?, _ state: DevStateObject, last: DevOutcome?,
    lastWords: String?, lines: [String], now: Moment
  ) {
    id = request.id
    self.name = name
    self.session = session
    command = request.command
    directory = request.directory
    watches = request.roots
    health = state.health
    reload = state.reloads
    reloadWhy = state.why.isEmpty ? nil : state.why
    change = state.change
    loaded = state.loaded
    pending = state.change - state.loaded
    holds = state.holds
    port = state.port
    pid = state.pid
    owner = Int(request.process.pid)
    files = state.files
    reloads = state.reloadCount
    since = MomentText.iso(state.since)
    age = max(0, now - state.since)
    problem = state.problem
    self.last = last
    self.lastWords = lastWords
    self.lines = lines
    log = request.log
    background = request.isBackground
  }
}
