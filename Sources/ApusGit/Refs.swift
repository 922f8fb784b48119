import ApusCore

/// Branches and other refs: checked, resolved, moved only from where they were seen.
package enum Refs {
  /// A branch's name as people write it; throws where git would not have it.
  package static func check(branch: String, _ git: Git, _ directory: String) throws(Failure) {
    let isText = branch == SessionName.printable(branch) && !branch.hasPrefix("-") && branch.utf8.count <= 200
    guard isText, try git.succeeds(["check-ref-format", "--branch", branch], in: directory) else {
      throw Failure(
        .refInvalid, "\"\(SessionName.excerpt(branch, of: 60))\" cannot be the name of a branch",
        hint: "git check-ref-format(1) has the rules; as in feature/add-auth")
    }
  }

  /// The commit a full ref leads to; nil when there is none.
  package static func find(_ git: Git, _ repository: Repository, _ ref: String) throws(Failure) -> String? {
    try commit(git, repository, ref)
  }

  /// The commit anything people may write for one stands for; nil when it stands for none.
  package static func commit(_ git: Git, _ repository: Repository, _ text: String) throws(Failure) -> String? {
    guard !text.isEmpty, !text.hasPrefix("-"), text.utf8.count <= 300, text == SessionName.printable(text) else {
      return nil
    }
    let answer = try git.run(
      ["rev-parse", "--verify", "--quiet", "--end-of-options", text + "^{commit}"], in: repository.directory)
    return answer.status == 0 && answer.line.count >= 40 ? answer.line : nil
  }

  /// Full refs and the commits they lead to, of those that begin like that.
  package static func list(_ git: Git, _ repository: Repository, _ prefixes: [String]) throws(Failure) -> [String:
    String]
  {
    let answer = try git.require(
      ["for-each-ref", "--format=%(objectname) %(objecttype) %(refname)"] + prefixes, in: repository.directory)
    var refs: [String: String] = [:]
    for line in answer.text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2)
      if words.count == 3, words[1] == "commit" { refs[String(words[2])] = String(words[0]) }
    }
    return refs
  }

  /// A branch whose name keeps git from having one of that name: one is a directory of the other.
  package static func obstacle(_ git: Git, _ repository: Repository, branch: String) throws(Failure) -> String? {
    if let below = try list(git, repository, ["refs/heads/\(branch)/"]).keys.min() {
      return String(below.dropFirst("refs/heads/".count))
    }
    var above = ""
    for part in branch.split(separator: "/").dropLast() {
      above += above.isEmpty ? String(part) : "/" + part
      if try find(git, repository, "refs/heads/" + above) != nil { return above }
    }
    return nil
  }

  /// Makes the ref, or moves it from where it is; `from` nil: it must not be there.
  package static func set(
    _ git: Git, _ repository: Repository, _ ref: String, to commit: String, from: String?, why: String
  ) throws(Failure) {
    try git.require(
      ["update-ref", "-m", why, "--create-reflog", ref, commit, from ?? String(repeating: "0", count: 40)],
      in: repository.directory)
  }

  /// Deletes the ref if it still is where it was seen.
  package static func delete(_ git: Git, _ repository: Repository, _ ref: String, at commit: String) throws(Failure) {
    try git.require(["update-ref", "-d", ref, commit], in: repository.directory)
  }

  /// The branch new sessions begin at: the remote's own, else the checkout's.
  package static func usualBase(_ git: Git, _ repository: Repository) throws(Failure) -> String? {
    let remote = try git.run(
      ["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"], in: repository.directory)
    if remote.status == 0, remote.line.hasPrefix("origin/") { return String(remote.line.dropFirst(7)) }
    let known = try list(git, repository, ["refs/heads/main", "refs/heads/master"])
    let own = try git.run(["symbolic-ref", "--quiet", "--short", "HEAD"], in: repository.directory)
    if own.status == 0, !own.line.isEmpty, known["refs/heads/" + own.line] != nil || known.isEmpty { return own.line }
    return known["refs/heads/main"] != nil ? "main" : known["refs/heads/master"] != nil ? "master" : nil
  }

  package static func remotes(_ git: Git, _ repository: Repository) throws(Failure) -> [String] {
    try git.require(["remote"], in: repository.directory).text.split(separator: "\n").map(String.init)
  }

  package static func isAncestor(_ git: Git, _ repository: Repository, _ old: String, of new: String) throws(Failure)
    -> Bool
  {
    try git.run(["merge-base", "--is-ancestor", old, new], in: repository.directory).status == 0
  }

  /// How many commits each has that the other has not.
  package static func distance(
    _ git: Git, _ repository: Repository, _ base: String, _ branch: String
  ) throws(Failure) -> (behind: Int, ahead: Int)? {
    let answer = try git.run(
      ["rev-list", "--left-right", "--count", "\(base)...\(branch)", "--"], in: repository.directory)
    let words = answer.text.split { $0 == "\t" || $0 == "\n" }
    guard answer.status == 0, words.count == 2, let behind = Int(words[0]), let ahead = Int(words[1]) else {
      return nil
    }
    return (behind, ahead)
  }

  /// How many commits lead to these that no branch here or on a remote has; `without`: a branch that does not count.
  package static func alone(
    _ git: Git, _ repository: Repository, _ tips: [String], without branch: String?, besides commits: [String]
  ) throws(Failure) -> Int {
    if tips.isEmpty { return 0 }
    let answer = try git.require(
      ["rev-list", "--count"] + tips + ["--not"] + commits + (branch.map { ["--exclude=" + $0] } ?? [])
        + ["--branches", "--remotes", "--"], in: repository.directory)
    return Int(answer.line) ?? 0
  }

  /// The remote branches of that name.
  package static func pushed(_ git: Git, _ repository: Repository, _ branch: String) throws(Failure) -> [String: String]
  {
    var found: [String: String] = [:]
    for remote in try remotes(git, repository) {
      let ref = "refs/remotes/\(remote)/\(branch)"
      if let commit = try find(git, repository, ref) { found[ref] = commit }
    }
    return found
  }
}
