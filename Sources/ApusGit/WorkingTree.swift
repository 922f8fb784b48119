import ApusCore
import CSystem
import Glibc

/// What a worktree's files are, beside what is committed. Looking takes no lock and writes nothing of git's.
package enum WorkingTree {
  package struct Status: Sendable, Equatable {
    package var head: String?
    /// Nil where it is detached.
    package var branch: String?
    /// Tracked files that differ from the last commit.
    package var changed: [String] = []
    /// Files that were left in conflict.
    package var unmerged: [String] = []
    /// Files git does not know and does not ignore; a whole directory of them is named with a final `/`.
    package var untracked: [String] = []

    package var isDirty: Bool { !changed.isEmpty || !untracked.isEmpty || !unmerged.isEmpty }
  }

  package static func status(_ git: Git, _ path: String) throws(Failure) -> Status {
    let answer = try git.require(
      [
        "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--no-renames",
      ], in: path)
    var status = Status()
    for part in answer.parts {
      if part.hasPrefix("# branch.oid ") {
        let head = String(part.dropFirst(13))
        status.head = head == "(initial)" ? nil : head
      } else if part.hasPrefix("# branch.head ") {
        let branch = String(part.dropFirst(14))
        status.branch = branch == "(detached)" ? nil : branch
      } else if part.hasPrefix("? ") {
        status.untracked.append(String(part.dropFirst(2)))
      } else if part.hasPrefix("1 ") {
        status.changed.append(field(part, after: 8))
      } else if part.hasPrefix("u ") {
        status.unmerged.append(field(part, after: 10))
      }
    }
    return status
  }

  private static func field(_ part: String, after blanks: Int) -> String {
    part.split(separator: " ", maxSplits: blanks, omittingEmptySubsequences: false).last.map(String.init) ?? part
  }

  /// Files that differ between two commits.
  package static func touched(_ git: Git, _ path: String, from one: String, to other: String) throws(Failure)
    -> [String]
  {
    try git.require(["diff", "--name-only", "-z", "--no-renames", one, other, "--"], in: path).parts
  }

  /// What is under way in a worktree.
  package enum Operation: String, Sendable { case rebase, merge, cherryPick = "cherry-pick", revert, bisect }

  package static func operation(_ git: Git, _ path: String) throws(Failure) -> Operation? {
    let names = ["rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"]
    let found = try git.require(
      ["rev-parse", "--path-format=absolute"] + names.flatMap { ["--git-path", $0] }, in: path
    ).text.split(separator: "\n").map(String.init)
    let operations: [Operation] = [.rebase, .rebase, .merge, .cherryPick, .revert, .bisect]
    for (path, operation) in zip(found, operations) where access(path, F_OK) == 0 { return operation }
    return nil
  }

  /// A tree of the worktree as it is: changed, deleted and untracked files; what git ignores is not in it. The
  /// worktree's own index is not touched. `objects`: where new objects go instead of into the repository.
  package static func snapshot(_ git: Git, _ path: String, objects: String? = nil) throws(Failure) -> String {
    try withOwnIndex(git, path, objects: objects) { more throws(Failure) in
      if objects == nil { try unhide(git, path, more) }
      try git.require(
        ["-c", "core.safecrlf=false", "-c", "advice.addEmbeddedRepo=false", "add", "--all"], in: path, adding: more,
        seconds: 3600)
      return try git.require(["write-tree"], in: path, adding: more).line
    }
  }

  /// Files that git was told not to look at (assume-unchanged, skip-worktree) are looked at where they are there.
  private static func unhide(_ git: Git, _ path: String, _ more: [String: String]) throws(Failure) {
    let hidden = try git.require(["ls-files", "-v", "-z"], in: path, adding: more).parts.filter { part in
      (part.first == "S" || part.first?.isLowercase == true) && access(path + "/" + part.dropFirst(2), F_OK) == 0
    }
    if hidden.isEmpty { return }
    let names = hidden.reduce(into: [UInt8]()) { $0 += Array($1.utf8.dropFirst(2)) + [0] }
    for flag in ["--no-assume-unchanged", "--no-skip-worktree"] {
      try git.require(["update-index", flag, "-z", "--stdin"], in: path, input: names, adding: more)
    }
  }

  /// A tree of what is staged; nil where that is nothing a tree can hold, as in the middle of conflicts.
  package static func staged(_ git: Git, _ path: String) throws(Failure) -> String? {
    try withOwnIndex(git, path, objects: nil) { more throws(Failure) in
      let answer = try git.run(["write-tree"], in: path, adding: more)
      return answer.status == 0 ? answer.line : nil
    }
  }

  /// Lends a copy of a worktree's index, by the variables that name it to git.
  private static func withOwnIndex<T>(
    _ git: Git, _ path: String, objects: String?, _ work: ([String: String]) throws(Failure) -> T
  ) throws(Failure) -> T {
    let paths = try git.require(
      ["rev-parse", "--path-format=absolute", "--git-path", "index", "--git-path", "objects"], in: path
    ).text.split(separator: "\n").map(String.init)
    guard paths.count == 2 else { throw Failure(.gitFailed, "git does not say where the index of \(path) is") }
    let index = "\(objects.map { $0 + "/index" } ?? paths[0]).apus-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer {
      unlink(index)
      unlink(index + ".lock")
    }
    var more = ["GIT_INDEX_FILE": index, "GIT_LITERAL_PATHSPECS": "0"]
    if let objects {
      more["GIT_OBJECT_DIRECTORY"] = objects
      more["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = paths[1]
    }
    var facts = stat()
    if stat(paths[0], &facts) == 0, let bytes = TextFile.load(paths[0]) {
      try TextFile.replace(index, bytes)
      // A file written in the same second as the index is looked into by git only where the index is no younger.
      try set(index, to: facts.st_mtim)
      if objects != nil {
        // `add` would hash those into the repository's objects again: they are read before, and what differs is written
        // down as such.
        _ = try git.run(["update-index", "-q", "--refresh", "--force-write-index"], in: path, adding: more)
        try set(index, to: timespec(tv_sec: Int(apus_wall_seconds()) + 2, tv_nsec: 0))
      }
    }
    return try work(more)
  }

  private static func set(_ file: String, to time: timespec) throws(Failure) {
    guard utimensat(AT_FDCWD, file, [time, time], 0) == 0 else {
      throw Failure(.gitFailed, "\(file): \(String(cString: apus_error_text(errno)))")
    }
  }

  /// Repositories inside a worktree that are no submodules: git would keep nothing of what is in them.
  package static func embedded(_ git: Git, _ repository: Repository, tree: String, head: String?) throws(Failure)
    -> [String]
  {
    func links(_ tree: String) throws(Failure) -> Set<String> {
      let answer = try git.require(["ls-tree", "-r", "-z", tree], in: repository.directory)
      return Set(
        answer.parts.filter { $0.hasPrefix("160000 ") }.map { String($0.drop { $0 != "\t" }.dropFirst()) })
    }
    let now = try links(tree)
    return now.isEmpty ? [] : now.subtracting(try head.map { head throws(Failure) in try links(head) } ?? []).sorted()
  }
}

/// Conflicts computed in git's memory: no worktree, index, ref or object of the repository is touched.
package enum MergeTree {
  package struct Pair: Sendable, Equatable, Hashable {
    package var one: String
    package var other: String

    package init(_ one: String, _ other: String) {
      self.one = one
      self.other = other
    }
  }

  /// The files each pair of commits would conflict in, in the order asked.
  package static func conflicts(
    _ git: Git, _ repository: Repository, _ pairs: [Pair], objects: String
  ) throws(Failure) -> [[String]] {
    if pairs.isEmpty { return [] }
    let input = pairs.map { "\($0.one) \($0.other)\n" }.joined()
    let answer = try git.require(
      [
        "-c", "merge.renameLimit=400", "merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages",
        "--allow-unrelated-histories",
      ], in: repository.directory, input: Array(input.utf8),
      adding: [
        "GIT_OBJECT_DIRECTORY": objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES": repository.common + "/objects",
      ], seconds: 600)
    var found: [[String]] = []
    var parts = answer.parts[...]
    while let status = parts.popFirst() {
      // 0: not clean, 1: clean; then the tree, then the files, then nothing.
      _ = parts.popFirst()
      var files: [String] = []
      while let file = parts.popFirst(), !file.isEmpty { if !files.contains(file) { files.append(file) } }
      found.append(status == "1" ? [] : files)
    }
    guard found.count == pairs.count else {
      throw Failure(.gitFailed, "git merge-tree answered \(found.count) of \(pairs.count) questions")
    }
    return found
  }
}
