import ApusCore
import ApusGit
import ApusLoop
import CSystem

/// What the daemon knows of repositories between requests: whose turn it is to write what all worktrees of one share, and
/// when its base was last fetched.
@LoopActor
final class PlaceDesk {
  let turns = Turns()
  /// Names of sessions whose place is just being made.
  var making: Set<String> = []
  private var fetching: [String: [Answer<String?>]] = [:]
  private var fetched: [String: (at: Int64, trouble: String?)] = [:]

  /// A base fetched so shortly ago need not be fetched again.
  private static let freshMilliseconds: Int64 = 5_000
  private nonisolated static let lockSeconds: Double = 120

  /// Does what writes git's shared files of a repository: one at a time, also of several daemons.
  func inTurn<T: Sendable>(
    _ repository: Repository, _ work: @escaping @Sendable () throws(Failure) -> T
  ) async throws(Failure) -> T {
    await turns.take(repository.common)
    defer { turns.give(repository.common) }
    return try await Offload.trying { () throws(Failure) -> T in
      try RepositoryLock.hold(repository, seconds: Self.lockSeconds, work)
    }
  }

  /// Fetches a branch from `origin`, once for all who want it at a time; what went wrong, if anything did. What cannot
  /// be the name of a branch is nothing to fetch.
  func fetch(_ git: Git, _ repository: Repository, branch: String, seconds: Double) async -> String? {
    let key = repository.common + "\n" + branch
    if let last = fetched[key], apus_monotonic_milliseconds() - last.at < Self.freshMilliseconds { return last.trouble }
    if fetching[key] != nil {
      return await withCheckedContinuation { continuation in fetching[key]?.append(Answer(continuation)) }
    }
    fetching[key] = []
    let trouble = await Offload.run { () -> String? in
      do throws(Failure) {
        do { try Refs.check(branch: branch, git, repository.directory) } catch { return nil }
        let answer = try git.run(
          [
            "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "origin",
            "+refs/heads/\(branch):refs/remotes/origin/\(branch)",
          ], in: repository.directory, seconds: seconds)
        // That the remote has no such branch is no trouble with it.
        if answer.status == 0 || answer.errors.contains("couldn't find remote ref") { return nil }
        let lines = answer.errors.split(separator: "\n").map(String.init)
        return lines.first { $0.hasPrefix("fatal:") || $0.hasPrefix("error:") } ?? lines.last ?? "exit \(answer.status)"
      } catch { return error.summary }
    }
    fetched[key] = (apus_monotonic_milliseconds(), trouble)
    for answer in fetching.removeValue(forKey: key) ?? [] { answer.give(trouble) }
    return trouble
  }
}
