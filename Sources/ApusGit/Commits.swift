import ApusCore

/// Commits made of trees, and what there is in a history.
package enum Commits {
  /// Who a commit of ours is by, where it is no work of a person's.
  private static let ours = [
    "GIT_AUTHOR_NAME": "apus", "GIT_AUTHOR_EMAIL": "apus@localhost", "GIT_COMMITTER_NAME": "apus",
    "GIT_COMMITTER_EMAIL": "apus@localhost",
  ]

  /// Makes a commit of a tree. `isOurs`: it keeps something and is nobody's work; else it is by whoever git says one is.
  package static func make(
    _ git: Git, _ repository: Repository, tree: String, parents: [String], message: String, isOurs: Bool,
    adding more: [String: String] = [:]
  ) throws(Failure) -> String {
    let answer = try git.run(
      ["commit-tree", tree] + parents.flatMap { ["-p", $0] }, in: repository.directory, input: Array(message.utf8),
      adding: more.merging(isOurs ? ours : [:]) { $1 })
    if answer.status != 0, answer.errors.contains("Please tell me who you are") {
      throw Failure(
        .gitFailed, "git does not know who you are", hint: "git config --global user.name NAME; user.email ADDRESS")
    }
    guard answer.status == 0 else { throw Git.failure(["commit-tree"], answer) }
    return answer.line
  }

  package static func tree(_ git: Git, _ repository: Repository, _ commit: String) throws(Failure) -> String {
    try git.require(["rev-parse", "--verify", commit + "^{tree}"], in: repository.directory).line
  }

  package static func message(_ git: Git, _ repository: Repository, _ commit: String) throws(Failure) -> String {
    try git.require(["log", "-1", "--format=%B", commit, "--"], in: repository.directory).text
  }

  package static func mergeBase(_ git: Git, _ repository: Repository, _ one: String, _ other: String) throws(Failure)
    -> String?
  {
    let answer = try git.run(["merge-base", one, other], in: repository.directory)
    return answer.status == 0 ? answer.line : nil
  }

  /// Commits of `new` that `old` has not, oldest first.
  package static func between(_ git: Git, _ repository: Repository, _ old: String, _ new: String) throws(Failure)
    -> [String]
  {
    try git.require(["rev-list", "--reverse", "\(old)..\(new)", "--"], in: repository.directory)
      .text.split(separator: "\n").map(String.init)
  }

  /// Those of a run of commits, oldest first, whose change no commit of that branch has made since they parted.
  package static func missing(
    _ git: Git, _ repository: Repository, _ commits: [String], on branch: String
  ) throws(Failure) -> [String] {
    guard let last = commits.last else { return [] }
    let others = try git.require(
      ["rev-list", "--cherry-pick", "--right-only", "\(branch)...\(last)", "--"], in: repository.directory)
    let left = Set(others.text.split(separator: "\n").map(String.init))
    return commits.filter { left.contains($0) }
  }

  /// Their first lines, newest first.
  package static func subjects(
    _ git: Git, _ repository: Repository, _ old: String, _ new: String, most: Int = 50
  ) throws(Failure) -> [String] {
    try git.require(
      ["log", "--format=%s", "-n", "\(most)", "\(old)..\(new)", "--"], in: repository.directory
    ).text.split(separator: "\n").map(String.init)
  }

  package struct Size: Sendable, Equatable {
    package var files: [String] = []
    package var added = 0
    package var removed = 0

    package init() {}
  }

  /// What changed between two trees; `other` nil: the worktree at `directory` as it is, without untracked files.
  package static func size(_ git: Git, _ directory: String, _ one: String, _ other: String?) throws(Failure) -> Size {
    let answer = try git.require(
      ["diff", "--numstat", "-z", "--no-renames", one] + (other.map { [$0] } ?? []) + ["--"], in: directory)
    var size = Size()
    for part in answer.parts {
      let words = part.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      guard words.count == 3 else { continue }
      size.files.append(String(words[2]))
      size.added += Int(words[0]) ?? 0
      size.removed += Int(words[1]) ?? 0
    }
    return size
  }
}

/// What a removal keeps: a ref whose commit holds the worktree as it was, above the branch's last commit.
package enum Rescue {
  package static let prefix = "refs/apus/rescue/"

  package struct Entry: Sendable, Equatable {
    package var ref: String
    package var commit: String
    package var parent: String?
    package var at: Double
    /// What was written down with it.
    package var message: String

    package var id: String { String(ref.dropFirst(Rescue.prefix.count)) }
  }

  package static func list(_ git: Git, _ repository: Repository) throws(Failure) -> [Entry] {
    let answer = try git.require(
      [
        "for-each-ref", "--format=%(refname)%00%(objectname)%00%(parent)%00%(committerdate:unix)%00%(contents)%00%00",
        prefix,
      ],
      in: repository.directory)
    var entries: [Entry] = []
    var fields: [String] = []
    for part in answer.output.split(separator: 0, omittingEmptySubsequences: false) {
      let text = String(decoding: part, as: UTF8.self)
      if text.isEmpty, fields.count >= 5 {
        entries.append(
          Entry(
            ref: String(fields[0].drop { $0 == "\n" }), commit: fields[1],
            parent: fields[2].split(separator: " ").first.map(String.init),
            at: moment(of: fields[0]) ?? Double(fields[3]) ?? 0,
            message: fields[4]))
        fields = []
      } else {
        fields.append(text)
      }
    }
    return entries.sorted { ($0.at, $0.ref) > ($1.at, $1.ref) }
  }

  /// Git's own dates are whole seconds; of two in one second the later one is the newest.
  private static func moment(of ref: String) -> Double? {
    let parts = ref.split(separator: "-")
    return parts.count < 3 ? nil : Double(parts[parts.count - 2]).map { $0 / 1000 }
  }

  /// Keeps a worktree's tree and the commits it stands on under a ref of its own; the ref. The first of them is the
  /// branch's.
  package static func keep(
    _ git: Git, _ repository: Repository, name: String, tree: String, parents: [String], message: String, now: Double
  ) throws(Failure) -> String {
    let commit = try Commits.make(git, repository, tree: tree, parents: parents, message: message, isOurs: true)
    let ref = "\(prefix)\(name)-\(Int(now * 1000))-\(commit.prefix(6))"
    if try Refs.find(git, repository, ref) == nil {
      try Refs.set(git, repository, ref, to: commit, from: nil, why: "apus: kept")
    }
    return ref
  }
}
