import ApusCore
import ApusGit
import ApusLoop
import ApusWire

/// What is asked of a deployment: one command of one repository, however many watch it.
struct DeployQuestion: Codable, Equatable, Sendable {
  var scope: String
  /// As people write it.
  var command: String
  /// What is run.
  var program: [String]
  /// How it is called again.
  var again: String
  var directory: String
  var settings: DeploySettings
  /// Whoever asks the same of the same repository shares one look.
  var key: String { scope + "\n" + command }
  var lock: LockKey { LockKey(scope: scope, name: settings.lock) }

  private static let largestOutput = 1 << 20

  /// Runs it to its end, or as long as it may take. It blocks.
  func read(in directory: String, _ environment: [String: String]) -> DeployReading {
    guard let child = Child(program, environment: environment, directory: directory) else {
      return .unknown("\(command) cannot be run in \(directory)")
    }
    let seconds = max(2, min(30, settings.interval * 10))
    guard let answer = child.finish(input: [], largest: Self.largestOutput, seconds: seconds) else {
      return .unknown("\(command) did not end within \(DurationText.text(seconds))")
    }
    return DeployReading.read(answer.output, status: answer.status, settings)
  }
}

/// One that waits for an answer.
@LoopActor
final class DeployCall {
  let caller: Caller
  /// Whether the first look is answer enough.
  let isBrief: Bool
  var answer: Answer<DeployWord?>?

  init(_ caller: Caller, isBrief: Bool) {
    self.caller = caller
    self.isBrief = isBrief
  }
}

/// A deployment that is watched: the one who runs the command, and who waits for what it says.
@LoopActor
final class Deployment {
  var question: DeployQuestion
  var state: DeployState
  /// Where each watcher's command would run; the first's is where it does.
  var homes: [String: (directory: String, environment: [String: String])] = [:]
  var calls: [String: [DeployCall]] = [:]
  var isLooking = false
  /// Somebody wants a look that begins only now.
  var looksAgain = false
  var nextLook: UInt64?
  var nextDeadline: UInt64?
  var checkedAt: Moment?

  init(_ question: DeployQuestion, _ state: DeployState) {
    self.question = question
    self.state = state
  }

  var reading: DeployReading { state.latest ?? .unknown("nothing was read yet") }
}

/// What a new daemon has to know of a deployment.
struct KeptDeployment: Codable, Equatable, Sendable {
  var question: DeployQuestion
  var state: DeployState
}

/// All deployments that are watched.
@LoopActor
final class DeployDesk {
  /// By question.
  var all: [String: Deployment] = [:]
  /// As it was kept last.
  var kept = ""

  static let ticketPrefix = "deploy-"
  private static let most = 64

  /// Whether it is told when something becomes of a deployment.
  func awaits(_ session: String) -> Bool {
    all.values.contains { one in
      one.state.watcher(session).map { !$0.isAttended && ($0.stays || $0.hasJob) } ?? false
    }
  }

  /// The one of that question, made where there is none.
  func open(_ question: DeployQuestion) throws(Failure) -> Deployment {
    if let known = all[question.key] {
      let before = known.question.settings
      known.question = question
      if known.state.isWatched {
        known.question.settings.interval = min(before.interval, question.settings.interval)
        // Tickets are out for that one.
        known.question.settings.lock = before.lock
      }
      return known
    }
    if all.count >= Self.most, let idle = all.first(where: { !$0.value.state.isWatched && !$0.value.isLooking }) {
      all[idle.key] = nil
    }
    guard all.count < Self.most else {
      throw Failure(.limitReached, "\(Self.most) deployments are watched already", hint: "`apus deploy status`")
    }
    let made = Deployment(question, DeployState(seed: Self.ticketPrefix + RandomID.conversation()))
    all[question.key] = made
    return made
  }
}
