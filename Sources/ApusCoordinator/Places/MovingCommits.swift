import ApusCore
import ApusGit
import ApusLoop
import ApusWire

// Commits made on the wrong branch go to the right one; where the branches were is kept.

extension Coordinator {
  package func moveCommits(_ request: MoveCommitsRequest) async throws -> RestoreReply {
    let (directory, environment) = (request.directory, request.environment)
    // A session says its repository; a branch the directory it was named in.
    let fromSession = try find(request.from)
    let toSession = try find(request.to)
    let from = fromSession?.place?.branch ?? request.from
    let to = toSession?.place?.branch ?? request.to
    let place = (fromSession ?? toSession)?.place
    let base = fromSession?.place?.base
    let (scratch, moment, last) = (places.scratch, now, request.last)
    let survey = try await Offload.trying { () throws(Failure) -> Survey in
      let at = place?.checkout ?? place?.repository ?? directory
      guard let found = try Survey.of(at, environment: environment, undertaking: scratch) else {
        throw Failure(
          .repositoryMissing, "\(SessionName.printable(directory)) is in no git repository", hint: "call it in one")
      }
      return found
    }
    // Whether they are called by their own names or by those of their branches.
    for session in sessions.values where session.place?.repository == survey.repository.common {
      guard session.place?.worktree != nil, let branch = session.place?.branch, [from, to].contains(branch) else {
        continue
      }
      try refuseWorking(session, "move-commits", caller: environment["APUS_SESSION"])
    }
    let (steps, id) = try await desk.inTurn(survey.repository) { () throws(Failure) in
      try Self.move(survey, from: from, to: to, base: base, last: last, scratch: scratch, now: moment)
    }
    for session in sessions.values where session.place?.repository == survey.repository.common {
      statuses.spoil(session.id)
    }
    return RestoreReply(id: id, steps: steps, session: nil)
  }

  private nonisolated static func move(
    _ survey: Survey, from: String, to: String, base: String?, last: Int?, scratch: String, now: Moment
  ) throws(Failure) -> ([String], String) {
    let (git, repository) = (survey.git, survey.repository)
    try Refs.check(branch: from, git, repository.directory)
    try Refs.check(branch: to, git, repository.directory)
    guard from != to else {
      throw Failure(.usage, "\(from) is both branches", hint: "name the wrong one, then the right one")
    }
    guard let tip = try Refs.find(git, repository, "refs/heads/" + from) else {
      throw Failure(.refInvalid, "there is no branch \(SessionName.printable(from))", hint: "`git branch` lists them")
    }
    let first = try begin(survey, from: from, tip: tip, base: base, last: last)
    let commits = try Commits.between(git, repository, first, tip)
    guard !commits.isEmpty else {
      throw Failure(
        .usage, "\(from) has no commits of its own to move", hint: "say how many with --last N")
    }
    // The oldest of them is pushed where any of them is.
    for (remote, commit) in try Refs.pushed(git, repository, from)
    where try Refs.isAncestor(git, repository, commits[0], of: commit) {
      throw Failure(
        .workConflict,
        "these commits are pushed already (\(remote.dropFirst(13))); taking them back would need a force push",
        hint: "move fewer with --last N, or revert them with git revert")
    }
    let before = try Refs.find(git, repository, "refs/heads/" + to)
    let after: String
    if before == nil {
      try Refs.set(git, repository, "refs/heads/" + to, to: tip, from: nil, why: "apus: move commits from \(from)")
      after = tip
    } else {
      after = try pick(survey, commits, onto: to, scratch: scratch)
    }
    let note = RescueNote(
      kind: "move", name: from.replacing("/", with: "-"), branch: from, from: [tip, first], to: to, toBefore: before,
      toAfter: after)
    let ref = try Rescue.keep(
      git, repository, name: note.name, tree: try Commits.tree(git, repository, tip), parents: [tip],
      message: note.message, now: now)
    do throws(Failure) { try BranchMove.move(git, repository, from, from: tip, to: first) } catch {
      // Nothing is half moved: the other branch is put back.
      if let before {
        try? BranchMove.move(git, repository, to, from: after, to: before)
      } else {
        try? Refs.delete(git, repository, "refs/heads/" + to, at: after)
      }
      if let kept = try Refs.find(git, repository, ref) { try? Refs.delete(git, repository, ref, at: kept) }
      throw error
    }
    let id = String(ref.dropFirst(Rescue.prefix.count))
    return (
      [
        "\(commits.count) commit\(commits.count == 1 ? "" : "s") of \(from) \(commits.count == 1 ? "is" : "are") on \(to) now",
        "\(from) is at \(first.prefix(10)); where it was is kept as \(id) (`apus undo` puts both back)",
      ], id
    )
  }

  /// The last commit that stays.
  private nonisolated static func begin(
    _ survey: Survey, from: String, tip: String, base: String?, last: Int?
  ) throws(Failure) -> String {
    let (git, repository) = (survey.git, survey.repository)
    if let last {
      guard let first = try Refs.commit(git, repository, "\(tip)~\(last)") else {
        throw Failure(.usage, "\(from) has fewer than \(last) commits", hint: "`git log \(from)` shows them")
      }
      return first
    }
    for candidate in [base.map { "refs/heads/" + $0 }, "refs/remotes/origin/" + from].compactMap(\.self) {
      guard let commit = try Refs.find(git, repository, candidate),
        let left = try Commits.mergeBase(git, repository, commit, tip)
      else { continue }
      return left
    }
    var base = survey.settings.base
    if base == nil { base = try Refs.usualBase(git, repository) }
    if let usual = base, usual != from,
      let commit = try Refs.find(git, repository, "refs/heads/" + usual),
      let left = try Commits.mergeBase(git, repository, commit, tip)
    {
      return left
    }
    throw Failure(.usage, "it cannot be told which commits of \(from) are meant", hint: "say how many: --last N")
  }

  /// Puts commits on top of a branch, in the worktree that has it, or in one for the moment; the branch's commit then.
  private nonisolated static func pick(
    _ survey: Survey, _ commits: [String], onto branch: String, scratch: String
  ) throws(Failure) -> String {
    let (git, repository) = (survey.git, survey.repository)
    let ref = "refs/heads/" + branch
    let own = try Worktrees.list(git, repository.directory).first { $0.ref == ref && !$0.isBare }?.path
    let directory = own ?? "\(scratch)/pick-\(UInt32.random(in: 0...UInt32.max))"
    if own == nil {
      _ = Files.makeDirectory(scratch)
      try git.require(["worktree", "add", "--quiet", "--", directory, branch], in: repository.directory)
    }
    defer { if own == nil { try? Worktrees.remove(git, repository, path: directory) } }
    if own != nil, try !WorkingTree.status(git, directory).changed.isEmpty {
      throw Failure(
        .workUnsaved, "\(directory) has uncommitted changes; nothing was moved", hint: "commit them on \(branch) first")
    }
    // What is there already, as after a move that was cut off, is not put there twice.
    let missing = try Commits.missing(git, repository, commits, on: ref)
    let arguments = ["cherry-pick", "--allow-empty"] + missing
    let answer = missing.isEmpty ? nil : try git.run(arguments, in: directory)
    if let answer, answer.status != 0 {
      let files = try WorkingTree.status(git, directory).unmerged
      _ = try git.run(["cherry-pick", "--abort"], in: directory)
      guard !files.isEmpty else { throw Git.failure(arguments, answer) }
      throw Failure(
        .workConflict,
        "the commits conflict with \(branch) in \(files.prefix(8).map { SessionName.printable($0) }.joined(separator: ", ")); nothing was moved",
        hint: "move them to a new branch instead, and merge that")
    }
    guard let now = try Refs.find(git, repository, ref) else {
      throw Failure(.gitFailed, "\(branch) is gone", hint: "`git reflog` shows where it was")
    }
    return now
  }
}
