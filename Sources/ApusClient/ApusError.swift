import ApusCore

/// What went wrong, in words a person can act on. The same code, summary and hint that `apus` prints.
public struct ApusError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What can be told apart by programs: stable words such as `session.not_found`. Later versions may have more.
  public struct Code: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The word itself.
    public let rawValue: String
    /// The word itself.
    public var description: String { rawValue }

    /// A code by its word, known here or not.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// There is no such session.
    public static let sessionNotFound = Code(rawValue: "session.not_found")
    /// A session has that name.
    public static let nameTaken = Code(rawValue: "name.taken")
    /// The session has no run that could do this; `resume` begins one.
    public static let sessionNotRunning = Code(rawValue: "session.not_running")
    /// The session runs, and what was asked is for those that do not.
    public static let sessionLive = Code(rawValue: "session.live")
    /// What was waited for can no longer come: the run ended.
    public static let sessionEnded = Code(rawValue: "session.ended")
    /// The conversation cannot be continued; `verdict()` says why.
    public static let notResumable = Code(rawValue: "session.not_resumable")
    /// There is no `claude` program.
    public static let agentMissing = Code(rawValue: "agent.missing")
    /// Somebody has the lock, and it was not to be waited for.
    public static let lockHeld = Code(rawValue: "lock.held")
    /// That is not (or no longer) the right to the lock.
    public static let lockStale = Code(rawValue: "lock.stale")
    /// The time that was given ran out.
    public static let timedOut = Code(rawValue: "timed_out")
    /// No daemon answers and none could be started, or it went away before it answered.
    public static let daemonUnreachable = Code(rawValue: "daemon.unreachable")
    /// The daemon is of another version than this library.
    public static let daemonVersion = Code(rawValue: "daemon.version")
  }

  /// What can be told apart.
  public let code: Code
  /// One line: what happened.
  public let summary: String
  /// What to do next; names a command of `apus` where there is one.
  public let hint: String?

  /// The summary and the hint.
  public var description: String { hint.map { "\(summary) (\($0))" } ?? summary }

  init(_ failure: Failure) {
    code = Code(rawValue: failure.code.rawValue)
    summary = failure.summary
    hint = failure.hint
  }

  /// An error of a session's own object.
  init?(_ object: JSON?) {
    guard let code = object?["code"]?.string else { return nil }
    self.code = Code(rawValue: code)
    summary = object?["summary"]?.string ?? code
    hint = object?["hint"]?.string
  }

  /// Does what fails in our words, and says it in the public ones.
  static func from<T>(_ body: () throws -> T) throws -> T {
    do { return try body() } catch let failure as Failure { throw ApusError(failure) }
  }

  /// The same for what takes its time.
  static func from<T>(
    isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
  ) async throws -> T {
    do { return try await body() } catch let failure as Failure { throw ApusError(failure) }
  }
}
