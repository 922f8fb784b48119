import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// The only verb that writes a base. One merge per base at a time, hotfixes first: the branch is brought up to date, the
// tests run on that very tree, then the base moves in one step from where it was seen.

extension Coordinator {
  private static let mostRounds = 5

  package func merge(_ request: BranchRequest, _ caller: Caller) async throws -> BranchReply {
    let session = try require(request.session)
    try refuseWorking(session, "merge", caller: request.caller)
    let branch = try await requireBranch(session)
    // The base may be the branch of another session, whose files move with it.
    for other in sessions.values
    where other.id != session.id && other.place?.repository == branch.place.repository
      && other.place?.branch == branch.base && other.place?.worktree != nil
    {
      try refuseWorking(other, "merge", caller: nil)
    }
    let name = "merge:\(branch.repository.common):\(branch.base)"
    await caller.told("waiting for other merges into \(branch.base)") {
      await desk.turns.take(name, rank: branch.place.kind == .hotfix ? 1 : 0)
    }
    defer { desk.turns.give(name) }
    return try await alone(session) {
      var reply = BranchReply(session: session.name, branch: branch.branch, base: branch.base)
      try await merge(branch, request, &reply, caller)
      statuses.spoil(session.id)
      for other in sessions.values where other.place?.repository == branch.place.repository { statuses.spoil(other.id) }
      if request.removes, reply.commit != nil { try await removeMerged(session.id, &reply) }
      return reply
    }
  }

  private func merge(
    _ branch: Branch, _ request: BranchRequest, _ reply: inout BranchReply, _ caller: Caller
  ) async throws {
    let (git, repository, directory) = (branch.git, branch.repository, branch.directory)
    for _ in 0..<Self.mostRounds {
      let tip = try await bringUpToDate(branch, &reply, caller)
      let status = try await Offload.trying { () throws(Failure) in try WorkingTree.status(git, directory) }
      guard let head = status.head else { return }
      if !status.untracked.isEmpty {
        reply.steps.append(
          "not part of it, since git does not know them: "
            + status.untracked.prefix(5).map { SessionName.printable($0) }.joined(separator: ", "))
      }
      if head == tip {
        reply.steps.append("there is nothing to merge")
        return reply.commit = nil
      }
      try await requireTests(branch, skipped: request.skipsTests, &reply, caller)
      let after = try await Offload.trying { () throws(Failure) in
        (try WorkingTree.status(git, directory), try branch.survey.tip(of: branch.base).commit)
      }
      guard after.0.head == head, after.0.changed.isEmpty else {
        throw Failure(
          .workConflict, "\(branch.branch) changed while it was tested; nothing was merged",
          hint: "look at it in \(directory), then do it again")
      }
      // Somebody moved the base meanwhile: what was tested is not what would be merged.
      if after.1 != tip { continue }
      let result = try await Offload.trying { () throws(Failure) in
        try Self.result(branch, request, head: head, tip: tip)
      }
      var undertaking = Undertaking(
        kind: .merge, session: branch.session, name: branch.name, repository: repository.common,
        checkout: repository.checkout, branch: branch.branch, start: head)
      undertaking.base = branch.base
      undertaking.result = result
      defer { leave(undertaking) }
      try begin(undertaking)
      do {
        try await desk.inTurn(repository) { () throws(Failure) in try Self.advance(branch, to: result) }
      } catch {
        try finish(undertaking)
        throw error
      }
      try await keepMerged(undertaking)
      try finish(undertaking)
      reply.commit = result
      reply.steps.append("\(branch.base) is at \(result.prefix(10)) now")
      return
    }
    throw Failure(
      .workBusy, "\(branch.base) moves faster than \(branch.name) can be tested on it", hint: "do it again in a while")
  }

  /// The commit the base is to lead to.
  private nonisolated static func result(
    _ branch: Branch, _ request: BranchRequest, head: String, tip: String
  ) throws(Failure) -> String {
    let (git, repository) = (branch.git, branch.repository)
    if request.manner == .fastForward { return head }
    let tree = try Commits.tree(git, repository, head)
    let subjects = try Commits.subjects(git, repository, tip, head)
    let usual =
      request.manner == .squash
      ? branch.name + "\n\n" + subjects.reversed().map { "* " + $0 }.joined(separator: "\n")
      : "Merge branch '\(branch.branch)'"
    return try Commits.make(
      git, repository, tree: tree, parents: request.manner == .squash ? [tip] : [tip, head],
      message: request.message ?? usual, isOurs: false)
  }

  /// Moves the base: in the checkout that has it, with its files, or, where none has, the ref alone. All or nothing.
  private nonisolated static func advance(_ branch: Branch, to result: String) throws(Failure) {
    let (git, repository) = (branch.git, branch.repository)
    let ref = "refs/heads/" + branch.base
    let checkout = try Worktrees.list(git, repository.directory).first { $0.ref == ref && !$0.isBare }
    guard let checkout else {
      let before = try Refs.find(git, repository, ref)
      if let before, try !Refs.isAncestor(git, repository, before, of: result) {
        throw Failure(.workConflict, "\(branch.base) has moved; nothing was merged", hint: "do it again")
      }
      return try Refs.set(
        git, repository, ref, to: result, from: before, why: "apus: merge \(branch.branch)")
    }
    // What is ignored there is a person's as well.
    let arguments = ["merge", "--ff-only", "--no-overwrite-ignore", "--quiet", result]
    let answer = try git.run(arguments, in: checkout.path)
    if answer.status == 0 { return }
    if answer.errors.contains("would be overwritten") {
      let files = answer.errors.split(separator: "\n").filter { $0.hasPrefix("\t") }
        .map { SessionName.printable(String($0.dropFirst())) }
      throw Failure(
        .workUnsaved,
        "\(checkout.path) has changes that merging \(branch.name) would overwrite: \(files.prefix(8).joined(separator: ", "))",
        hint: "commit or stash them there, then `apus merge \(branch.name)`; nothing was changed")
    }
    throw Git.failure(arguments, answer)
  }

  /// Writes down that the base has it.
  private func keepMerged(_ undertaking: Undertaking) async throws {
    guard let result = undertaking.result, let session = sessions[undertaking.session] else { return }
    try update(session.id) { session in
      session.place?.merged = result
      session.place?.mergedAt = now
      // What comes from now on is new again.
      session.place?.start = undertaking.start
    }
    try note(
      session.id, .merged, .object(["base": .string(undertaking.base ?? ""), "commit": .string(result)]))
    log.info("session \(session.id): merged into \(undertaking.base ?? ""), \(result)")
    await moveWorkLog(
      session, to: .done,
      line: "- **Merged**: \(MomentText.iso(now)) into \(undertaking.base ?? ""), \(result.prefix(10))")
  }

  /// A merge whose daemon ended: either the base has it, or nothing happened.
  func completeMerge(_ undertaking: Undertaking) async throws {
    guard let base = undertaking.base, let result = undertaking.result else { return }
    let (repository, environment) = (undertaking.identity, self.environment)
    let isThere = try await Offload.trying { () throws(Failure) in
      let git = try Git(environment: environment)
      guard let tip = try Refs.find(git, repository, "refs/heads/" + base) else { return false }
      return try Refs.isAncestor(git, repository, result, of: tip)
    }
    if isThere { try await keepMerged(undertaking) }
  }

  private func removeMerged(_ id: String, _ reply: inout BranchReply) async throws {
    guard let session = sessions[id] else { return }
    do {
      let removed = try await removePlace(session, overruled: [], plansOnly: false)
      reply.steps.append("its worktree is removed\(removed.rescue.map { "; kept as \($0)" } ?? "")")
    } catch { reply.steps.append("its worktree stays: \((error as? Failure)?.summary ?? "\(error)")") }
  }

  // MARK: pull requests

  private nonisolated static let pushSeconds: Double = 120
  private nonisolated static let toolSeconds: Double = 120

  package func pullRequest(_ request: BranchRequest, _ caller: Caller) async throws -> BranchReply {
    let session = try require(request.session)
    try refuseWorking(session, "pr", caller: request.caller)
    let branch = try await requireBranch(session)
    let directories = (session.spec.environment["PATH"] ?? "").split(separator: ":")
    guard
      let tool = directories.map({ String($0) + "/gh" }).first(where: { $0.hasPrefix("/") && access($0, X_OK) == 0 })
    else {
      throw Failure(
        .toolMissing, "there is no gh program in the PATH of \(session.name); nothing was pushed",
        hint: "install GitHub's command line (https://cli.github.com), or `git -C \(branch.directory) push` by hand")
    }
    guard branch.survey.remotes.contains("origin") else {
      throw Failure(
        .repositoryUnusable, "the repository of \(session.name) has no remote \"origin\" to push to",
        hint: "git -C \(branch.directory) remote add origin URL")
    }
    return try await alone(session) {
      var reply = BranchReply(session: session.name, branch: branch.branch, base: branch.base)
      let tip = try await bringUpToDate(branch, &reply, caller)
      try await requireTests(branch, skipped: request.skipsTests, &reply, caller)
      let (git, directory) = (branch.git, branch.directory)
      let ref = "refs/heads/" + branch.branch
      let arguments = ["push", "--quiet", "--set-upstream", "origin", "\(ref):\(ref)"]
      let answer = try await caller.told("pushing \(branch.branch)") {
        try await desk.inTurn(branch.repository) { () throws(Failure) in
          try git.run(arguments, in: directory, seconds: Self.pushSeconds)
        }
      }
      if answer.status != 0 {
        guard answer.errors.contains("[rejected]") || answer.errors.contains("non-fast-forward") else {
          throw Git.failure(arguments, answer)
        }
        throw Failure(
          .workConflict, "origin has commits on \(branch.branch) that are not here; nothing was pushed",
          hint: "fetch and merge them in \(directory): git pull --no-rebase origin \(branch.branch)")
      }
      reply.steps.append("\(branch.branch) is pushed")
      try await caller.told("opening the pull request") { try await open(branch, request, tool, tip: tip, &reply) }
      statuses.spoil(session.id)
      await moveWorkLog(session, to: .needsReview)
      return reply
    }
  }

  private func open(
    _ branch: Branch, _ request: BranchRequest, _ tool: String, tip: String, _ reply: inout BranchReply
  ) async throws {
    let (git, repository) = (branch.git, branch.repository)
    let subjects = try await Offload.trying { () throws(Failure) in
      try Commits.subjects(git, repository, tip, "refs/heads/" + branch.branch)
    }
    let entry = await loadWorkLog(branch.survey)?.entries.last { $0.branch == branch.branch }
    let body = PullRequestText.body(entry, subjects: subjects, tests: reply.tests)
    let title = request.title ?? (subjects.count == 1 ? subjects[0] : branch.name)
    let command =
      [
        tool, "pr", "create", "--head", branch.branch, "--base", branch.base, "--title", title, "--body-file", "-",
      ] + (request.draft ? ["--draft"] : [])
    let (directory, environment) = (branch.directory, sessions[branch.session]?.spec.environment ?? [:])
    let answer = try await Offload.trying { () throws(Failure) -> Git.Answer in
      guard let child = Child(command, environment: environment, directory: directory),
        let answer = child.finish(input: Array(body.utf8), largest: 1 << 20, seconds: Self.toolSeconds)
      else {
        throw Failure(.toolMissing, "\(tool) could not be run, or did not end", hint: "`gh auth status` says more")
      }
      return answer
    }
    guard answer.status == 0 else {
      let said = answer.errors.split(separator: "\n").prefix(3).map { SessionName.printable(String($0)) }
      throw Failure(
        .toolMissing, "the branch is pushed, but gh made no pull request: \(said.joined(separator: " "))",
        hint: "`gh auth status`, then `gh pr create` in \(directory)")
    }
    reply.url = answer.text.split(separator: "\n").last { $0.contains("://") }.map { SessionName.printable(String($0)) }
    reply.steps.append("the pull request is open\(reply.url.map { ": " + $0 } ?? "")")
  }
}

/// The text of a pull request, from the work log and the commits.
enum PullRequestText {
  static func body(_ entry: WorkLog.Entry?, subjects: [String], tests: Place.TestOutcome?) -> String {
    var lines: [String] = []
    if let issue = entry?.issue, issue != "—" { lines += [issue, ""] }
    if let component = entry?.component, component != "—" { lines += ["Component: \(component)", ""] }
    if !subjects.isEmpty { lines += ["Commits:", ""] + subjects.reversed().map { "- " + $0 } + [""] }
    if let files = entry?.files, !files.isEmpty { lines += ["Files:", ""] + files.map { "- `\($0)`" } + [""] }
    if let tests { lines.append(tests.passed ? "Tests pass on this tree." : "Tests fail on this tree.") }
    return lines.joined(separator: "\n") + "\n"
  }
}
