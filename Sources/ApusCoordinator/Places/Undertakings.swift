import ApusCore
import ApusGit
import ApusLink
import ApusLoop
import ApusWire

// What takes several steps outside the store is written down first: should the daemon end in between, the next one takes
// back what was only begun, and completes what had gone too far.

/// Something under way in a repository.
struct Undertaking: Codable, Sendable {
  enum Kind: String, Codable { case new, remove, merge, restore }

  var kind: Kind
  var session: String
  var name: String
  var repository: String
  var checkout: String?
  var worktree: String?
  var branch: String?
  /// Whether the branch is of its own making, and where it began.
  var madeBranch = false
  var start: String?
  /// Of a removal: what keeps all of it; from then on it is completed. Of what brings back: what that is taken from.
  var rescue: String?
  /// Of a merge: the base, and the commit it is to lead to.
  var base: String?
  var result: String?

  var key: String { "undertaking:\(session)" }
  var identity: Repository { Repository(common: repository, checkout: checkout) }
}

extension Coordinator {
  private static let waitMilliseconds = 60_000

  func begin(_ undertaking: Undertaking) throws {
    underWay.insert(undertaking.session)
    try store.saveValue(undertaking.key, try JSONText.string(undertaking))
  }

  func finish(_ undertaking: Undertaking) throws {
    try store.removeValue(undertaking.key)
    underWay.remove(undertaking.session)
  }

  /// It failed on its way, and stays written down: doctor names it, and mends it where that can be done by then.
  func leave(_ undertaking: Undertaking) { underWay.remove(undertaking.session) }

  func openUndertakings() throws -> [Undertaking] {
    try store.loadValues(prefix: "undertaking:").values.compactMap { text in
      try? JSONText.decode(Undertaking.self, from: Array(text.utf8))
    }.sorted { $0.session < $1.session }
  }

  /// What the last daemon was in the middle of is put right, as far as it can be: what follows meets no half of it.
  func settled() async { await mending?.value }

  /// At the daemon's start, and when a person asks for it: what could not be mended stays written down.
  func mendUndertakings() async -> [String] {
    var done: [String] = []
    for undertaking in (try? openUndertakings()) ?? [] where !underWay.contains(undertaking.session) {
      do {
        try await mend(undertaking)
        done.append("\(undertaking.name): \(undertaking.kind.rawValue) was cut off; put right")
        log.info("session \(undertaking.session): \(undertaking.kind.rawValue) was cut off; put right")
      } catch { log.error("session \(undertaking.session): \(undertaking.kind.rawValue) was cut off: \(error)") }
    }
    return done
  }

  private func mend(_ undertaking: Undertaking) async throws {
    try await waitForGit(undertaking.session, of: undertaking.name)
    switch undertaking.kind {
    case .new:
      if sessions[undertaking.session] == nil { try await takeBack(undertaking) }
      try finish(undertaking)
    case .remove:
      if let session = sessions[undertaking.session], undertaking.rescue != nil {
        try await completeRemoval(session, undertaking, isCutOff: true)
        releaseAllPorts(of: session.id)
      }
      try finish(undertaking)
    case .merge:
      try await completeMerge(undertaking)
      try finish(undertaking)
    case .restore:
      try await completeRestore(undertaking)
      try finish(undertaking)
    }
  }

  /// A place that was brought back when the daemon ended: either all of it is there, or it is still kept.
  private func completeRestore(_ undertaking: Undertaking) async throws {
    guard let rescue = undertaking.rescue else { return }
    let (repository, isBack) = (undertaking.identity, sessions[undertaking.session].map { $0.state != .archived })
    let git = try Git(environment: environment, undertaking: undertaking.session)
    let kept = try await Offload.trying { () throws(Failure) in try Refs.find(git, repository, rescue) }
    guard let kept else { return }
    guard isBack == true else { return try await takeBack(undertaking) }
    try await desk.inTurn(repository) { () throws(Failure) in try Refs.delete(git, repository, rescue, at: kept) }
  }

  /// What was only there for the moment goes, once the git that the last daemon started in it has ended.
  func clearScratch() async {
    let scratch = places.scratch
    let names = await Offload.run { Files.names(scratch).filter { !$0.hasPrefix(".") } }
    if names.isEmpty { return }
    do {
      try await waitForGit(scratch, of: "what was computed")
      for name in names {
        let path = scratch + "/" + name
        let environment = self.environment
        let found = try await Offload.trying { () throws(Failure) in
          Files.isThere(path + "/.git") ? try Repository.find(path, environment) : nil
        }
        if let repository = found {
          try await desk.inTurn(repository) { () throws(Failure) in
            try Worktrees.remove(try Git(environment: environment), repository, path: path)
          }
        } else {
          await Offload.run { Files.removeTree(path) }
        }
      }
    } catch { log.error("scratch: \(error)") }
  }

  /// Git goes on when the daemon that started it ends.
  private func waitForGit(_ undertaking: String, of name: String) async throws {
    let mark = Git.mark + "=" + undertaking
    var waited = 0
    while await Offload.run({ !Processes.carrying(mark).isEmpty }) {
      guard waited < Self.waitMilliseconds else {
        throw Failure(.workBusy, "git still works for \(name)", hint: "`apus doctor --mend` in a moment")
      }
      await pause(milliseconds: 50)
      waited += 50
    }
  }

  /// Removes what was made of a new place: worktree, branch where it is of its own making and still where it began, ports.
  func takeBack(_ undertaking: Undertaking) async throws {
    let git = try Git(environment: environment, undertaking: undertaking.session)
    let repository = undertaking.identity
    // Where nothing came to be nothing is written: the repository may be one that cannot be.
    let isMade = try await Offload.trying { () throws(Failure) in try Self.isMade(undertaking, git) }
    if isMade {
      try await desk.inTurn(repository) { () throws(Failure) in
        if let worktree = undertaking.worktree { try Worktrees.remove(git, repository, path: worktree) }
        if let (branch, start) = try Self.ownBranch(undertaking, git) {
          try Refs.delete(git, repository, "refs/heads/" + branch, at: start)
        }
      }
    }
    // Last: on a full disk it takes the room that is there by now.
    releaseAllPorts(of: undertaking.session)
  }

  private nonisolated static func isMade(_ undertaking: Undertaking, _ git: Git) throws(Failure) -> Bool {
    if let worktree = undertaking.worktree {
      if Files.isThere(worktree) { return true }
      if try Worktrees.list(git, undertaking.identity.directory).contains(where: { $0.path == worktree }) {
        return true
      }
    }
    return try ownBranch(undertaking, git) != nil
  }

  /// The branch of its own making, where it is still where it began.
  private nonisolated static func ownBranch(
    _ undertaking: Undertaking, _ git: Git
  ) throws(Failure) -> (name: String, start: String)? {
    guard undertaking.madeBranch, let branch = undertaking.branch, let start = undertaking.start,
      try Refs.find(git, undertaking.identity, "refs/heads/" + branch) == start
    else { return nil }
    return (branch, start)
  }
}
