// What is said of development servers: what keeps one from reloading, how one is, what became of a reload.

/// What keeps a development server from reloading: a shared lease, named by its reason.
package struct Hold: Codable, Hashable, Sendable {
  package enum Reason: String, Codable, Sendable, CaseIterable {
    /// A session that covers the watched tree is in a turn.
    case turn
    /// A session's tool is changing a file there.
    case edit
    /// git is in the middle of something there.
    case vcs
    /// A person, or a session by its own words, wants it so.
    case asked
  }

  package var reason: Reason
  /// The short id of the session; of git and people what they are.
  package var id: String
  /// As it is shown: a session's name, `rebase`, a person's words.
  package var name: String
  package var since: Moment

  package init(_ reason: Reason, id: String, name: String, since: Moment) {
    self.reason = reason
    self.id = id
    self.name = name
    self.since = since
  }

  /// Whether it ends by itself after the longest time a reload may be held; who asked for one releases it.
  package var isBounded: Bool { reason != .asked }

  package var words: String {
    switch reason {
    case .turn: "\(name) (\(id)) is in a turn"
    case .edit: "\(name) (\(id)) is editing"
    case .vcs: "git: \(name)"
    case .asked: name
    }
  }
}

/// How a development server is.
package enum DevHealth: String, Codable, Sendable, CaseIterable {
  /// Started, and not healthy yet.
  case starting
  case healthy
  /// It lives, and did not become healthy in its time.
  case late
  /// It did not come up, and is tried again, or waits for a change.
  case failed
  /// It ended by itself, and waits for a change.
  case ended
  /// Over, or on its way there.
  case stopped
}

/// What became of starting a server, or of loading changes.
package struct DevOutcome: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, Sendable {
    case healthy, late, failed, ended
  }

  package var kind: Kind
  /// Everything up to that change is loaded; where it failed, was to be.
  package var change: Int
  /// Whether a server was there before.
  package var isReload: Bool
  /// Its exit code, where it ended.
  package var status: Int32?
  /// Who was still at work when the longest hold was over.
  package var overdue: [Hold] = []
  /// Whether the one before goes on serving.
  package var keepsLast = false
  /// Seconds until it is tried again.
  package var retry: Double?

  /// How it ended: `exit 1`, `signal 9`.
  package var ending: String {
    let status = status ?? 0
    return status > 128 && status < 160 ? "signal \(status - 128)" : "exit \(status)"
  }

  package init(_ kind: Kind, change: Int, isReload: Bool) {
    self.kind = kind
    self.change = change
    self.isReload = isReload
  }
}

/// How a development server reloads; times in milliseconds.
package struct DevRules: Codable, Equatable, Sendable {
  /// False: changes are counted, and loaded when somebody asks.
  package var reloads = true
  package var settle: Int64 = 200
  package var maxHold: Int64 = 60_000
  package var keepsLastGood = false
  package var restartsOnExit = false
  /// How long a server may take to be healthy.
  package var startLimit: Int64 = 30_000

  package static let firstPause: Int64 = 500
  package static let longestPause: Int64 = 30_000
  /// A server that lived so long does not count as failing again.
  package static let steady: Int64 = 30_000

  package init() {}
}
