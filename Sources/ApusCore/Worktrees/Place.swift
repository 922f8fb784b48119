/// Where a session works: its repository, and, unless it works in the checkout itself, a worktree and branch of its own.
/// Kept with the session, so that a resume finds the same branch, ports and variables.
package struct Place: Codable, Equatable, Sendable {
  /// The repository's identity: git's common directory, without links in its path.
  package var repository: String
  /// The main checkout; nil of a bare repository.
  package var checkout: String?
  /// The session's own worktree; nil where it works in a checkout that is not ours (`--here`).
  package var worktree: String?
  package var branch: String?
  /// Whether this session made the branch: then it goes with it.
  package var madeBranch = false
  /// The branch it is merged into, and the commit it began at.
  package var base: String?
  package var start: String?
  package var kind: Kind = .feature
  package var component: String?
  /// The paths of that component, relative to the repository.
  package var paths: [String] = []
  package var profile: String?
  /// Leased ports by the variable that names them.
  package var ports: [String: Int] = [:]
  /// What the place adds to the environment: ports, profile, files of variables.
  package var variables: [String: String] = [:]
  /// The commit on the base that holds the session's work, once it was merged.
  package var merged: String?
  package var mergedAt: Moment?
  /// The last outcome of the test command on this branch, and on which tree that was.
  package var tests: TestOutcome?
  package var issue: String?

  package init(repository: String, checkout: String?) {
    self.repository = repository
    self.checkout = checkout
  }

  package struct TestOutcome: Codable, Equatable, Sendable {
    package var passed: Bool
    package var seconds: Double
    package var tree: String

    package init(passed: Bool, seconds: Double, tree: String) {
      self.passed = passed
      self.seconds = seconds
      self.tree = tree
    }
  }

  /// What a session is for; it decides how its branch is called and whether it is merged first.
  package enum Kind: String, Codable, CaseIterable, Sendable {
    case feature, bug, hotfix, experiment, docs

    /// How its branch is called where the repository does not say otherwise; of a session whose kind was not given nil.
    package var pattern: String {
      switch self {
      case .feature: "feature/{name}"
      case .bug: "fix/{name}"
      case .hotfix: "hotfix/{name}"
      case .experiment: "experiment/{name}"
      case .docs: "docs/{name}"
      }
    }
  }
}

extension Place {
  private enum CodingKeys: String, CodingKey {
    case repository, checkout, worktree, branch, madeBranch, base, start, kind, component, paths, profile, ports
    case variables, merged, mergedAt, tests, issue
  }

  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    repository = try fields.decode(String.self, forKey: .repository)
    checkout = try fields.decodeIfPresent(String.self, forKey: .checkout)
    worktree = try fields.decodeIfPresent(String.self, forKey: .worktree)
    branch = try fields.decodeIfPresent(String.self, forKey: .branch)
    madeBranch = try fields.decodeIfPresent(Bool.self, forKey: .madeBranch) ?? false
    base = try fields.decodeIfPresent(String.self, forKey: .base)
    start = try fields.decodeIfPresent(String.self, forKey: .start)
    kind = try fields.decodeIfPresent(Kind.self, forKey: .kind) ?? .feature
    component = try fields.decodeIfPresent(String.self, forKey: .component)
    paths = try fields.decodeIfPresent([String].self, forKey: .paths) ?? []
    profile = try fields.decodeIfPresent(String.self, forKey: .profile)
    ports = try fields.decodeIfPresent([String: Int].self, forKey: .ports) ?? [:]
    variables = try fields.decodeIfPresent([String: String].self, forKey: .variables) ?? [:]
    merged = try fields.decodeIfPresent(String.self, forKey: .merged)
    mergedAt = try fields.decodeIfPresent(Moment.self, forKey: .mergedAt)
    tests = try fields.decodeIfPresent(TestOutcome.self, forKey: .tests)
    issue = try fields.decodeIfPresent(String.self, forKey: .issue)
  }
}

/// How branches of sessions are called.
package enum BranchName {
  /// `session-20251025-add-auth`, or by the kind's pattern where one was given.
  package static func of(_ name: String, kind: Place.Kind?, date: String, patterns: [String: String]) -> String {
    guard let kind else { return "session-\(date)-\(name)" }
    return (patterns[kind.rawValue] ?? kind.pattern).replacing("{name}", with: name).replacing("{date}", with: date)
  }
}
