import ApusCore
import Glibc

/// Repositories git keeps inside a worktree's own record: they go with it, and what nobody else has of them goes too.
package enum Submodules {
  /// Paths of those that hold what is neither on a remote of theirs nor in the main checkout's copy; a tree keeps nothing
  /// of it.
  package static func unsaved(_ git: Git, _ repository: Repository, _ worktree: String) throws(Failure) -> [String] {
    guard access(worktree + "/.gitmodules", F_OK) == 0 else { return [] }
    var found: [String] = []
    for part in try git.require(["ls-files", "--stage", "-z"], in: worktree).parts where part.hasPrefix("160000 ") {
      let path = String(part.drop { $0 != "\t" }.dropFirst())
      let directory = worktree + "/" + path
      guard access(directory + "/.git", F_OK) == 0 else { continue }
      if try holdsMore(git, repository, directory) { found.append(path) }
      found += try unsaved(git, repository, directory).map { path + "/" + $0 }
    }
    return found
  }

  private static func holdsMore(_ git: Git, _ repository: Repository, _ directory: String) throws(Failure) -> Bool {
    // A dirty submodule of its own is looked into by itself.
    let status = try git.require(
      ["status", "--porcelain=v2", "-z", "--untracked-files=normal", "--ignore-submodules=all"], in: directory)
    if !status.output.isEmpty { return true }
    let refs = try git.require(["for-each-ref", "--format=%(objectname)", "refs/heads", "refs/stash"], in: directory)
    let tips = ["HEAD"] + refs.text.split(separator: "\n").map(String.init)
    let other = try counterpart(git, repository, directory)
    for tip in Set(tips) {
      let alone = try git.require(["rev-list", "-n", "1", tip, "--not", "--remotes", "--"], in: directory).line
      if alone.isEmpty { continue }
      guard let other, try git.succeeds(["cat-file", "-e", alone], in: other) else { return true }
    }
    return false
  }

  /// Where the main checkout keeps the same submodule; nil where it has none.
  private static func counterpart(_ git: Git, _ repository: Repository, _ directory: String) throws(Failure) -> String?
  {
    let own = try git.require(["rev-parse", "--path-format=absolute", "--git-dir"], in: directory).line
    let records = repository.common + "/worktrees/"
    guard own.hasPrefix(records), let slash = own.dropFirst(records.count).firstIndex(of: "/") else { return nil }
    let other = repository.common + own[slash...]
    return access(other + "/objects", F_OK) == 0 ? other : nil
  }
}
