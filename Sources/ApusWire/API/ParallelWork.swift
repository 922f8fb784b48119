import ApusCore

// Places to work in: made, looked at, brought together, taken away.

/// What place a new session is to have. Where its directory is in no repository, and nothing here asks for one, it has
/// none and works in its directory.
package struct PlaceWish: Codable, Equatable, Sendable {
  package var here = false
  package var component: String?
  package var kind: Place.Kind?
  package var base: String?
  /// A branch that is there already.
  package var on: String?
  package var profile: String?
  package var template: String?
  package var issue: String?
  package var files: [String] = []
  package var eta: String?
  /// The set-up command a person saw and agreed to; nil: nothing is agreed to now.
  package var agreedSetUp: String?
  /// No set-up, although it was agreed to before.
  package var skipsSetUp = false
  /// Variables a person gave by name: no port is leased for them.
  package var given: [String] = []
  /// The day by the caller's clock and zone, as in `20251025`.
  package var date: String

  package init(date: String) { self.date = date }
}

/// Asked before a session is made, by a door that can ask a person.
package struct SetUpState: Codable, Equatable, Sendable {
  /// The repository's set-up command; nil: none.
  package var command: String?
  package var agreed: Bool
  /// It was agreed to in another wording.
  package var changed: Bool

  package init(command: String?, agreed: Bool, changed: Bool) {
    self.command = command
    self.agreed = agreed
    self.changed = changed
  }
}

/// About the repository that directory is in.
package struct DirectoryRequest: Codable, Sendable {
  package var directory: String
  package var environment: [String: String]

  package init(directory: String, environment: [String: String]) {
    self.directory = directory
    self.environment = environment
  }
}

/// A verb on one session's branch. `caller` is the session it is called from, if any.
package struct BranchRequest: Codable, Sendable {
  package enum Step: String, Codable, Sendable { case begin, go = "continue", abort }
  package enum Manner: String, Codable, Sendable { case fastForward = "ff", squash, commit = "no-ff" }

  package var session: String
  package var step: Step = .begin
  package var manner: Manner = .fastForward
  package var message: String?
  package var skipsTests = false
  /// Remove the place once it is merged.
  package var removes = false
  package var caller: String?
  package var title: String?
  package var draft = false

  package init(session: String) { self.session = session }
}

package struct BranchReply: Codable, Sendable, Equatable {
  package var session: String
  package var branch: String
  package var base: String
  /// What was done, a line each.
  package var steps: [String] = []
  /// The commit the branch, or the base, leads to now.
  package var commit: String?
  package var tests: Place.TestOutcome?
  package var url: String?

  package init(session: String, branch: String, base: String) {
    self.session = session
    self.branch = branch
    self.base = base
  }
}

package struct ConflictObject: Codable, Sendable, Equatable {
  /// Names of sessions; the second may be a base.
  package var between: [String]
  package var files: [String]
  package var withBase: Bool

  package init(between: [String], files: [String], withBase: Bool) {
    self.between = between
    self.files = files
    self.withBase = withBase
  }
}

package struct ConflictsReply: Codable, Sendable, Equatable {
  package var pairs: Int
  package var conflicts: [ConflictObject]

  package init(pairs: Int, conflicts: [ConflictObject]) {
    self.pairs = pairs
    self.conflicts = conflicts
  }
}

package struct CompareRequest: Codable, Sendable {
  package var sessions: [String]
  /// Run the test command on each.
  package var tests: Bool

  package init(sessions: [String], tests: Bool) {
    self.sessions = sessions
    self.tests = tests
  }
}

package struct ComparedObject: Codable, Sendable, Equatable {
  package var name: String
  package var branch: String?
  package var commits: Int
  package var files: [String]
  package var added: Int
  package var removed: Int
  /// Nil: never run on what is there now.
  package var testsPassed: Bool?
  package var testSeconds: Double?
  /// Seconds from the first run's begin to the last sign of life.
  package var seconds: Double
  package var tokens: Tokens
  package var cost: Double
  package var conflicts: [String]

  package init(name: String, branch: String?, seconds: Double, tokens: Tokens, cost: Double) {
    self.name = name
    self.branch = branch
    commits = 0
    files = []
    added = 0
    removed = 0
    self.seconds = seconds
    self.tokens = tokens
    self.cost = cost
    conflicts = []
  }
}

/// What a session changed.
package struct DiffObject: Codable, Sendable, Equatable {
  package struct File: Codable, Sendable, Equatable {
    package var path: String
    /// Lines; null of what is no text.
    package var added: Int?
    package var removed: Int?

    package init(path: String, added: Int?, removed: Int?) {
      self.path = path
      self.added = added
      self.removed = removed
    }
  }

  package var session: String
  /// What it is compared with: the base of its branch, or null for the last commit.
  package var base: String?
  package var commit: String
  package var files: [File]
  package var patch: String
  /// Whether the patch is longer than what is shown of it.
  package var cut: Bool

  package init(session: String, base: String?, commit: String, files: [File], patch: String, cut: Bool) {
    self.session = session
    self.base = base
    self.commit = commit
    self.files = files
    self.patch = patch
    self.cut = cut
  }
}

package struct KeepRequest: Codable, Sendable {
  package var session: String
  package var over: [String]

  package init(session: String, over: [String]) {
    self.session = session
    self.over = over
  }
}
