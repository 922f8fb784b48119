import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// A session's branch and all that is needed to work on it.
struct Branch: Sendable {
  var session: String
  var name: String
  var place: Place
  var branch: String
  var base: String
  var directory: String
  var git: Git
  var repository: Repository
  var survey: Survey
}

extension Coordinator {
  /// Throws where the session has no branch of its own.
  func requireBranch(_ session: Session) async throws -> Branch {
    guard let place = session.place, let name = place.branch, let base = place.base, let directory = place.worktree
    else {
      throw Failure(
        .repositoryMissing, "\(session.name) (\(session.id)) has no branch and worktree of its own",
        hint: "`apus new NAME` in a repository makes a session that has")
    }
    guard Files.isThere(directory) else {
      throw Failure(
        .directoryMissing, "the worktree of \(session.name) is gone: \(directory)",
        hint: "its branch \(name) is there: `apus remove \(session.name)`, then `apus undo`, brings the files back")
    }
    let environment = session.spec.environment
    return try await Offload.trying { () throws(Failure) in
      let git = try Git(environment: environment, undertaking: session.id)
      let repository = Repository(common: place.repository, checkout: place.checkout)
      let survey = Survey(
        git: git, repository: repository, settings: try Survey.settings(repository),
        remotes: try Refs.remotes(git, repository), settingsPath: (place.checkout ?? "") + "/" + Survey.settingsFile)
      return Branch(
        session: session.id, name: session.name, place: place, branch: name, base: base, directory: directory, git: git,
        repository: repository, survey: survey)
    }
  }

  /// Files under an agent that works are not changed, unless it is the agent itself that asks.
  func refuseWorking(_ session: Session, _ verb: String, caller: String?) throws(Failure) {
    guard let run = live[session.id], run.turn.activity == .working || run.turn.activity == .needsYou else { return }
    if let caller, caller == session.name || caller == session.id { return }
    throw Failure(
      .workBusy, "\(session.name) is in the middle of a turn",
      hint: "`apus wait \(session.name)`, then `apus \(verb) \(session.name)`")
  }

  /// Does it while nobody else of ours does something to that session's place.
  func alone<T>(_ session: Session, _ work: () async throws -> T) async throws -> T {
    await settled()
    await desk.turns.take("place " + session.id)
    defer { desk.turns.give("place " + session.id) }
    return try await work()
  }

  private nonisolated static let fetchSeconds: Double = 30

  // MARK: sync

  package func sync(_ request: BranchRequest, _ caller: Caller) async throws -> BranchReply {
    let session = try require(request.session)
    try refuseWorking(session, "sync", caller: request.caller)
    let branch = try await requireBranch(session)
    return try await alone(session) {
      var reply = BranchReply(session: session.name, branch: branch.branch, base: branch.base)
      switch request.step {
      case .begin: _ = try await bringUpToDate(branch, &reply, caller)
      case .go: try await goOn(branch, &reply)
      case .abort: try await giveUp(branch, &reply)
      }
      statuses.spoil(session.id)
      return reply
    }
  }

  /// Puts the branch on top of its base, or, once it was pushed, the base into it; the base's commit.
  func bringUpToDate(_ branch: Branch, _ reply: inout BranchReply, _ caller: Caller) async throws -> String {
    let (git, directory) = (branch.git, branch.directory)
    let status = try await Offload.trying { () throws(Failure) in
      if let operation = try WorkingTree.operation(git, directory) {
        let files = try WorkingTree.status(git, directory).unmerged
        throw Self.conflict(branch, operation, files)
      }
      return try WorkingTree.status(git, directory)
    }
    guard status.branch == branch.branch else {
      throw Failure(
        .workConflict,
        "the worktree of \(branch.name) is not on \(branch.branch) but \(status.branch ?? "on no branch")",
        hint: "go back: git -C \(directory) switch \(branch.branch)")
    }
    guard status.changed.isEmpty else {
      throw Failure(
        .workUnsaved,
        "\(branch.name) has \(status.changed.count) uncommitted file\(status.changed.count == 1 ? "" : "s"): "
          + status.changed.prefix(5).map { SessionName.printable($0) }.joined(separator: ", "),
        hint: "commit them on \(branch.branch) first")
    }
    if branch.survey.remotes.contains("origin"),
      let trouble = await caller.told(
        "fetching \(branch.base)",
        { await desk.fetch(git, branch.repository, branch: branch.base, seconds: Self.fetchSeconds) })
    {
      reply.steps.append("origin could not be fetched (\(SessionName.excerpt(trouble, of: 120)))")
    }
    let survey = branch.survey
    let tip = try await Offload.trying { () throws(Failure) in try survey.tip(of: branch.base) }
    if let note = tip.note { reply.steps.append(note) }
    let (repository, head) = (branch.repository, status.head ?? "")
    let (isDone, pushed) = try await Offload.trying { () throws(Failure) in
      (
        try Refs.isAncestor(git, repository, tip.commit, of: head),
        try !Refs.pushed(git, repository, branch.branch).isEmpty
      )
    }
    if isDone {
      reply.steps.append("\(branch.branch) is up to date with \(branch.base)")
      reply.commit = head
      return tip.commit
    }
    let arguments =
      pushed
      ? ["merge", "--quiet", "--no-edit", "-m", "Merge \(branch.base) into \(branch.branch)", tip.commit]
      : ["rebase", "--quiet", tip.commit]
    let answer = try await caller.told(pushed ? "merging \(branch.base)" : "rebasing on \(branch.base)") {
      try await desk.inTurn(repository) { () throws(Failure) in try git.run(arguments, in: directory) }
    }
    if answer.status != 0 { try await stopAtConflict(branch, arguments, answer) }
    reply.steps.append(
      pushed
        ? "\(branch.base) is merged into \(branch.branch), which was pushed before"
        : "\(branch.branch) is rebased on \(branch.base)")
    try await settle(branch, at: tip.commit, &reply)
    return tip.commit
  }

  private func settle(_ branch: Branch, at tip: String, _ reply: inout BranchReply) async throws {
    let (git, directory) = (branch.git, branch.directory)
    reply.commit = try await Offload.trying { () throws(Failure) in try WorkingTree.status(git, directory).head }
    try update(branch.session) { $0.place?.start = tip }
  }

  /// `keeping`: what was resolved already is not given up for what else may be in the way.
  private func stopAtConflict(
    _ branch: Branch, _ arguments: [String], _ answer: Git.Answer, keeping: Bool = false
  ) async throws {
    let (git, directory) = (branch.git, branch.directory)
    let (operation, files) = try await Offload.trying { () throws(Failure) in
      (try WorkingTree.operation(git, directory), try WorkingTree.status(git, directory).unmerged)
    }
    guard let operation, !files.isEmpty else {
      if operation == .rebase, !keeping {
        _ = try? await Offload.trying { () throws(Failure) in try git.run(["rebase", "--abort"], in: directory) }
      }
      throw Git.failure(arguments, answer)
    }
    if let session = sessions[branch.session] { await moveWorkLog(session, to: .blocked) }
    throw Self.conflict(branch, operation, files)
  }

  private nonisolated static func conflict(
    _ branch: Branch, _ operation: WorkingTree.Operation, _ files: [String]
  ) -> Failure {
    let named = files.prefix(8).map { SessionName.printable($0) }.joined(separator: ", ")
    let what =
      files.isEmpty
      ? "a \(operation.rawValue) of \(branch.name) is under way"
      : "\(branch.name) and \(branch.base) conflict in \(named)\(files.count > 8 ? ", …" : "")"
    return Failure(
      .workConflict, what,
      hint: "resolve them in \(branch.directory) and `git add` them, then `apus sync \(branch.name) --continue`; "
        + "or `apus sync \(branch.name) --abort`")
  }

  private func goOn(_ branch: Branch, _ reply: inout BranchReply) async throws {
    let (git, directory) = (branch.git, branch.directory)
    let (operation, files) = try await Offload.trying { () throws(Failure) in
      (try WorkingTree.operation(git, directory), try WorkingTree.status(git, directory).unmerged)
    }
    guard let operation else {
      throw Failure(.usage, "nothing of \(branch.name) is under way", hint: "`apus sync \(branch.name)` begins")
    }
    guard files.isEmpty else { throw Self.conflict(branch, operation, files) }
    let arguments: [String]
    switch operation {
    case .rebase: arguments = ["rebase", "--continue"]
    case .merge: arguments = ["commit", "--quiet", "--no-edit"]
    case .cherryPick: arguments = ["cherry-pick", "--continue"]
    case .revert, .bisect:
      throw Failure(.workConflict, "a \(operation.rawValue) is under way", hint: "end it in \(directory) with git")
    }
    let answer = try await desk.inTurn(branch.repository) { () throws(Failure) in try git.run(arguments, in: directory)
    }
    if answer.status != 0 { try await stopAtConflict(branch, arguments, answer, keeping: true) }
    reply.steps.append("the \(operation.rawValue) of \(branch.branch) is complete")
    let survey = branch.survey
    let tip = try await Offload.trying { () throws(Failure) in try survey.tip(of: branch.base).commit }
    try await settle(branch, at: tip, &reply)
    if let session = sessions[branch.session] { await moveWorkLog(session, to: .inProgress) }
  }

  private func giveUp(_ branch: Branch, _ reply: inout BranchReply) async throws {
    let (git, directory) = (branch.git, branch.directory)
    let operation = try await Offload.trying { () throws(Failure) in try WorkingTree.operation(git, directory) }
    guard let operation, [.rebase, .merge, .cherryPick].contains(operation) else {
      throw Failure(.usage, "nothing of \(branch.name) is under way", hint: "`apus sync \(branch.name)` begins")
    }
    try await desk.inTurn(branch.repository) { () throws(Failure) in
      _ = try git.require([operation.rawValue, "--abort"], in: directory)
    }
    reply.steps.append("the \(operation.rawValue) is given up; \(branch.branch) is as it was")
    reply.commit = try await Offload.trying { () throws(Failure) in try WorkingTree.status(git, directory).head }
    if let session = sessions[branch.session] { await moveWorkLog(session, to: .inProgress) }
  }

  // MARK: tests

  /// Runs the repository's test command on a branch as it stands in its worktree; nil where it has none.
  func runTests(_ branch: Branch) async throws -> (Place.TestOutcome, tail: String)? {
    guard let command = branch.survey.settings.test, let session = sessions[branch.session] else { return nil }
    let (git, repository, directory) = (branch.git, branch.repository, branch.directory)
    let tree = try await Offload.trying { () throws(Failure) in
      try Commits.tree(git, repository, try WorkingTree.status(git, directory).head ?? "HEAD")
    }
    var variables = session.spec.environment
    variables["PWD"] = directory
    variables["APUS_SESSION"] = session.name
    let answer = try await shell(command, in: directory, variables)
    let outcome = Place.TestOutcome(passed: answer.status == 0, seconds: answer.seconds, tree: tree)
    try update(branch.session) { $0.place?.tests = outcome }
    return (outcome, answer.tail)
  }

  /// The same, and they must pass; what was done is a step of the reply.
  func requireTests(
    _ branch: Branch, skipped: Bool, _ reply: inout BranchReply, _ caller: Caller
  ) async throws {
    if skipped { return reply.steps.append("the tests were not run, as asked") }
    let command = branch.survey.settings.test ?? ""
    guard let (outcome, tail) = try await caller.told("running the tests: \(command)", { try await runTests(branch) })
    else {
      return reply.steps.append("no tests were run: there is no \"test\" in .apus/config.json")
    }
    reply.tests = outcome
    guard outcome.passed else {
      throw Failure(
        .testsFailed, "the tests fail on \(branch.branch); nothing was merged or pushed",
        hint: tail.isEmpty ? "run them in \(branch.directory)" : tail)
    }
    reply.steps.append("the tests pass (\(branch.survey.settings.test ?? ""))")
  }
}
