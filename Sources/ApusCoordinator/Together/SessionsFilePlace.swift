import ApusCore
import ApusGit
import CSystem
import Glibc

/// `.claude/sessions.md` on the disk. All of it may block: it runs on threads of its own.
enum SessionsFilePlace {
  static let path = ".claude/sessions.md"
  private static let directory = ".claude"
  private static let name = "sessions.md"
  private static let mostRejected = 10

  enum Look: Sendable, Equatable {
    case absent
    /// Somebody has it open and is not done with it.
    case beingWritten
    /// It is none of ours, and why.
    case notOurs(String)
    case text([UInt8])
  }

  /// The file as its last writer left it.
  static func look(_ checkout: String) -> Look {
    var facts = stat()
    guard lstat(checkout + "/" + directory, &facts) == 0 else { return errno == ENOENT ? .absent : unreadable() }
    guard facts.st_mode & S_IFMT == S_IFDIR else {
      return .notOurs("\(directory) is no directory of the repository's own")
    }
    return look(at: checkout + "/" + path)
  }

  private static func look(at file: String) -> Look {
    var facts = stat()
    guard lstat(file, &facts) == 0 else { return errno == ENOENT ? .absent : unreadable() }
    guard facts.st_mode & S_IFMT == S_IFREG else { return .notOurs("it is no plain file; it is left as it is") }
    let descriptor = apus_open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return errno == ENOENT ? .absent : unreadable() }
    defer { close(descriptor) }
    var before = stat()
    var after = stat()
    fstat(descriptor, &before)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // One byte more than it may have tells that it has too many.
    while bytes.count <= SessionsFile.mostBytes {
      let got = apus_read_to(descriptor, &chunk, chunk.count, 0)
      if got < 0 { return unreadable() }
      if got == 0 { break }
      bytes += chunk[..<got]
    }
    fstat(descriptor, &after)
    let isSame =
      before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec
      && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec
    return isSame && apus_is_being_written(descriptor) == 0 ? .text(bytes) : .beingWritten
  }

  private static func unreadable() -> Look {
    .notOurs("it cannot be read: \(String(cString: apus_error_text(errno)))")
  }

  /// How writing it went.
  enum Written: Sendable {
    case done
    /// It is not as it was read any more; nothing was written.
    case isOther
    /// It is written. Somebody else wrote in the very same moment: that, which stands in no file but our draft now.
    case over([UInt8])
  }

  /// Writes it, if it still is what was read. The two files change places, and the old one is looked at once more:
  /// whoever wrote it in the last moment, or has it open yet, would have written for nobody.
  static func replace(_ checkout: String, expecting old: [UInt8]?, with bytes: [UInt8]) throws(Failure) -> Written {
    let directory = checkout + "/" + directory
    mkdir(directory, 0o755)
    // Another daemon's sessions may work here as well.
    let lock = apus_open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
    defer { if lock >= 0 { close(lock) } }
    var tries = 0
    while lock >= 0, apus_lock_file(lock) != 0, tries < 400 {
      poll(nil, 0, 5)
      tries += 1
    }
    let (file, draft) = (checkout + "/" + path, draft(checkout))
    try TextFile.write(bytes, to: draft, for: file)
    var isDone = true
    defer { if isDone { unlink(draft) } }
    let read = old.map { Look.text($0) } ?? .absent
    guard look(checkout) == read else { return .isOther }
    guard (old == nil ? apus_rename_new(draft, file) : apus_exchange(draft, file)) == 0 else {
      if errno == EEXIST || errno == ENOENT { return .isOther }
      // A file system that can do neither.
      try TextFile.move(draft, to: file)
      return .done
    }
    if old == nil { return .done }
    var found = look(at: draft)
    var looks = 0
    while found == .beingWritten, looks < 200 {
      poll(nil, 0, 5)
      looks += 1
      found = look(at: draft)
    }
    if found == read { return .done }
    if case .text(let theirs) = found {
      isDone = false
      return .over(theirs)
    }
    // Whatever that is, it is to be where it was.
    return apus_exchange(draft, file) == 0 ? .isOther : .done
  }

  static func removeDraft(_ checkout: String) { unlink(draft(checkout)) }

  private static func draft(_ checkout: String) -> String { checkout + "/" + path + ".apus-draft" }

  /// Keeps what stands there (`overtaken`: what we wrote over) under a name of its own; that name.
  static func setAside(_ checkout: String, overtaken: Bool, now: Moment) -> String? {
    let stamp = MomentText.iso(now).filter { $0 != "-" && $0 != ":" }
    let file = overtaken ? draft(checkout) : checkout + "/" + path
    for number in 0..<100 {
      let name = checkout + "/" + path + ".rejected-" + stamp + (number == 0 ? "" : "-\(number)")
      if link(file, name) != 0 {
        if errno == EEXIST { continue }
        // A file system without hard links.
        guard !Files.isThere(name), rename(file, name) == 0 else { return nil }
      }
      for old in rejected(checkout).dropLast(mostRejected) { Files.remove(checkout + "/" + directory + "/" + old) }
      return name
    }
    return nil
  }

  /// What was set aside there, the oldest first.
  static func rejected(_ checkout: String) -> [String] {
    Files.names(checkout + "/" + directory).filter { $0.hasPrefix(name + ".rejected-") }.sorted()
  }

  // MARK: git

  /// Whether the team has it among its files; then it is none of ours.
  static func isTracked(_ git: Git, _ checkout: String) throws(Failure) -> Bool {
    let question = ["ls-files", "--error-unmatch", "--", path]
    let answer = try git.run(question, in: checkout)
    guard answer.status < 2 else { throw Git.failure(question, answer) }
    return answer.status == 0
  }

  /// Git is not to see it, nor what is beside it.
  static func exclude(_ git: Git, _ repository: Repository, _ checkout: String) throws(Failure) {
    var missing: [String] = []
    for (pattern, example) in [("/" + path, path), ("/" + path + ".*", path + ".rejected-1")] {
      if try !git.succeeds(["check-ignore", "--quiet", "--", example], in: checkout) { missing.append(pattern) }
    }
    if !missing.isEmpty { Exclusion.add(missing, repository) }
  }

  /// Shows the file in a worktree; nothing that is there is touched.
  static func show(_ checkout: String, in worktree: String) {
    var facts = stat()
    guard worktree != checkout, Files.isThere(worktree) else { return }
    mkdir(worktree + "/" + directory, 0o755)
    guard lstat(worktree + "/" + directory, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { return }
    symlink(checkout + "/" + path, worktree + "/" + path)
  }
}
