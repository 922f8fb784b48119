import ApusCore
import CSystem
import Glibc

/// Worktrees: listed, added, filled, removed. Adding and removing write what all worktrees share: callers have the
/// repository's turn (its queue and its lock). Filling one is its own affair.
package enum Worktrees {
  package struct Entry: Sendable, Equatable {
    package var path: String
    package var head: String?
    /// `refs/heads/…`; nil where it is detached.
    package var ref: String?
    package var isBare = false
    package var lockReason: String?
    package var isPrunable = false

    package var branch: String? { ref.flatMap { $0.hasPrefix("refs/heads/") ? String($0.dropFirst(11)) : nil } }
  }

  package static func list(_ git: Git, _ directory: String) throws(Failure) -> [Entry] {
    let answer = try git.requireAmongWorktrees(["worktree", "list", "--porcelain", "-z"], in: directory)
    var entries: [Entry] = []
    for part in answer.parts {
      let word = part.prefix { $0 != " " }
      let rest = String(part.dropFirst(word.count + 1))
      if word == "worktree" {
        entries.append(Entry(path: rest))
        continue
      }
      guard !entries.isEmpty else { continue }
      let last = entries.count - 1
      switch word {
      case "HEAD": entries[last].head = rest
      case "branch": entries[last].ref = rest
      case "bare": entries[last].isBare = true
      case "locked": entries[last].lockReason = rest
      case "prunable": entries[last].isPrunable = true
      default: break
      }
    }
    return entries
  }

  /// Adds an empty worktree on a branch: a new one that begins at `start`, or one that is there. What it cannot do leaves
  /// nothing behind: neither the directory nor a branch of its own making.
  package static func add(
    _ git: Git, _ repository: Repository, path: String, branch: String, start: String?, reason: String
  ) throws(Failure) {
    let isThere = try Refs.find(git, repository, "refs/heads/" + branch)
    if start != nil, let isThere {
      throw Failure(
        .branchTaken, "the branch \(SessionName.printable(branch)) is there already, at \(isThere.prefix(10))",
        hint: "work on it with `--on \(branch)`, or choose another name")
    }
    var arguments = ["worktree", "add", "--quiet", "--no-checkout", "--lock", "--reason", reason]
    if let start {
      arguments += ["--no-track", "-b", branch, "--", path, start]
    } else {
      arguments += ["--", path, branch]
    }
    let answer = try git.run(arguments, in: repository.directory)
    guard answer.status != 0 else { return }
    try? remove(git, repository, path: path)
    if let start { try? Refs.delete(git, repository, "refs/heads/" + branch, at: start) }
    if answer.errors.contains("is already checked out") || answer.errors.contains("is already used by") {
      throw Failure(
        .branchTaken, "the branch \(SessionName.printable(branch)) is checked out in another worktree",
        hint: "`git worktree list` says where; `--here` works in a checkout as it is")
    }
    throw Git.failure(arguments, answer)
  }

  private static let scarceBytes: Int64 = 32 << 20

  /// Fills a new worktree with the files of its branch.
  package static func fill(_ git: Git, path: String) throws(Failure) {
    let arguments = ["reset", "--hard", "--quiet"]
    let answer = try git.run(arguments, in: path, seconds: 3600)
    if answer.status == 0 { return }
    // Git does not say why a file could not be written.
    let free = apus_free_bytes(path)
    guard answer.errors.contains("unable to write"), free >= 0, free < Self.scarceBytes else {
      throw Git.failure(arguments, answer)
    }
    throw Failure(
      .diskFull, "the files of the branch do not fit on the disk of \(path); nothing was made",
      hint: "make room, then do it again")
  }

  /// Whether its files are those of submodules too.
  package static func fillSubmodules(_ git: Git, path: String, seconds: Double) throws(Failure) -> Bool {
    guard access(path + "/.gitmodules", F_OK) == 0 else { return true }
    return try git.run(
      ["submodule", "update", "--quiet", "--init", "--recursive"], in: path, seconds: seconds
    ).status == 0
  }

  /// Removes a worktree of ours and what git knows of it; one that is gone already is no error.
  package static func remove(_ git: Git, _ repository: Repository, path: String) throws(Failure) {
    let isKnown = try list(git, repository.directory).contains { $0.path == path }
    if isKnown {
      // Twice: it is locked, by us.
      let arguments = ["worktree", "remove", "--force", "--force", "--", path]
      let answer = try git.run(arguments, in: repository.directory)
      if answer.status != 0, try list(git, repository.directory).contains(where: { $0.path == path }) {
        // Half gone already: git does not know it as one any more. What it has of it is dropped, that one alone.
        guard access(path + "/.git", F_OK) != 0, forget(repository, path: path) else {
          throw Git.failure(arguments, answer)
        }
      }
    }
    if access(path, F_OK) == 0, apus_tree_remove(path) != 0, errno != ENOENT {
      throw Failure(
        .gitFailed, "\(path) cannot be removed: \(String(cString: apus_error_text(errno)))",
        hint: "look who owns what is in it; then do it again")
    }
  }

  /// Drops git's own record of one worktree whose files are gone; never through `prune`, which takes others along.
  private static func forget(_ repository: Repository, path: String) -> Bool {
    let records = repository.common + "/worktrees"
    guard let open = opendir(records) else { return false }
    defer { closedir(open) }
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard !name.hasPrefix(".") else { continue }
      let file = TextFile.load(records + "/" + name + "/gitdir").map { String(decoding: $0, as: UTF8.self) }
      if file?.filter({ $0 != "\n" }) == path + "/.git" { return apus_tree_remove(records + "/" + name) == 0 }
    }
    return false
  }
}

/// Small files, read and written whole.
package enum TextFile {
  package static func load(_ path: String) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = apus_read_to(descriptor, &chunk, chunk.count, 0)
      guard got >= 0 else { return nil }
      if got == 0 { return bytes }
      bytes += chunk[..<got]
    }
  }

  /// All of it or nothing: beside it first, then in its place, with its mode where it was there. What a link leads to is
  /// written, not the link. `draft`: where it is written first, where that is on the same disk; one that a cut-off writer
  /// left there is in nobody's way.
  package static func replace(_ path: String, _ bytes: [UInt8], draft given: String? = nil) throws(Failure) {
    let target = Repository.real(path) ?? path
    let draft = given ?? target + ".apus-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try write(bytes, to: draft, for: target)
    guard rename(draft, target) == 0 else {
      let isElsewhere = errno == EXDEV
      let failure = failed(path)
      unlink(draft)
      if isElsewhere, given != nil { return try replace(path, bytes) }
      throw failure
    }
  }

  /// Puts a draft in its place, whatever stands there.
  package static func move(_ draft: String, to path: String) throws(Failure) {
    guard rename(draft, path) == 0 else { throw failed(path) }
  }

  /// Writes what is to stand in a file's place beside it, with that one's mode, and sees it to the disk. A draft that is
  /// there is none of anybody's.
  package static func write(_ bytes: [UInt8], to draft: String, for path: String) throws(Failure) {
    var facts = stat()
    let mode = stat(path, &facts) == 0 ? facts.st_mode & 0o777 : 0o644
    unlink(draft)
    let descriptor = apus_open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw failed(path) }
    fchmod(descriptor, mode)
    var done = 0
    while done < bytes.count {
      let got = apus_write_from(descriptor, bytes, bytes.count, done)
      guard got > 0 else {
        let failure = failed(path)
        close(descriptor)
        unlink(draft)
        throw failure
      }
      done += got
    }
    let isKept = fsync(descriptor) == 0
    let failure = isKept ? nil : failed(path)
    close(descriptor)
    guard let failure else { return }
    unlink(draft)
    throw failure
  }

  private static func failed(_ path: String) -> Failure {
    let code = errno
    return Failure(
      code == ENOSPC ? .diskFull : .permissionDenied,
      "\(SessionName.printable(path)) cannot be written: \(String(cString: apus_error_text(code)))",
      hint: code == ENOSPC ? "make room, then do it again" : "look at its owner and permissions")
  }
}
