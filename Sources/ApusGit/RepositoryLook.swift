import CSystem
import Glibc

// What the files themselves say of where a directory belongs, without a process: asked at every lock and every edit.

extension Repository {
  /// The common directory of the repository a directory is in, without links; nil where it is in none.
  package static func common(of directory: String) -> String? {
    guard let (top, isDirectory) = above(directory) else { return nil }
    let own = isDirectory ? top + "/.git" : linked(top + "/.git", from: top)
    guard let own else { return nil }
    guard let text = line(of: own + "/commondir") else { return real(own) }
    return real(text.hasPrefix("/") ? text : own + "/" + text)
  }

  /// Where a working tree has its own part of the repository: its index, what is under way in it; nil outside of one.
  package static func own(of directory: String) -> String? {
    guard let (top, isDirectory) = above(directory) else { return nil }
    return isDirectory ? top + "/.git" : linked(top + "/.git", from: top)
  }

  /// The branch a directory's working tree is on; nil where it is on none.
  package static func branch(of directory: String) -> String? {
    guard let (top, isDirectory) = above(directory),
      let own = isDirectory ? top + "/.git" : linked(top + "/.git", from: top), let head = line(of: own + "/HEAD"),
      head.hasPrefix("ref: refs/heads/")
    else { return nil }
    return String(head.dropFirst("ref: refs/heads/".count))
  }

  /// The working tree a directory is in, without links; nil where it is in none.
  package static func checkout(of directory: String) -> String? { above(directory)?.top }

  private static func above(_ directory: String) -> (top: String, isDirectory: Bool)? {
    guard var at = real(directory) else { return nil }
    while true {
      var facts = stat()
      let here = at == "/" ? "" : at
      if stat(here + "/.git", &facts) == 0 {
        return (at, facts.st_mode & S_IFMT == S_IFDIR)
      }
      guard at.count > 1, let slash = at.lastIndex(of: "/") else { return nil }
      at = slash == at.startIndex ? "/" : String(at[..<slash])
    }
  }

  /// Where a `.git` file leads.
  private static func linked(_ path: String, from top: String) -> String? {
    guard let text = line(of: path), text.hasPrefix("gitdir: ") else { return nil }
    let target = String(text.dropFirst("gitdir: ".count))
    return real(target.hasPrefix("/") ? target : top + "/" + target)
  }

  private static func line(of path: String) -> String? {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let got = read(descriptor, &bytes, bytes.count)
    guard got > 0 else { return nil }
    return String(decoding: bytes[..<got].prefix { $0 != 10 }, as: UTF8.self)
  }
}
