import ApusCore
import CSystem
import Glibc

/// Files git ignores that a new worktree needs all the same (`.env`): those `.worktreeinclude` names, in the manner of
/// `.gitignore`. Only what is both named there and ignored is copied; never through a link, never outside.
package enum Included {
  package static let list = ".worktreeinclude"

  /// The files, relative to the checkout.
  package static func files(_ git: Git, checkout: String) throws(Failure) -> [String] {
    guard access(checkout + "/" + list, R_OK) == 0 else { return [] }
    let named = try git.require(
      ["ls-files", "-z", "--others", "--ignored", "--exclude-from=" + list], in: checkout
    ).parts
    if named.isEmpty { return [] }
    let ignored = Set(
      try git.require(["ls-files", "-z", "--others", "--ignored", "--exclude-standard"], in: checkout).parts)
    // What is one for all worktrees is not copied into any.
    let ours = [".apus/", ".git/", ".claude/sessions.md"]
    return named.filter { file in ignored.contains(file) && !ours.contains(where: file.hasPrefix) }
  }

  /// Copies them; those that could not be, with why.
  package static func copy(_ files: [String], from checkout: String, to worktree: String) throws(Failure) -> [String] {
    var troubles: [String] = []
    for file in files {
      guard makeParents(of: file, in: worktree) else {
        troubles.append("\(file): its directory is a link or a file in the worktree")
        continue
      }
      let code = copy(checkout + "/" + file, to: worktree + "/" + file)
      if code == ENOSPC {
        throw Failure(.diskFull, "the disk is full; nothing was made", hint: "make room, then do it again")
      }
      if code != 0, code != EEXIST { troubles.append("\(file): \(String(cString: apus_error_text(code)))") }
    }
    return troubles
  }

  private static func makeParents(of file: String, in root: String) -> Bool {
    var path = root
    for part in file.split(separator: "/").dropLast() {
      path += "/" + part
      var facts = stat()
      if lstat(path, &facts) == 0 {
        guard facts.st_mode & S_IFMT == S_IFDIR else { return false }
      } else if mkdir(path, 0o755) != 0 {
        return false
      }
    }
    return true
  }

  /// A file with its mode, or a link as a link; the error number.
  private static func copy(_ from: String, to target: String) -> Int32 {
    var facts = stat()
    guard lstat(from, &facts) == 0 else { return errno }
    if facts.st_mode & S_IFMT == S_IFLNK {
      var text = [CChar](repeating: 0, count: 4097)
      let length = readlink(from, &text, text.count - 1)
      guard length > 0 else { return errno }
      return symlink(text, target) == 0 ? 0 : errno
    }
    guard facts.st_mode & S_IFMT == S_IFREG else { return EINVAL }
    let source = apus_open(from, O_RDONLY | O_NOFOLLOW, 0)
    guard source >= 0 else { return errno }
    defer { close(source) }
    let mode = facts.st_mode & 0o777
    let sink = apus_open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
    guard sink >= 0 else { return errno }
    defer { close(sink) }
    fchmod(sink, mode)
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let got = apus_read_to(source, &chunk, chunk.count, 0)
      if got == 0 { return 0 }
      guard got > 0 else { return errno }
      var done = 0
      while done < got {
        let put = apus_write_from(sink, chunk, got, done)
        guard put > 0 else { return errno }
        done += put
      }
    }
  }
}
