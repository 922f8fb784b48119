import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem

// Bringing back what was taken away, from the refs that keep it.

extension Coordinator {
  /// The repositories a request is about: the one its directory is in, else all that sessions work on.
  private func repositories(_ directory: String, _ environment: [String: String]) async throws -> [Repository] {
    let here = try await Offload.trying { () throws(Failure) in try Repository.find(directory, environment) }
    if let here { return [here] }
    var all: [String: Repository] = [:]
    for place in sessions.values.compactMap(\.place) {
      all[place.repository] = Repository(common: place.repository, checkout: place.checkout)
    }
    return all.values.filter { Files.isThere($0.common) }.sorted { $0.common < $1.common }
  }

  private func rescues(
    _ directory: String, _ environment: [String: String]
  ) async throws -> [(repository: Repository, entry: Rescue.Entry)] {
    var found: [(repository: Repository, entry: Rescue.Entry)] = []
    for repository in try await repositories(directory, environment) {
      let entries = try await Offload.trying { () throws(Failure) in
        try Rescue.list(try Git(environment: environment), repository)
      }
      found += entries.map { (repository, $0) }
    }
    return found.sorted { ($0.entry.at, $0.entry.ref) > ($1.entry.at, $1.entry.ref) }
  }

  package func rescues(_ request: DirectoryRequest) async throws -> [RescueObject] {
    try await rescues(request.directory, request.environment).map { repository, entry in
      let note = RescueNote.read(entry.message)
      return RescueObject(
        id: entry.id, ref: entry.ref, commit: entry.commit, kind: note?.kind ?? "unknown",
        name: note?.name ?? entry.id, branch: note?.branch, at: MomentText.iso(entry.at), age: max(0, now - entry.at),
        repository: repository.directory)
    }
  }

  package func restore(_ request: RestoreRequest) async throws -> RestoreReply {
    let all = try await rescues(request.directory, request.environment)
    let found = all.filter { item in
      // A worktree that was nobody's is not what somebody did last.
      guard let id = request.id else { return RescueNote.read(item.entry.message)?.kind != "stray" }
      return item.entry.id == id || item.entry.ref == id || RescueNote.read(item.entry.message)?.name == id
        || RescueNote.read(item.entry.message)?.session == id
    }
    // A stray worktree may have been called as a session was.
    let isOfSession = { (item: (repository: Repository, entry: Rescue.Entry)) in
      RescueNote.read(item.entry.message)?.kind != "stray"
    }
    guard let (repository, entry) = found.first(where: isOfSession) ?? found.first else {
      throw Failure(
        .rescueNotFound,
        request.id.map { "nothing is kept as \"\(SessionName.excerpt($0))\"" }
          ?? "there is nothing to undo here",
        hint: "`apus rescue list` shows what is kept")
    }
    guard let note = RescueNote.read(entry.message) else {
      throw Failure(
        .rescueNotFound, "\(entry.ref) does not say what it was", hint: "git branch NAME \(entry.commit.prefix(10))")
    }
    let git = try Git(environment: request.environment, undertaking: note.session ?? entry.id)
    var reply = RestoreReply(id: entry.id, steps: [], session: nil)
    switch note.kind {
    case "remove":
      try await restore(place: note, entry, git, repository, &reply)
      return reply
    case "move": try await restore(moved: note, git, repository, &reply)
    case "stray": try await restore(stray: note, entry, git, repository, &reply)
    default:
      throw Failure(
        .rescueNotFound, "\(entry.ref) is of a later version", hint: "git branch NAME \(entry.commit.prefix(10))")
    }
    try await letGo(entry, git, repository)
    return reply
  }

  private func letGo(_ entry: Rescue.Entry, _ git: Git, _ repository: Repository) async throws {
    try await desk.inTurn(repository) { () throws(Failure) in
      try Refs.delete(git, repository, entry.ref, at: entry.commit)
    }
  }

  // MARK: places

  private func restore(
    place note: RescueNote, _ entry: Rescue.Entry, _ git: Git, _ repository: Repository, _ reply: inout RestoreReply
  ) async throws {
    guard let worktree = note.worktree, let branch = note.branch, let head = entry.parent else {
      throw Failure(.rescueNotFound, "\(entry.ref) does not say where it was", hint: "git branch NAME \(entry.commit)")
    }
    let session = note.session.flatMap { sessions[$0] }
    if let session, session.state != .archived {
      throw Failure(
        .sessionLive, "\(session.name) is there; nothing has to be brought back",
        hint: "look at what is kept: git diff \(head.prefix(10)) \(entry.commit.prefix(10))")
    }
    let isOurs = worktree.hasPrefix(places.worktrees + "/")
    guard isOurs, !Files.isThere(worktree) else {
      throw Failure(
        .pathTaken, isOurs ? "\(worktree) is there already" : "\(worktree) is not in this APUS_HOME",
        hint: "git branch NAME \(head.prefix(10)) brings the commits back")
    }
    let parent = worktree.lastIndex(of: "/").map { String(worktree[..<$0]) } ?? places.worktrees
    for made in [places.worktrees, parent] {
      let code = Files.makeDirectory(made)
      guard code == 0 else { throw filesFailed(made, code) }
    }
    let there = try await Offload.trying { () throws(Failure) in
      try Refs.find(git, repository, "refs/heads/" + branch)
    }
    if let there, there != head {
      throw Failure(
        .branchTaken, "the branch \(branch) is there again, at \(there.prefix(10))",
        hint: "rename it (git branch -m \(branch) OTHER), then do it again")
    }
    var undertaking = Undertaking(
      kind: .restore, session: note.session ?? entry.id, name: note.name, repository: repository.common,
      checkout: repository.checkout, worktree: worktree, branch: branch, madeBranch: there == nil, start: head)
    undertaking.rescue = entry.ref
    defer { leave(undertaking) }
    try begin(undertaking)
    do {
      try await refill(note, entry, git, repository, undertaking)
      reply.steps.append("\(branch) and its worktree are back: \(worktree)")
      if let session { try bringBack(session, note, worktree, &reply) }
    } catch {
      try? await takeBack(undertaking)
      try finish(undertaking)
      throw error
    }
    try await letGo(entry, git, repository)
    try finish(undertaking)
    try await fillBesides(git, repository, worktree, &reply)
  }

  /// Branch and worktree as they were: what was committed, what was staged, and the rest.
  private func refill(
    _ note: RescueNote, _ entry: Rescue.Entry, _ git: Git, _ repository: Repository, _ undertaking: Undertaking
  ) async throws {
    guard let worktree = undertaking.worktree, let branch = undertaking.branch, let head = undertaking.start else {
      return
    }
    let start = undertaking.madeBranch ? head : nil
    let reason = "apus session \(note.session ?? note.name)"
    try await desk.inTurn(repository) { () throws(Failure) in
      try Worktrees.add(git, repository, path: worktree, branch: branch, start: start, reason: reason)
      try Worktrees.fill(git, path: worktree)
      try git.require(["read-tree", "--reset", "-u", entry.commit], in: worktree)
      try git.require(["reset", "--mixed", "--quiet", head], in: worktree)
      guard let staged = note.staged else { return }
      try git.require(["read-tree", staged], in: worktree)
      _ = try git.run(["update-index", "-q", "--refresh"], in: worktree)
    }
  }

  /// What no ref keeps but can be had again.
  private func fillBesides(
    _ git: Git, _ repository: Repository, _ worktree: String, _ reply: inout RestoreReply
  ) async throws {
    let isFilled = try? await Offload.trying { () throws(Failure) in
      if let checkout = repository.checkout {
        _ = try? Included.copy(try Included.files(git, checkout: checkout), from: checkout, to: worktree)
      }
      return try Worktrees.fillSubmodules(git, path: worktree, seconds: Self.submoduleSeconds)
    }
    if isFilled != true {
      reply.steps.append("its submodules could not be filled: `git submodule update --init` in \(worktree) says why")
    }
  }

  private func bringBack(_ session: Session, _ note: RescueNote, _ worktree: String, _ reply: inout RestoreReply) throws
  {
    let isFree = !sessions.values.contains { $0.name == note.name && $0.id != session.id }
    let ports = try leasePorts(session.place?.ports ?? [:], session: session.id)
    var environment = session.spec.environment
    for (variable, port) in ports { environment[variable] = String(port) }
    let kept = shared(environment)
    try update(session.id) { session in
      if isFree { session.name = note.name }
      session.state = .ended
      session.archivedAt = nil
      session.place?.worktree = worktree
      session.place?.ports = ports
      for (variable, port) in ports { session.place?.variables[variable] = String(port) }
      session.spec.environment = kept
    }
    try self.note(session.id, .restored)
    reply.session = sessions[session.id]?.name
    reply.steps.append("the session is \(reply.session ?? "") again; `apus resume \(reply.session ?? "")` continues it")
  }

  /// A worktree no session owned comes back as a branch: its own branch was never taken away.
  private func restore(
    stray note: RescueNote, _ entry: Rescue.Entry, _ git: Git, _ repository: Repository, _ reply: inout RestoreReply
  ) async throws {
    let branch = "rescued/" + note.name
    try await desk.inTurn(repository) { () throws(Failure) in
      guard try Refs.find(git, repository, "refs/heads/" + branch) == nil else {
        throw Failure(
          .branchTaken, "the branch \(branch) is there already",
          hint: "rename it (git branch -m \(branch) OTHER), then do it again")
      }
      try Refs.set(git, repository, "refs/heads/" + branch, to: entry.commit, from: nil, why: "apus: restored")
    }
    reply.steps.append("what was in \(note.worktree ?? note.name) is the last commit of the branch \(branch)")
  }

  // MARK: moved commits

  private func restore(
    moved note: RescueNote, _ git: Git, _ repository: Repository, _ reply: inout RestoreReply
  ) async throws {
    guard let from = note.branch, let before = note.from, before.count == 2 else {
      throw Failure(.rescueNotFound, "what is kept does not say where the commits were")
    }
    let isBack = try await desk.inTurn(repository) { () throws(Failure) -> Bool in
      try BranchMove.move(git, repository, from, from: before[1], to: before[0])
      guard let to = note.to, let after = note.toAfter else { return false }
      do throws(Failure) {
        if let toBefore = note.toBefore {
          try BranchMove.move(git, repository, to, from: after, to: toBefore)
        } else if try Refs.find(git, repository, "refs/heads/" + to) == after,
          try !Worktrees.list(git, repository.directory).contains(where: { $0.branch == to })
        {
          try Refs.delete(git, repository, "refs/heads/" + to, at: after)
        } else {
          return false
        }
        return true
      } catch {
        // Both or none.
        try? BranchMove.move(git, repository, from, from: before[0], to: before[1])
        throw error
      }
    }
    reply.steps.append("\(from) is at \(before[0].prefix(10)) again")
    if let to = note.to {
      reply.steps.append(
        isBack ? "\(to) is as it was before" : "\(to) stays as it is now: it has more commits, or is checked out")
    }
    for session in sessions.values where session.place?.repository == repository.common { statuses.spoil(session.id) }
  }
}

/// Moves a branch to another commit, with the files of the checkout that has it, where one has: what is not committed
/// there stays, or nothing is moved.
enum BranchMove {
  static func move(
    _ git: Git, _ repository: Repository, _ branch: String, from old: String, to new: String
  ) throws(Failure) {
    let ref = "refs/heads/" + branch
    guard try Refs.find(git, repository, ref) == old else {
      throw Failure(
        .workConflict, "\(branch) has moved since; nothing was changed",
        hint: "`git reflog \(branch)` shows where it was")
    }
    let checkout = try Worktrees.list(git, repository.directory).first { $0.ref == ref && !$0.isBare }
    guard let checkout else {
      return try Refs.set(git, repository, ref, to: new, from: old, why: "apus: move commits")
    }
    let answer = try git.run(["reset", "--keep", "--quiet", new], in: checkout.path)
    guard answer.status == 0 else {
      throw Failure(
        .workUnsaved, "\(checkout.path) has changes in files that would move with the commits; nothing was changed",
        hint: "commit or stash them there first")
    }
  }
}
