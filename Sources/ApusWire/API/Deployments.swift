import ApusCore

// Deployments: who watches one, how it is, and who is to fix it.

package struct DeployWatchRequest: Codable, Sendable {
  package var asker: Asker
  /// Known again after a broken connection.
  package var id: String
  /// The command and its arguments; nil: what the repository's configuration says.
  package var command: [String]?
  /// Which the command runs with, in the asker's directory.
  package var environment: [String: String]
  /// Nil: as the configuration says.
  package var limitSeconds: Double?
  package var intervalSeconds: Double?
  /// How long it has waited already, over the ends of daemons.
  package var waitedSeconds: Double = 0
  /// False: answered at once; the session is told later.
  package var waits = true

  package init(asker: Asker, id: String, environment: [String: String]) {
    self.asker = asker
    self.id = id
    self.environment = environment
  }
}

/// How a deployment is for who asked: the answer, and each item before it.
package struct DeployWatchReply: Codable, Sendable, Equatable {
  package enum Outcome: String, Codable, Sendable {
    case ready
    /// It failed, and who asked is to fix it and has the lock.
    case job
    /// It failed, and who asked is no session.
    case failed
    /// It goes on watching.
    case watching
  }

  package var outcome: Outcome
  package var state: DeployReading.State
  /// What the command said of the newest deployment, or why nothing is known.
  package var text: String
  package var command: String
  package var lock: String
  /// Who has the job of fixing it.
  package var fixer: LockOwner?
  /// Who has the lock, for whatever reason.
  package var holder: LockOwner?
  package var token: Int64?
  /// All of it in words.
  package var words: String

  package init(
    outcome: Outcome, reading: DeployReading, command: String, lock: String, fixer: LockOwner?, holder: LockOwner?,
    token: Int64?, words: String
  ) {
    self.outcome = outcome
    state = reading.state
    text = reading.text
    self.command = command
    self.lock = lock
    self.fixer = fixer
    self.holder = holder
    self.token = token
    self.words = words
  }
}

package struct DeployStatusRequest: Codable, Sendable {
  package var asker: Asker

  package init(asker: Asker) { self.asker = asker }
}

/// A deployment that is or was watched.
package struct DeploymentObject: Codable, Sendable, Equatable {
  package var command: String
  package var state: DeployReading.State
  package var text: String
  package var deployment: String
  package var lock: String
  package var interval: Double
  /// When the command last ran; nil: it did not yet.
  package var checked: String?
  package var age: Double?
  package var fixer: LockOwner?
  /// Names of sessions; of others what they are.
  package var watchers: [String]

  package init(
    command: String, reading: DeployReading, lock: String, interval: Double, checkedAt: Moment?, fixer: LockOwner?,
    watchers: [String], now: Moment
  ) {
    self.command = command
    state = reading.state
    text = reading.text
    deployment = reading.identity
    self.lock = lock
    self.interval = interval
    checked = checkedAt.map { MomentText.iso($0) }
    age = checkedAt.map { max(0, now - $0) }
    self.fixer = fixer
    self.watchers = watchers
  }
}
