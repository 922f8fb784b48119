import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// What of this home's runs there is on the machine, living or on disk: what `prune` makes its plan of. A look, which
/// changes nothing and may take its time; nil where a directory could not be read, for a failed read removes nothing.
struct Remains: Sendable {
  /// What a directory is called while it is being removed.
  static let halfRemoved = ".pruned"

  var tree: ProcessTree?
  var sockets: [Leftovers.File] = []
  var temporary: [Leftovers.File] = []
  var drafts: [Leftovers.File] = []
  var directories: [Leftovers.Directory] = []

  /// `known`: sessions whose disk need not be measured.
  init?(of places: Places, known: Set<String>) {
    guard let names = Self.names(in: places.socketDirectory), let sessions = Self.names(in: places.runs) else {
      return nil
    }
    for name in names {
      let path = places.socketDirectory + "/" + name
      if let run = RunID(name: name, prefix: "k"), Self.kind(path) == S_IFSOCK, apus_unix_listens(path) == 0 {
        sockets.append(Leftovers.File(run: run, path: path, bytes: nil))
      }
      if let run = RunID(name: name, prefix: "t"), Self.kind(path) == S_IFDIR {
        temporary.append(Leftovers.File(run: run, path: path, bytes: Self.size(path)))
      }
    }
    for name in sessions { addRuns(name, places, known) }
    tree = ProcessTree(of: places)
  }

  private mutating func addRuns(_ name: String, _ places: Places, _ known: Set<String>) {
    let path = places.runs + "/" + name
    let isHalf = name.hasSuffix(Self.halfRemoved)
    let session = isHalf ? String(name.dropLast(Self.halfRemoved.count)) : name
    guard ShortID.isWellFormed(session), Self.kind(path) == S_IFDIR, let runs = Self.names(in: path) else { return }
    var isOurs = true
    for run in runs {
      let directory = path + "/" + run
      guard let id = RunID(directory: "\(places.runs)/\(session)/\(run)", below: places.runs),
        Self.kind(directory) == S_IFDIR
      else {
        isOurs = false
        continue
      }
      if isHalf { continue }
      for file in Self.names(in: directory) ?? [] where file.hasSuffix(".new") {
        let draft = directory + "/" + file
        if Self.kind(draft) == S_IFREG { drafts.append(Leftovers.File(run: id, path: draft, bytes: Self.size(draft))) }
      }
    }
    // Something that no run of ours put there: then it is not ours to remove.
    guard isOurs, isHalf || !known.contains(session) else { return }
    directories.append(
      Leftovers.Directory(session: session, path: path, bytes: Self.size(path), isHalfRemoved: isHalf))
  }

  /// Nil when the directory is there and cannot be read.
  private static func names(in path: String) -> [String]? {
    guard let directory = opendir(path) else { return errno == ENOENT ? [] : nil }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    return errno == 0 ? names : nil
  }

  /// What kind of file of ours it is; nil when there is none, or it is somebody else's. Links are not followed.
  static func kind(_ path: String) -> mode_t? {
    var facts = stat()
    guard lstat(path, &facts) == 0, facts.st_uid == geteuid() else { return nil }
    return facts.st_mode & S_IFMT
  }

  private static func size(_ path: String) -> Int? {
    if kind(path) == S_IFDIR {
      let bytes = apus_tree_bytes(path)
      return bytes >= 0 ? Int(bytes) : nil
    }
    var facts = stat()
    return lstat(path, &facts) == 0 ? Int(facts.st_blocks) * 512 : nil
  }
}
