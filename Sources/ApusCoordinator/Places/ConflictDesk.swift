import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// Which sessions of a repository would conflict now: with each other and with their bases, what is not committed
/// included. Computed in git's memory and a directory of ours; kept as long as the commits are the same.
@LoopActor
final class ConflictDesk {
  /// What a session's work is: a commit, or, where it has more than is committed, one made for the moment.
  struct Side: Sendable {
    var session: String
    var name: String
    var base: String?
    var baseCommit: String?
    var head: String
    var isDirty: Bool
    var directory: String
  }

  private var known: [MergeTree.Pair: [String]] = [:]
  private static let mostKnown = 20_000

  /// The pairs that conflict, and how many there are.
  func conflicts(
    _ sides: [Side], _ git: Git, _ repository: Repository, scratch: String
  ) async throws(Failure) -> ConflictsReply {
    let cached = known
    let (pairs, found) = try await Offload.trying { () throws(Failure) in
      try Self.compute(sides, git, repository, scratch: scratch, known: cached)
    }
    if known.count > Self.mostKnown { known = [:] }
    for (pair, files) in found.kept { known[pair] = files }
    return ConflictsReply(pairs: pairs, conflicts: found.conflicts)
  }

  private struct Found: Sendable {
    var conflicts: [ConflictObject] = []
    var kept: [MergeTree.Pair: [String]] = [:]
  }

  private nonisolated static func compute(
    _ sides: [Side], _ git: Git, _ repository: Repository, scratch: String, known: [MergeTree.Pair: [String]]
  ) throws(Failure) -> (Int, Found) {
    let objects = "\(scratch)/objects-\(UInt32.random(in: 0...UInt32.max))"
    guard Files.makeDirectory(scratch) == 0, Files.makeDirectory(objects) == 0 else {
      throw Failure(.storeFailed, "\(objects) cannot be made", hint: "`apus doctor` says what may be wrong")
    }
    defer { Files.removeTree(objects) }
    let more = ["GIT_OBJECT_DIRECTORY": objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES": repository.common + "/objects"]
    var commits: [String] = []
    for side in sides {
      guard side.isDirty else {
        commits.append(side.head)
        continue
      }
      let tree = try WorkingTree.snapshot(git, side.directory, objects: objects)
      commits.append(
        try Commits.make(
          git, repository, tree: tree, parents: [side.head], message: "apus: for the moment", isOurs: true,
          adding: more.merging(["GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"]) { $1 }))
    }
    var asked: [(pair: MergeTree.Pair, between: [String], withBase: Bool)] = []
    for (index, side) in sides.enumerated() {
      if let base = side.baseCommit, let name = side.base {
        asked.append((MergeTree.Pair(base, commits[index]), [side.name, name], true))
      }
      for other in sides.indices.dropFirst(index + 1) {
        asked.append((MergeTree.Pair(commits[index], commits[other]), [side.name, sides[other].name], false))
      }
    }
    var found = Found()
    let open = asked.map(\.pair).filter { known[$0] == nil && $0.one != $0.other }
    // Two processes: there are seldom more cores to be had.
    let computed = try MergeTree.conflicts(git, repository, open, objects: objects)
    for (pair, files) in zip(open, computed) { found.kept[pair] = files }
    for (pair, between, withBase) in asked {
      let files = known[pair] ?? found.kept[pair] ?? []
      if !files.isEmpty { found.conflicts.append(ConflictObject(between: between, files: files, withBase: withBase)) }
    }
    return (asked.count, found)
  }
}

extension Coordinator {
  /// Every session's side of its repository, grouped by repository.
  private func sides(
    of chosen: [Session], patience: Int64 = StatusDesk.patienceMilliseconds
  ) async -> [(Repository, Git, [ConflictDesk.Side])] {
    await statuses.refresh(chosen, patience: patience)
    var groups: [String: (Repository, Git, [ConflictDesk.Side])] = [:]
    for session in chosen.sorted(by: { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }) {
      guard let place = session.place, place.worktree != nil,
        place.merged == nil || statuses.known(session.id)?.ahead ?? 0 > 0,
        let known = statuses.known(session.id), let head = known.head
      else { continue }
      let side = ConflictDesk.Side(
        session: session.id, name: session.name, base: place.base, baseCommit: known.baseCommit, head: head,
        isDirty: known.isDirty, directory: place.worktree ?? session.directory)
      if groups[place.repository] == nil {
        guard let git = try? Git(environment: session.spec.environment) else { continue }
        groups[place.repository] = (Repository(common: place.repository, checkout: place.checkout), git, [])
      }
      groups[place.repository]?.2.append(side)
    }
    return groups.sorted { $0.key < $1.key }.map(\.value)
  }

  /// Who would conflict with whom, in the repository a directory is in, or in all where it is in none.
  package func conflicts(_ request: DirectoryRequest) async throws -> ConflictsReply {
    let repository = try await Offload.trying { () throws(Failure) in
      try Repository.find(request.directory, request.environment)
    }
    let chosen = sessions.values.filter { session in
      guard let place = session.place, session.state != .archived else { return false }
      return repository == nil || place.repository == repository?.common
    }
    var reply = ConflictsReply(pairs: 0, conflicts: [])
    for (repository, git, sides) in await sides(of: Array(chosen), patience: Self.askedMilliseconds) {
      let found = try await conflictDesk.conflicts(sides, git, repository, scratch: places.scratch)
      reply.pairs += found.pairs
      reply.conflicts += found.conflicts
      mark(sides, found)
    }
    return reply
  }

  private func mark(_ sides: [ConflictDesk.Side], _ found: ConflictsReply) {
    for side in sides {
      let others = found.conflicts.filter { $0.between.contains(side.name) }
        .flatMap { $0.between.filter { $0 != side.name } }
      let marks = others.sorted()
      let isNews = conflictMarks[side.session] ?? [] != marks
      conflictMarks[side.session] = marks
      if isNews { changes.announce(.session(side.session)) }
    }
  }

  private static let markMilliseconds = 400
  /// Who asks for conflicts alone wants them right rather than soon.
  private static let askedMilliseconds: Int64 = 30_000

  /// Brings the marks of these sessions up to date; where that takes long they are those of before, and whoever asks next
  /// has the new ones.
  func markConflicts(_ chosen: [Session]) async {
    // With whom one conflicts need not be among those that were asked for.
    let repositories = Set(chosen.compactMap { $0.place?.repository })
    let placed = sessions.values.filter { session in
      guard let place = session.place, place.worktree != nil, session.state != .archived else { return false }
      return repositories.contains(place.repository)
    }
    guard !placed.isEmpty else { return }
    await statuses.refresh(placed)
    let signature = placed.map { session in
      let known = statuses.known(session.id)
      let loose = known?.isDirty == true ? known?.number ?? 0 : 0
      return "\(session.id) \(session.name) \(known?.head ?? "") \(known?.baseCommit ?? "") \(loose)"
    }.sorted().joined(separator: "\n")
    guard signature != conflictSignature else { return }
    conflictSignature = signature
    for session in placed where session.place?.merged != nil && statuses.known(session.id)?.ahead ?? 0 == 0 {
      conflictMarks[session.id] = []
    }
    let task = LoopActor.begin { [self] in
      for (repository, git, sides) in await sides(of: placed) {
        guard let found = try? await conflictDesk.conflicts(sides, git, repository, scratch: places.scratch) else {
          continue
        }
        mark(sides, found)
      }
    }
    var timer: UInt64?
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      timer = Timers.shared.after(Self.markMilliseconds) { answer.give(()) }
      LoopActor.begin {
        await task.value
        answer.give(())
      }
    }
    if let timer { Timers.shared.cancel(timer) }
  }
}
