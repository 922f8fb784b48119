import ApusCore
import CSystem
import Glibc

/// What a worktree has that a commit has not: what was committed since, what was not, and what git does not know yet.
package struct Difference: Sendable {
  package struct File: Codable, Equatable, Sendable {
    package var path: String
    /// Lines; nil of what is no text.
    package var added: Int?
    package var removed: Int?
  }

  package var files: [File]
  /// As `git diff` writes it, as far as there is room.
  package var patch: [UInt8]
  package var isCut: Bool

  package static let mostPatch = 4 << 20

  /// `scratch` is an empty directory for what git makes meanwhile; nothing is written into the repository.
  package static func load(_ git: Git, _ path: String, since commit: String, scratch: String) throws(Failure)
    -> Difference
  {
    let tree = try WorkingTree.snapshot(git, path, objects: scratch)
    let objects = try git.require(["rev-parse", "--path-format=absolute", "--git-path", "objects"], in: path).line
    let more = ["GIT_OBJECT_DIRECTORY": scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects]
    let plain = ["--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]
    let counts = try git.require(
      ["diff"] + plain + ["--numstat", "-z", "--no-renames", commit, tree, "--"], in: path, adding: more)
    let files = counts.parts.compactMap { part -> File? in
      let words = part.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      guard words.count == 3 else { return nil }
      return File(path: String(words[2]), added: Int(words[0]), removed: Int(words[1]))
    }
    let patch = try git.require(["diff"] + plain + ["--find-renames", commit, tree, "--"], in: path, adding: more)
      .output
    guard patch.count > mostPatch else { return Difference(files: files, patch: patch, isCut: false) }
    // To the end of a line.
    let end = patch[..<mostPatch].lastIndex(of: 10) ?? mostPatch
    return Difference(files: files, patch: Array(patch[...end]), isCut: true)
  }
}
