import ApusCore
import ApusGit
import CSystem
import Glibc

// Looks at trees. All of this may block, and runs on threads of its own.

/// What a look at directories found.
struct TreeFound: Sendable {
  struct Directory: Sendable {
    var number: Int32
    var path: String
    var files: [(name: String, stamp: FileStamp)] = []
    var directories: [String] = []
  }

  var directories: [Directory] = []
  /// The kernel watches no more directories for this user.
  var isLimited = false
}

/// One root that is watched, and what of it is not.
struct WatchedRoot: Sendable {
  /// Absolute, without links.
  let path: String
  /// The working tree it is in; nil: nothing is ignored by git.
  let checkout: String?
  let rule: WatchRule
  let git: Git?
  /// Where nothing is watched: what is ours.
  let never: [String]

  init(_ path: String, rule: WatchRule, never: [String], environment: [String: String]) {
    self.path = path
    self.rule = rule
    self.never = never
    let git = try? Git(environment: environment)
    let checkout = Repository.checkout(of: path)
    // Whoever wants a directory watched that git ignores wants all of it.
    let isIgnored =
      git.flatMap { git in
        checkout.flatMap { checkout in
          path == checkout
            ? nil : try? Ignored.among(git, checkout, [String(path.dropFirst(checkout.count + 1)) + "/"])
        }
      }?.isEmpty == false
    self.git = isIgnored ? nil : git
    self.checkout = isIgnored ? nil : checkout
  }

  func holds(_ path: String) -> Bool { path == self.path || path.hasPrefix(self.path == "/" ? "/" : self.path + "/") }

  /// Absolute paths that are there and ignored.
  func loadIgnored() -> Set<String> {
    guard let git, let checkout, let names = try? Ignored.load(git, checkout) else { return [] }
    return Set(names.map { checkout + "/" + ($0.hasSuffix("/") ? String($0.dropLast()) : $0) }.filter(holds))
  }

  /// Which of these, absolute, are ignored.
  func ignored(files: [String], directories: [String] = []) -> Set<String> {
    guard let git, let checkout, !(files.isEmpty && directories.isEmpty) else { return [] }
    func relative(_ path: String) -> String? {
      path.hasPrefix(checkout + "/") ? String(path.dropFirst(checkout.count + 1)) : nil
    }
    let asked = files.compactMap(relative) + directories.compactMap(relative).map { $0 + "/" }
    let found = (try? Ignored.among(git, checkout, asked)) ?? []
    return Set(found.map { checkout + "/" + ($0.hasSuffix("/") ? String($0.dropLast()) : $0) })
  }

  /// Whether an entry of a watched directory belongs to what is watched, git aside.
  func allows(_ name: String, in directory: String, isDirectory: Bool) -> Bool {
    let path = directory == "/" ? "/" + name : directory + "/" + name
    guard rule.allows(name: name, path: path, isDirectory: isDirectory) else { return false }
    guard isDirectory else { return true }
    return !never.contains(path) && !TreeLook.isWorktree(path)
  }
}

enum TreeLook {
  /// Files above this are told apart by size and time alone.
  static let largestHashed: Int64 = 32 << 20

  /// Watches these directories and all below them but what is skipped; each is watched before it is read, so that nothing
  /// that comes meanwhile is missed. `deep` false: only these themselves.
  static func walk(
    _ watch: Int32, _ root: WatchedRoot, _ directories: [String], skipping: Set<String>, deep: Bool = true
  ) -> TreeFound {
    var found = TreeFound()
    var left = directories
    while let path = left.popLast() {
      if skipping.contains(path) { continue }
      let number = apus_directories_add_all(watch, path)
      guard number >= 0 else {
        if errno == ENOSPC || errno == ENOMEM {
          found.isLimited = true
          return found
        }
        continue
      }
      let directory = read(number, path, root, skipping)
      if deep { left += directory.directories }
      found.directories.append(directory)
    }
    return found
  }

  private static func read(_ number: Int32, _ path: String, _ root: WatchedRoot, _ skipping: Set<String>)
    -> TreeFound.Directory
  {
    var found = TreeFound.Directory(number: number, path: path)
    guard let open = opendir(path) else { return found }
    defer { closedir(open) }
    let holder = dirfd(open)
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let kind = entry.pointee.d_type
      var facts = stat()
      if kind == UInt8(DT_UNKNOWN) || kind == UInt8(DT_REG) || kind == UInt8(DT_LNK) {
        guard fstatat(holder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      }
      let isDirectory = kind == UInt8(DT_DIR) || facts.st_mode & S_IFMT == S_IFDIR
      let whole = path == "/" ? "/" + name : path + "/" + name
      guard root.allows(name, in: path, isDirectory: isDirectory), skipping.isEmpty || !skipping.contains(whole) else {
        continue
      }
      if isDirectory {
        found.directories.append(whole)
      } else if let stamp = stamp(facts) {
        found.files.append((name, stamp))
      }
    }
    return found
  }

  /// Nil of what is neither a file nor a link.
  private static func stamp(_ facts: stat) -> FileStamp? {
    guard facts.st_mode & S_IFMT == S_IFREG || facts.st_mode & S_IFMT == S_IFLNK else { return nil }
    return FileStamp(
      bytes: Int64(facts.st_size),
      modified: Int64(facts.st_mtim.tv_sec) * 1_000_000_000 + Int64(facts.st_mtim.tv_nsec), hash: 0)
  }

  enum Kind: Sendable { case file(FileStamp), directory, nothing }

  /// How it is now; a file with what its bytes amount to.
  static func look(_ path: String, hashing largest: Int64 = largestHashed) -> Kind {
    var facts = stat()
    guard lstat(path, &facts) == 0 else { return .nothing }
    if facts.st_mode & S_IFMT == S_IFDIR { return .directory }
    guard var stamp = stamp(facts) else { return .nothing }
    if stamp.bytes <= largest { stamp.hash = hash(path, isLink: facts.st_mode & S_IFMT == S_IFLNK) }
    return .file(stamp)
  }

  /// Never 0 of what could be read.
  private static func hash(_ path: String, isLink: Bool) -> Int {
    var hasher = Hasher()
    if isLink {
      var target = [CChar](repeating: 0, count: 4096)
      guard readlink(path, &target, target.count) >= 0 else { return 0 }
      hasher.combine(target)
      return hasher.finalize() | 1
    }
    let descriptor = apus_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0)
    guard descriptor >= 0 else { return 0 }
    defer { close(descriptor) }
    let isRead = withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { room -> Bool in
      while true {
        let got = Glibc.read(descriptor, room.baseAddress, room.count)
        if got < 0, errno == EINTR { continue }
        guard got > 0 else { return got == 0 }
        hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: room[..<got]))
      }
    }
    return isRead ? hasher.finalize() | 1 : 0
  }

  /// Whether it is another working tree of a repository: that one's sessions are at work there.
  static func isWorktree(_ path: String) -> Bool {
    let descriptor = apus_open(path + "/.git", O_RDONLY | O_NOFOLLOW, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let got = Glibc.read(descriptor, &bytes, bytes.count)
    guard got > 0 else { return false }
    // Of a submodule inside a working tree there is more behind that.
    let line = String(decoding: bytes[..<got].prefix { $0 != 10 }, as: UTF8.self)
    return line.split(separator: "/").dropLast().last == "worktrees"
  }
}
