import ApusCore
import ApusWire
import CSystem
import Glibc

/// Makes and checks the directories that only their owner may enter.
package enum HomeDirectory {
  /// Where this environment's home is, and its sockets.
  package static func places(_ environment: [String: String]) throws(Failure) -> Places {
    try Places(environment: environment, user: getuid()) { link in
      var target = [CChar](repeating: 0, count: Places.longestSocketPath + 1)
      let length = readlink(link, &target, target.count - 1)
      guard length > 0 else { return nil }
      let path = String(decoding: target[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      return path.hasPrefix("/") ? path : nil
    }
  }

  /// Makes what is missing (0700) and refuses what belongs to another user.
  package static func prepare(_ places: Places) throws(Failure) {
    try prepare(directory: places.home, what: "APUS_HOME")
    guard places.socketDirectory != places.home else { return }
    try prepare(directory: places.socketDirectory, what: "the socket directory")
    _ = symlink(places.socketDirectory, places.home + "/" + Places.socketLink)
  }

  private static func prepare(directory: String, what: String) throws(Failure) {
    try make(directory)
    var facts = stat()
    guard lstat(directory, &facts) == 0 else { throw refused(what, directory, errno) }
    // A person may have put a link there themselves; one of somebody else's leads anywhere.
    if facts.st_mode & S_IFMT == S_IFLNK, facts.st_uid == getuid(), stat(directory, &facts) != 0 {
      throw refused(what, directory, errno)
    }
    guard facts.st_mode & S_IFMT == S_IFDIR else { throw refused(what, directory, ENOTDIR) }
    guard facts.st_uid == getuid() else {
      throw Failure(
        .homeRefused, "\(what) (\(directory)) belongs to another user (uid \(facts.st_uid))",
        hint: "set APUS_HOME to a directory of your own")
    }
    if facts.st_mode & 0o077 != 0, chmod(directory, 0o700) != 0 { throw refused(what, directory, errno) }
  }

  private static func make(_ directory: String) throws(Failure) {
    if mkdir(directory, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = directory.lastIndex(of: "/"), slash > directory.startIndex else {
      throw refused("APUS_HOME", directory, errno)
    }
    try make(String(directory[..<slash]))
    if mkdir(directory, 0o700) != 0, errno != EEXIST { throw refused("APUS_HOME", directory, errno) }
  }

  private static func refused(_ what: String, _ directory: String, _ code: Int32) -> Failure {
    let full = code == ENOSPC
    return Failure(
      full ? .diskFull : .homeRefused,
      "\(what) (\(directory)) cannot be used: \(String(cString: apus_error_text(code)))",
      hint: full ? "make room, then do it again" : "set APUS_HOME to a directory of your own that can be written")
  }
}
