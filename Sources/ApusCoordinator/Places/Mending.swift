import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// What may be wrong with places, for `apus doctor`: said with the command that mends it, and mended by `--mend`, each
// thing looked at once more.

extension Coordinator {
  private nonisolated static let staleSeconds: Double = 10

  /// What is wrong with places and repositories.
  func examinePlaces() async -> [Finding] {
    await settled()
    var findings: [Finding] = []
    for undertaking in (try? openUndertakings()) ?? [] where !isUnderWay(undertaking) {
      findings.append(
        Finding(
          .problem, "\(undertaking.kind.rawValue) of \(undertaking.name) was cut off and is half done",
          mend: "apus doctor --mend"))
    }
    for path in await strayWorktrees() {
      findings.append(Finding(.problem, "a worktree that no session owns: \(path)", mend: "apus doctor --mend"))
    }
    for session in sessions.values.sorted(by: { $0.id < $1.id }) where session.state != .archived {
      guard let worktree = session.place?.worktree, !Files.isThere(worktree) else { continue }
      findings.append(
        Finding(.problem, "the worktree of \(session.name) is gone: \(worktree)", mend: "apus remove \(session.name)"))
    }
    for lock in await staleLocks() {
      findings.append(
        Finding(
          .problem, "a lock of git's that nobody holds any more: \(lock.path) (\(MomentText.age(lock.age)) old)",
          mend: "apus doctor --mend"))
    }
    if findings.isEmpty, sessions.values.contains(where: { $0.place != nil }) {
      findings.append(Finding(.fine, "places and their repositories are in order"))
    }
    return findings
  }

  private func isUnderWay(_ undertaking: Undertaking) -> Bool {
    underWay.contains(undertaking.session)
  }

  /// What was mended, a line each.
  package func mend() async throws -> [Finding] {
    await settled()
    var done = await mendUndertakings().map { Finding(.fine, $0) }
    for path in await strayWorktrees() {
      do {
        try await mendStray(path)
        done.append(Finding(.fine, "removed, kept under refs/apus/rescue: \(path)"))
      } catch {
        done.append(
          Finding(.problem, "\(path): \((error as? Failure)?.summary ?? "\(error)")", mend: (error as? Failure)?.hint))
      }
    }
    for lock in await staleLocks() {
      let isGone = await Offload.run { StaleLock.remove(lock, olderThan: Self.staleSeconds) }
      done.append(
        isGone
          ? Finding(.fine, "removed: \(lock.path)") : Finding(.note, "\(lock.path) is in use again, or gone already"))
    }
    return done
  }

  // MARK: worktrees without a session

  private func strayWorktrees() async -> [String] {
    let known = Set(sessions.values.compactMap { $0.place?.worktree })
    let open = Set(((try? openUndertakings()) ?? []).compactMap(\.worktree))
    let root = places.worktrees
    let making = desk.making
    return await Offload.run {
      Files.names(root).filter { !$0.hasPrefix(".") }.sorted().flatMap { repository in
        Files.names(root + "/" + repository).filter { !$0.hasPrefix(".") && !making.contains($0) }.sorted()
          .map { "\(root)/\(repository)/\($0)" }
      }.filter { !known.contains($0) && !open.contains($0) }
    }
  }

  /// Keeps all there is of it under a ref first; what is in no repository is left alone.
  private func mendStray(_ path: String) async throws {
    let (environment, moment) = (self.environment, now)
    let found = try await Offload.trying { () throws(Failure) in try Repository.find(path, environment) }
    guard let repository = found, Files.isThere(path + "/.git") else {
      guard rmdir(path) == 0 else {
        throw Failure(.workUnsaved, "it is no worktree and not empty; it is left alone", hint: "look into \(path)")
      }
      return
    }
    try await desk.inTurn(repository) { () throws(Failure) in
      let git = try Git(environment: environment)
      let status = try WorkingTree.status(git, path)
      // One that was never filled has every file deleted: there is nothing to keep of it.
      let isEmpty = Files.names(path).allSatisfy { [".", "..", ".git"].contains($0) }
      if !isEmpty {
        let tree = try WorkingTree.snapshot(git, path)
        let embedded = try WorkingTree.embedded(git, repository, tree: tree, head: status.head)
        guard embedded.isEmpty else { throw Removal.refusal(embedded: embedded, of: path, in: path) }
        let unsaved = try Submodules.unsaved(git, repository, path)
        guard unsaved.isEmpty else { throw Removal.refusal(submodules: unsaved, of: path, in: path) }
        let name = SessionName.made(from: String(path.split(separator: "/").last ?? "worktree"))
        let note = RescueNote(kind: "stray", name: name, branch: status.branch, worktree: path)
        _ = try Rescue.keep(
          git, repository, name: name, tree: tree, parents: [status.head].compactMap(\.self), message: note.message,
          now: moment)
      }
      try Worktrees.remove(git, repository, path: path)
    }
  }

  // MARK: locks of git's

  private func staleLocks() async -> [StaleLock] {
    let directories = Set(sessions.values.compactMap { $0.place?.repository }).sorted()
    return await Offload.run { directories.flatMap { StaleLock.find($0, olderThan: Self.staleSeconds) } }
  }
}

/// A lock file of git's that no process has open: git holds its locks open or is gone.
struct StaleLock: Sendable {
  var path: String
  var age: Double
  var inode: UInt64

  /// Below a git directory, objects aside.
  static func find(_ common: String, olderThan seconds: Double) -> [StaleLock] {
    var candidates: [String] = []
    collect(common, depth: 0, &candidates)
    let locks = candidates.compactMap { at($0) }.filter { $0.age >= seconds }
    if locks.isEmpty { return [] }
    let open = openInodes()
    // Another user's descriptors cannot be seen: a git of theirs may hold it.
    return locks.filter { !open.contains($0.inode) }
  }

  static func remove(_ lock: StaleLock, olderThan seconds: Double) -> Bool {
    guard let now = at(lock.path), now.inode == lock.inode, now.age >= seconds, !openInodes().contains(now.inode) else {
      return false
    }
    return unlink(lock.path) == 0
  }

  private static func at(_ path: String) -> StaleLock? {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_uid == getuid() else { return nil }
    return StaleLock(
      path: path, age: max(0, apus_wall_seconds() - Double(facts.st_mtim.tv_sec)), inode: UInt64(facts.st_ino))
  }

  private static func collect(_ directory: String, depth: Int, _ found: inout [String]) {
    for name in Files.names(directory) where !name.hasPrefix(".") {
      let path = directory + "/" + name
      // Ours are locks the kernel releases; a file of that name is none.
      if name.hasSuffix(".lock"), name != "apus.lock", name != "apus-work-log.lock" { found.append(path) }
      var facts = stat()
      if depth < 6, name != "objects", name != "hooks", lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR {
        collect(path, depth: depth + 1, &found)
      }
    }
  }

  private static func openInodes() -> Set<UInt64> {
    var found: Set<UInt64> = []
    for process in Files.names("/proc") where Int(process) != nil {
      for descriptor in Files.names("/proc/\(process)/fd") {
        var facts = stat()
        if stat("/proc/\(process)/fd/\(descriptor)", &facts) == 0, facts.st_mode & S_IFMT == S_IFREG {
          found.insert(UInt64(facts.st_ino))
        }
      }
    }
    return found
  }
}
