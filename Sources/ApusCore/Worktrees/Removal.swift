/// The rule of removing a session's place: what would be lost refuses, each with what it is, and each can be overruled by
/// itself alone.
package struct Removal: Codable, Equatable, Sendable {
  /// What stands against it.
  package enum Obstacle: String, Codable, CaseIterable, Sendable {
    case live, uncommitted, untracked, unpushed

    /// The flag that overrules it.
    package var flag: String {
      switch self {
      case .live: "--stop"
      case .uncommitted, .untracked: "--discard-uncommitted"
      case .unpushed: "--discard-unpushed"
      }
    }
  }

  /// What was seen of the place.
  package struct Seen: Codable, Equatable, Sendable {
    /// What lives there: the session's run, or another process with its pid.
    package var living: [String] = []
    package var uncommitted: [String] = []
    package var untracked: [String] = []
    /// Commits that are on no other branch, here or on a remote.
    package var unpushed = 0

    package init() {}
  }

  package struct Finding: Codable, Equatable, Sendable {
    package var obstacle: Obstacle
    package var what: String

    package init(_ obstacle: Obstacle, _ what: String) {
      self.obstacle = obstacle
      self.what = what
    }
  }

  /// Empty: it may go.
  package static func decide(_ seen: Seen, overruled: Set<Obstacle>) -> [Finding] {
    var findings: [Finding] = []
    if let first = seen.living.first { findings.append(Finding(.live, first)) }
    if !seen.uncommitted.isEmpty {
      findings.append(Finding(.uncommitted, files(seen.uncommitted, "uncommitted")))
    }
    if !seen.untracked.isEmpty { findings.append(Finding(.untracked, files(seen.untracked, "untracked"))) }
    if seen.unpushed > 0 {
      findings.append(Finding(.unpushed, "\(seen.unpushed) commit\(seen.unpushed == 1 ? "" : "s") not pushed"))
    }
    return findings.filter { !overruled.contains($0.obstacle) }
  }

  private static let mostNamed = 3

  private static func files(_ files: [String], _ what: String) -> String {
    let named = files.prefix(mostNamed).map { SessionName.printable($0) }.joined(separator: ", ")
    let more = files.count > mostNamed ? ", …" : ""
    return "\(files.count) \(what) file\(files.count == 1 ? "" : "s") (\(named)\(more))"
  }

  /// The refusal, with the flags that would overrule it.
  package static func refusal(_ name: String, _ findings: [Finding]) -> Failure {
    let flags = Obstacle.allCases.filter { obstacle in findings.contains { $0.obstacle == obstacle } }.map(\.flag)
    let isLive = findings.contains { $0.obstacle == .live }
    let words = findings.map(\.what).joined(separator: ", ")
    var unique: [String] = []
    for flag in flags where !unique.contains(flag) { unique.append(flag) }
    return Failure(
      isLive ? .sessionLive : .workUnsaved,
      isLive ? "\(name) cannot go: \(words)" : "\(name) has work that exists nowhere else: \(words)",
      hint: "keep it with `apus merge \(name)` or `apus pr \(name)`, or remove it all the same with "
        + "\(unique.joined(separator: " ")) (it stays in `apus rescue list` for days)")
  }

  /// The refusal no flag overrules: git would keep nothing of what is in those repositories.
  package static func refusal(embedded: [String], of name: String, in directory: String) -> Failure {
    let named = embedded.prefix(mostNamed).map { SessionName.printable($0) }.joined(separator: ", ")
    return Failure(
      .workUnsaved,
      "\(name) has repositories of their own inside its worktree, which git would not keep: \(named)",
      hint: "move them out of \(directory) first")
  }

  /// The same of submodules: their commits are in none of ours.
  package static func refusal(submodules: [String], of name: String, in directory: String) -> Failure {
    let named = submodules.prefix(mostNamed).map { SessionName.printable($0) }.joined(separator: ", ")
    return Failure(
      .workUnsaved, "\(name) has work in submodules that is on no remote of theirs: \(named)",
      hint: "push it from there, or let it go: git -C \(directory) submodule deinit --force PATH")
  }
}
