import ApusCore
import ApusTesting
import ApusWire
import Testing

/// What a place is judged by after it could not be made.
extension TestHome {
  /// The names of all sessions that are not archived.
  func names() async throws -> Set<String> {
    let rows: [SessionObject] = try await json("list")
    return Set(rows.map(\.name))
  }

  /// What `apus doctor` finds wrong, but for what others do to the machine meanwhile.
  func troubles() async -> [Substring] {
    await apus("doctor").output.split(separator: "\n").filter { $0.contains("✗") && !$0.contains("inotify") }
  }

  /// The commit a session's worktree stands at.
  func head(of session: SessionObject, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
    let worktree = try #require(session.worktree, sourceLocation: sourceLocation)
    return await git("rev-parse", "HEAD", directory: worktree, sourceLocation: sourceLocation)
  }

  /// The command fails with that code, and branches, worktrees, refs, checkout, ports and sessions are as before it.
  @discardableResult
  func leavesNothing(
    _ arguments: [String], _ code: ErrorCode, extra: [String: String] = [:], directory: String? = nil,
    repository: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Failure {
    struct Printed: Decodable { var error: Failure }
    let (before, sessions) = (await footprint(repository), try await names())
    let ports: [PortObject] = try await json("ports")
    let outcome = await run([arguments[0], "--json"] + arguments.dropFirst(), extra: extra, directory: directory)
    let failure = try? JSONText.decode(Printed.self, from: Array(outcome.output.utf8)).error
    let found = try #require(
      failure, "\(arguments): \(outcome.status) \(outcome.output) \(outcome.errors)", sourceLocation: sourceLocation)
    #expect(found.code == code, "\(found)", sourceLocation: sourceLocation)
    #expect(outcome.status == code.exitCode, sourceLocation: sourceLocation)
    let isPlain = found.summary == SessionName.printable(found.summary)
    #expect(isPlain, "\(found.summary.debugDescription)", sourceLocation: sourceLocation)
    #expect(await footprint(repository) == before, sourceLocation: sourceLocation)
    #expect(try await names() == sessions, sourceLocation: sourceLocation)
    let left: [PortObject] = try await json("ports")
    #expect(Set(left.map(\.port)) == Set(ports.map(\.port)), sourceLocation: sourceLocation)
    return found
  }
}
