import ApusCore
import CSystem
import Glibc

/// A repository by its identity: git's common directory, which all of its worktrees share.
package struct Repository: Sendable, Equatable {
  /// Without links in its path.
  package var common: String
  /// The main checkout; nil of a bare repository.
  package var checkout: String?

  package init(common: String, checkout: String?) {
    self.common = common
    self.checkout = checkout
  }

  /// Where commands about no worktree in particular run.
  package var directory: String { checkout ?? common }

  /// What it is called: the name of the checkout's directory, of a bare one that without `.git`.
  package var name: String {
    let last = directory.split(separator: "/").last.map(String.init) ?? "repository"
    return last.hasSuffix(".git") && last.count > 4 ? String(last.dropLast(4)) : last
  }

  /// The repository a directory is in; nil where it is in none. Most directories cost no process at all.
  package static func find(_ directory: String, _ environment: [String: String]) throws(Failure) -> Repository? {
    guard isBelowOne(directory) else { return nil }
    let git = try Git(environment: environment)
    let answer = try git.run(["rev-parse", "--path-format=absolute", "--git-common-dir"], in: directory)
    guard answer.status == 0 else {
      if answer.errors.contains("not a git repository") { return nil }
      throw Git.failure(["rev-parse"], answer)
    }
    guard let common = real(answer.line) else { return nil }
    // The first of them is the main one.
    let first = try Worktrees.list(git, common).first
    var checkout = first.flatMap { $0.isBare ? nil : $0.path }
    if checkout == common { checkout = try findApart(git, common, directory) }
    return Repository(common: common, checkout: checkout)
  }

  /// The main checkout of a repository that lies elsewhere, as a submodule's does: there git names the repository itself.
  private static func findApart(_ git: Git, _ common: String, _ directory: String) throws(Failure) -> String? {
    let here = try git.run(["rev-parse", "--path-format=absolute", "--git-dir", "--show-toplevel"], in: directory)
    let lines = here.text.split(separator: "\n").map(String.init)
    if here.status == 0, lines.count == 2, real(lines[0]) == common { return lines[1] }
    let named = try git.run(["config", "core.worktree"], in: common).line
    return named.isEmpty ? nil : real(named.hasPrefix("/") ? named : common + "/" + named)
  }

  package static func require(_ directory: String, _ environment: [String: String]) throws(Failure) -> Repository {
    if let found = try find(directory, environment) { return found }
    throw Failure(
      .repositoryMissing, "\(SessionName.printable(directory)) is in no git repository",
      hint: "call it in one, or make one with `git init`")
  }

  private static func isBelowOne(_ directory: String) -> Bool {
    guard var at = real(directory) else { return false }
    while true {
      let here = at == "/" ? "" : at
      if access(here + "/.git", F_OK) == 0 { return true }
      if access(here + "/HEAD", F_OK) == 0, access(here + "/objects", F_OK) == 0, access(here + "/refs", F_OK) == 0 {
        return true
      }
      guard at.count > 1, let slash = at.lastIndex(of: "/") else { return false }
      at = slash == at.startIndex ? "/" : String(at[..<slash])
    }
  }

  /// The path without links; nil where it leads nowhere.
  package static func real(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }
}

/// A lock that one of our daemons has on a repository while it writes what all of its worktrees share; a second daemon
/// waits. The kernel releases it with the daemon.
package enum RepositoryLock {
  /// Does the work while it has the lock; throws where it was not to be had in time.
  package static func hold<T>(
    _ repository: Repository, seconds: Double, _ work: () throws(Failure) -> T
  ) throws(Failure) -> T {
    let file = apus_open(repository.common + "/apus.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    defer { if file >= 0 { close(file) } }
    let until = apus_monotonic_milliseconds() + Int64(seconds * 1000)
    while file < 0 || apus_lock_file(file) != 0 {
      guard file >= 0, errno == EWOULDBLOCK || errno == EINTR, apus_monotonic_milliseconds() < until else {
        throw Failure(
          .workBusy,
          file < 0
            ? "\(repository.common) cannot be written: \(String(cString: apus_error_text(errno)))"
            : "another daemon of Apus writes to \(repository.directory)",
          hint: file < 0 ? "look at its owner and permissions" : "do it again in a moment")
      }
      poll(nil, 0, 5)
    }
    return try work()
  }
}
