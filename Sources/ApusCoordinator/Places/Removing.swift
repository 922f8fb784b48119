import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Taking a place away: looked at, decided by Core's rule, looked at once more at the moment of deletion, and only what a
// ref of ours keeps (files git does not know among it) is deleted at all.

/// What is written down with a rescue, so that it can be brought back from the repository alone.
struct RescueNote: Codable, Sendable {
  var kind: String
  var session: String?
  var name: String
  var branch: String?
  var base: String?
  var worktree: String?
  var madeBranch: Bool?
  /// The tree that was staged; nil where that was what is committed.
  var staged: String?
  /// Of moved commits: where the two branches were, and where they were put.
  var from: [String]?
  var to: String?
  var toBefore: String?
  var toAfter: String?

  private static let line = "apus-rescue: "

  var message: String {
    "apus: \(kind == "move" ? "before commits moved from \(branch ?? "")" : "what \(name) was")\n\n"
      + Self.line + ((try? JSONText.string(self)) ?? "{}") + "\n"
  }

  static func read(_ message: String) -> RescueNote? {
    guard let text = message.split(separator: "\n").first(where: { $0.hasPrefix(line) }) else { return nil }
    return try? JSONText.decode(RescueNote.self, from: Array(text.dropFirst(line.count).utf8))
  }
}

extension Coordinator {
  package func remove(_ request: RemoveRequest) async throws -> RemoveReply {
    let session = try require(request.session)
    try refuseWatched(session)
    guard Set(request.overruled.map(\.flag)).count < 3 else {
      throw Failure(
        .usage, "not all three at once: stop it first, then look at what is left",
        hint: "`apus stop \(session.name)`, then `apus remove \(session.name)`")
    }
    return try await alone(session) {
      try await removePlace(session, overruled: Set(request.overruled), plansOnly: request.plansOnly)
    }
  }

  /// Callers have the place's turn.
  func removePlace(_ session: Session, overruled: Set<Removal.Obstacle>, plansOnly: Bool) async throws -> RemoveReply {
    var reply = RemoveReply(
      session: session.name, worktree: session.place?.worktree, branch: session.place?.branch,
      ports: session.place?.ports ?? [:], against: [], removed: false, rescue: nil)
    var seen = try await look(session)
    reply.against = Removal.decide(seen, overruled: overruled)
    if plansOnly { return reply }
    guard reply.against.isEmpty else { throw Removal.refusal(session.name, reply.against) }
    if live[session.id] != nil || sessions[session.id]?.state == .queued {
      try await end([session.id], now: false)
      seen = try await look(sessions[session.id] ?? session)
      var left = overruled
      left.remove(.live)
      reply.against = Removal.decide(seen, overruled: left)
      guard reply.against.isEmpty else { throw Removal.refusal(session.name, reply.against) }
    }
    await endServers(of: session.id)
    guard let place = session.place, let worktree = place.worktree else {
      try archiveRemoved(session.id, rescue: nil)
      reply.removed = true
      return reply
    }
    var undertaking = Undertaking(
      kind: .remove, session: session.id, name: session.name, repository: place.repository, checkout: place.checkout,
      worktree: worktree, branch: place.branch, madeBranch: place.madeBranch)
    defer { leave(undertaking) }
    try begin(undertaking)
    do {
      undertaking.rescue = try await keep(session, place, worktree, overruled)
      try begin(undertaking)
    } catch {
      try finish(undertaking)
      throw error
    }
    try await completeRemoval(session, undertaking)
    try finish(undertaking)
    reply.removed = true
    reply.rescue = undertaking.rescue.map { String($0.dropFirst(Rescue.prefix.count)) }
    return reply
  }

  // MARK: looking

  private func look(_ session: Session) async throws -> Removal.Seen {
    var seen = Removal.Seen()
    if let run = live[session.id] {
      seen.living.append("run \(run.run.number) is live\(run.run.agent.map { " (pid \($0.pid))" } ?? "")")
    } else if session.state == .queued {
      seen.living.append("it waits to be started")
    }
    guard let place = session.place, let worktree = place.worktree else { return seen }
    let (environment, isLive) = (session.spec.environment, live[session.id] != nil)
    // Its own are ended with it.
    let servers = Set(servers.all.filter { $0.session == session.id }.map(\.request.process.pid))
    let found = try await Offload.trying { () throws(Failure) -> Removal.Seen in
      var found = Removal.Seen()
      if !isLive { found.living = Self.workers(in: worktree, without: servers) }
      let git = try Git(environment: environment)
      let repository = Repository(common: place.repository, checkout: place.checkout)
      var tips: [String] = []
      if Files.isThere(worktree) {
        let status = try WorkingTree.status(git, worktree)
        found.uncommitted = status.changed + status.unmerged
        found.untracked = status.untracked
        if let operation = try WorkingTree.operation(git, worktree), found.uncommitted.isEmpty {
          found.uncommitted.append("a \(operation.rawValue) under way")
        }
        // A branch somebody else made stays; a commit on none goes with the worktree.
        tips += [status.head].compactMap(\.self)
      }
      let own = place.madeBranch ? place.branch : nil
      if let own { tips += [try Refs.find(git, repository, "refs/heads/" + own)].compactMap(\.self) }
      let kept = place.merged == nil ? [] : [place.start].compactMap(\.self)
      found.unpushed = try Refs.alone(git, repository, tips, without: own, besides: kept)
      return found
    }
    seen.living += found.living
    (seen.uncommitted, seen.untracked, seen.unpushed) = (found.uncommitted, found.untracked, found.unpushed)
    return seen
  }

  /// Processes whose working directory is in there, in words; what this very daemon asks git there is none of them.
  private nonisolated static func workers(in directory: String, without servers: Set<Int32>) -> [String] {
    guard let real = Repository.real(directory) else { return [] }
    var all = [apus_process](repeating: apus_process(), count: 32_768)
    let count = Int(apus_process_list(&all, Int32(all.count)))
    var found: [String] = []
    var target = [CChar](repeating: 0, count: 4097)
    let processes = all.prefix(max(0, min(count, all.count)))
    let parents = Dictionary(processes.map { ($0.pid, $0.parent) }, uniquingKeysWith: { $1 })
    func command(_ pid: Int32) -> String {
      var command = [CChar](repeating: 0, count: 60)
      let shown = apus_process_command(pid, &command, command.count)
      return String(decoding: command.prefix(max(0, shown)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    // Of submodules git asks a git of its own: where we asked one, all below it is ours. What else we started may work.
    func isOurs(_ pid: Int32) -> Bool {
      var (pid, parent) = (pid, parents[pid])
      if pid == getpid() || parent == getpid() { return true }
      // As deep as any tree is, should it change while it is listed.
      for _ in 0..<64 {
        if servers.contains(pid) { return true }
        guard let above = parent, above != getpid() else { break }
        (pid, parent) = (above, parents[above])
      }
      return parent == getpid() && Git.isCommand(command(pid))
    }
    for process in processes {
      let length = readlink("/proc/\(process.pid)/cwd", &target, target.count - 1)
      guard length > 0 else { continue }
      let path = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard path == real || path.hasPrefix(real + "/"), !isOurs(process.pid) else { continue }
      found.append("process \(process.pid) works in it (\(SessionName.printable(command(process.pid))))")
    }
    return found
  }

  /// Whether a place that was just made is as it was made.
  func isUntouched(_ session: Session) async throws -> Bool {
    guard let place = session.place, let start = place.start else { return false }
    let seen = try await look(session)
    let (environment, branch) = (session.spec.environment, place.branch ?? "")
    let head = try await Offload.trying { () throws(Failure) in
      try Refs.find(
        try Git(environment: environment), Repository(common: place.repository, checkout: place.checkout),
        "refs/heads/" + branch)
    }
    return head == start && Removal.decide(seen, overruled: [.unpushed]).isEmpty
  }

  func takeBackPlace(of session: Session) async throws {
    guard let place = session.place else { return }
    statuses.forget(session.id)
    try await takeBack(
      Undertaking(
        kind: .new, session: session.id, name: session.name, repository: place.repository, checkout: place.checkout,
        worktree: place.worktree, branch: place.branch, madeBranch: place.madeBranch, start: place.start))
  }

  // MARK: keeping and deleting

  /// Looks once more, and keeps all there is under a ref; the ref.
  private func keep(
    _ session: Session, _ place: Place, _ worktree: String, _ overruled: Set<Removal.Obstacle>
  ) async throws -> String {
    let seen = try await look(session)
    let against = Removal.decide(seen, overruled: overruled)
    guard against.isEmpty else { throw Removal.refusal(session.name, against) }
    let (environment, moment) = (session.spec.environment, now)
    return try await desk.inTurn(Repository(common: place.repository, checkout: place.checkout)) { () throws(Failure) in
      try Self.rescue(session, place, worktree, environment, moment)
    }
  }

  private nonisolated static func rescue(
    _ session: Session, _ place: Place, _ worktree: String, _ environment: [String: String], _ now: Moment
  ) throws(Failure) -> String {
    let git = try Git(environment: environment, undertaking: session.id)
    let repository = Repository(common: place.repository, checkout: place.checkout)
    let isThere = Files.isThere(worktree)
    let own = try place.branch.flatMap { branch throws(Failure) in
      try Refs.find(git, repository, "refs/heads/" + branch)
    }
    let checkedOut = isThere ? try WorkingTree.status(git, worktree).head : nil
    let head = own ?? checkedOut
    let tree: String
    if isThere {
      tree = try WorkingTree.snapshot(git, worktree)
      let embedded = try WorkingTree.embedded(git, repository, tree: tree, head: head)
      guard embedded.isEmpty else { throw Removal.refusal(embedded: embedded, of: session.name, in: worktree) }
      let unsaved = try Submodules.unsaved(git, repository, worktree)
      guard unsaved.isEmpty else { throw Removal.refusal(submodules: unsaved, of: session.name, in: worktree) }
    } else {
      guard let head else {
        throw Failure(
          .gitFailed, "neither worktree nor branch of \(session.name) is there", hint: "`apus archive \(session.name)`")
      }
      tree = try Commits.tree(git, repository, head)
    }
    var note = RescueNote(
      kind: "remove", session: session.id, name: session.name, branch: place.branch, base: place.base,
      worktree: worktree, madeBranch: place.madeBranch)
    // The branch first; then what else was checked out there, and what was staged.
    var parents = [head].compactMap(\.self)
    if let checkedOut, !parents.contains(checkedOut) { parents.append(checkedOut) }
    if isThere, let head, let staged = try WorkingTree.staged(git, worktree),
      try staged != Commits.tree(git, repository, head)
    {
      note.staged = staged
      if staged != tree {
        parents.append(
          try Commits.make(
            git, repository, tree: staged, parents: [head], message: "apus: what was staged", isOurs: true))
      }
    }
    return try Rescue.keep(
      git, repository, name: session.name, tree: tree, parents: parents, message: note.message, now: now)
  }

  /// Deletes what a ref keeps. Where something was written meanwhile, that is kept first as well; `isCutOff`: it was begun
  /// before, and what is there may be a part of what is kept.
  func completeRemoval(_ session: Session, _ undertaking: Undertaking, isCutOff: Bool = false) async throws {
    guard let place = session.place, let worktree = undertaking.worktree, let rescue = undertaking.rescue else {
      return
    }
    let (environment, repository) = (session.spec.environment, undertaking.identity)
    let moment = now
    statuses.forget(session.id)
    try await desk.inTurn(repository) { () throws(Failure) in
      let git = try Git(environment: environment, undertaking: session.id)
      guard let kept = try Refs.find(git, repository, rescue) else {
        throw Failure(.rescueNotFound, "\(rescue) is gone; nothing more of \(session.name) is deleted")
      }
      if !isCutOff, Files.isThere(worktree),
        try WorkingTree.snapshot(git, worktree) != Commits.tree(git, repository, kept)
      {
        _ = try Self.rescue(session, place, worktree, environment, moment)
      }
      try Worktrees.remove(git, repository, path: worktree)
      if undertaking.madeBranch, let branch = undertaking.branch,
        let head = try Refs.find(git, repository, "refs/heads/" + branch),
        try Refs.isAncestor(git, repository, head, of: kept)
      {
        try Refs.delete(git, repository, "refs/heads/" + branch, at: head)
      }
    }
    if sessions[session.id]?.state != .archived {
      try archiveRemoved(session.id, rescue: rescue)
    } else {
      try update(session.id) { $0.place?.worktree = nil }
    }
    let kept = String(rescue.dropFirst(Rescue.prefix.count))
    if place.merged == nil {
      await moveWorkLog(session, to: .blocked, line: "- **Removed**: \(MomentText.iso(moment)), kept as `\(kept)`")
    }
  }

  private func archiveRemoved(_ id: String, rescue: String?) throws {
    try update(id) { session in
      session.name = freedName(session)
      session.state = .archived
      session.archivedAt = now
      session.place?.worktree = nil
    }
    releaseAllPorts(of: id)
    try note(id, .removed, .object(["rescue": rescue.map(JSON.string) ?? .null]))
    log.info("session \(id): removed, kept as \(rescue ?? "nothing")")
  }
}
