import ApusAgents
import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem

// Approaches side by side, and what is looked for over everything there is.

extension Coordinator {
  package func compare(_ request: CompareRequest) async throws -> [ComparedObject] {
    var chosen: [Session] = []
    for name in request.sessions { chosen.append(try require(name)) }
    await statuses.refresh(chosen)
    await markConflicts(chosen)
    var objects: [ComparedObject] = []
    for session in chosen {
      let began = try store.loadRuns(of: session.id).first?.startedAt ?? session.createdAt
      var object = ComparedObject(
        name: session.name, branch: session.place?.branch, seconds: max(0, session.lastActive - began),
        tokens: session.tokens, cost: session.cost)
      object.conflicts = conflictMarks[session.id] ?? []
      if session.place?.branch != nil, session.place?.worktree != nil {
        let branch = try await requireBranch(session)
        if request.tests { _ = try await runTests(branch) }
        let known = statuses.known(session.id)
        let (size, tree, commits) = try await Offload.trying { () throws(Failure) in
          try Self.measure(branch, baseCommit: known?.baseCommit)
        }
        object.commits = commits
        object.added = size.added
        object.removed = size.removed
        object.files = Set(size.files).union(known?.touched ?? []).sorted()
        // An outcome on another tree says nothing about this one.
        if let tests = sessions[session.id]?.place?.tests, tests.tree == tree, known?.isDirty != true {
          object.testsPassed = tests.passed
          object.testSeconds = tests.seconds
        }
      }
      objects.append(object)
    }
    return objects
  }

  private nonisolated static func measure(
    _ branch: Branch, baseCommit: String?
  ) throws(Failure) -> (Commits.Size, tree: String, commits: Int) {
    let (git, repository) = (branch.git, branch.repository)
    guard let head = try WorkingTree.status(git, branch.directory).head else { return (Commits.Size(), "", 0) }
    let merged = branch.place.merged != nil
    let base = merged ? branch.place.start : baseCommit
    let left = try base.flatMap { base throws(Failure) in try Commits.mergeBase(git, repository, base, head) } ?? head
    return (
      try Commits.size(git, branch.directory, left, nil), try Commits.tree(git, repository, head),
      try Commits.between(git, repository, left, head).count
    )
  }

  /// One approach stays, the others are archived: nothing of theirs is deleted.
  package func keep(_ request: KeepRequest) async throws -> [SessionObject] {
    let kept = try require(request.session)
    var others: [Session] = []
    for name in request.over { others.append(try require(name)) }
    guard !others.contains(where: { $0.id == kept.id }) else {
      throw Failure(.usage, "\(kept.name) cannot be kept over itself", hint: "`apus keep A --over B C`")
    }
    // All or none.
    for other in others where live[other.id] != nil || other.state.isLive {
      throw Failure(
        .sessionLive, "\(other.name) (\(other.id)) is \(other.state.rawValue)",
        hint: "stop it first: `apus stop \(other.name)`")
    }
    var objects = [try await object(kept.id)]
    for other in others { objects.append(try await archive(SessionRequest(session: other.id))) }
    return objects
  }

  // MARK: finding

  private nonisolated static let mostFound = 20
  private static let findMilliseconds = 20_000

  package func find(_ request: FindRequest) async throws -> [FoundObject] {
    let (directory, environment) = (request.directory, request.environment)
    let survey = try await Offload.trying { () throws(Failure) in try Survey.of(directory, environment: environment) }
    let here = sessions.values.filter { session in
      survey == nil || session.place?.repository == survey?.repository.common
    }
    let owners = Dictionary(
      here.compactMap { session in session.place?.branch.map { ($0, session.name) } }, uniquingKeysWith: { $1 })
    var found: [FoundObject] = []
    guard let text = request.text, !text.isEmpty else {
      guard let survey else {
        throw Failure(
          .repositoryMissing, "\(directory) is in no git repository", hint: "call it in one, or say what to look for")
      }
      found += try await Offload.trying { () throws(Failure) in try Self.overview(survey, owners) }
      let open = await loadWorkLog(survey)?.entries.filter(\.isOpen) ?? []
      return found + open.map { Self.object($0, owners) }
    }
    let needle = text.lowercased()
    for session in here
    where session.name.lowercased().contains(needle)
      || session.tags.contains(where: { $0.lowercased().contains(needle) })
    {
      found.append(
        FoundObject(kind: "session", name: session.name, text: session.state.rawValue, session: session.name))
    }
    if let survey {
      found += try await Offload.trying { () throws(Failure) in try Self.search(survey, text, owners) }
      let entries = await loadWorkLog(survey)?.entries ?? []
      found += entries.filter { entry in
        ([entry.title, entry.branch, entry.component, entry.issue].compactMap(\.self) + entry.files)
          .contains { $0.lowercased().contains(needle) }
      }.prefix(Self.mostFound).map { Self.object($0, owners) }
    }
    return found + (await transcripts(Array(here), text))
  }

  private nonisolated static func object(_ entry: WorkLog.Entry, _ owners: [String: String]) -> FoundObject {
    let words = [entry.branch, entry.component, entry.status].compactMap(\.self).joined(separator: ", ")
    return FoundObject(
      kind: "work log", name: SessionName.printable(entry.title), text: SessionName.printable(words),
      session: entry.branch.flatMap { owners[$0] })
  }

  private nonisolated static func overview(_ survey: Survey, _ owners: [String: String]) throws(Failure)
    -> [FoundObject]
  {
    var found = try branches(survey, owners) { _ in true }
    let graph = try survey.git.run(
      ["log", "--oneline", "--graph", "--decorate=short", "-n", "10", "--branches", "--remotes", "HEAD", "--"],
      in: survey.repository.directory)
    for line in graph.text.split(separator: "\n") {
      found.append(FoundObject(kind: "graph", name: "", text: SessionName.printable(String(line))))
    }
    return found
  }

  private nonisolated static func branches(
    _ survey: Survey, _ owners: [String: String], _ fits: (String) -> Bool
  ) throws(Failure) -> [FoundObject] {
    try Refs.list(survey.git, survey.repository, ["refs/heads/", "refs/remotes/"])
      .filter { !$0.key.hasSuffix("/HEAD") && fits($0.key) }.sorted { $0.key < $1.key }.map { ref, commit in
        let name = ref.hasPrefix("refs/heads/") ? String(ref.dropFirst(11)) : String(ref.dropFirst(13))
        return FoundObject(kind: "branch", name: name, text: String(commit.prefix(10)), session: owners[name])
      }
  }

  private nonisolated static func search(
    _ survey: Survey, _ text: String, _ owners: [String: String]
  ) throws(Failure) -> [FoundObject] {
    let needle = text.lowercased()
    var found = try branches(survey, owners) { $0.lowercased().contains(needle) }
    let log = try survey.git.run(
      [
        "log", "--format=%h%x00%s%x00", "-z", "-n", "\(mostFound)", "--regexp-ignore-case", "--fixed-strings",
        "--grep=" + text, "--branches", "--remotes", "--",
      ], in: survey.repository.directory)
    let parts = log.parts.filter { !$0.isEmpty && $0 != "\n" }
    for index in stride(from: 0, to: parts.count - 1, by: 2) {
      found.append(FoundObject(kind: "commit", name: parts[index], text: SessionName.printable(parts[index + 1])))
    }
    return found
  }

  private func transcripts(_ chosen: [Session], _ text: String) async -> [FoundObject] {
    let judged = await verdicts.evaluate(chosen.map { query($0) })
    let files = zip(chosen, judged).compactMap { session, verdict in verdict.path.map { (session.name, $0) } }
    let needle = Array(text.utf8)
    let found = await Offload.run(withinMilliseconds: Self.findMilliseconds) {
      files.sorted { $0.0 < $1.0 }.compactMap { name, path in
        TranscriptSearch.first(needle, path: path).map {
          FoundObject(kind: "transcript", name: name, text: SessionName.printable($0), session: name)
        }
      }
    }
    return Array((found ?? []).prefix(Self.mostFound))
  }
}
