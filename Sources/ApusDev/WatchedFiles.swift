import ApusCore
import ApusGit
import ApusLoop
import CSystem
import Glibc

// Files that are watched, so that only a change of bytes counts as one. The kernel tells which names were touched; those
// are looked at together a moment later. A tree is walked when it is first watched, where directories came, where the
// kernel could not keep up, and where a `.gitignore` changed. git is asked once per batch, and only of names never seen.

@LoopActor
package final class WatchedFiles {
  /// What is touched within this is looked at together: what is emptied and then written, or written beside a file and then
  /// put in its place, is one change.
  package static let usualGathering = 50
  private static let comeBackMilliseconds = 500
  private static let readyMilliseconds: Int64 = 1_000
  private static let filesAtOnce = 256
  private static let largestAtFirst: Int64 = 1 << 20
  private static let mostIgnored = 20_000

  /// Files whose bytes changed, were added or went; when the last of it was heard of.
  package var onChanges: @LoopActor ([String], Int64) -> Void = { _, _ in }
  /// Something is not watched that should be.
  package var onTrouble: @LoopActor (Failure) -> Void = { _ in }

  private let roots: [WatchedRoot]
  private let gathering: Int
  private let descriptor: Descriptor
  private var table = FileTable()
  private var ignored: Set<String> = []
  private var touched: Set<String> = []
  private var came: Set<String> = []
  private var went: Set<String> = []
  private var heardAt: Int64 = 0
  private var isBusy = false
  private var mustRescan = false
  private var missing: Set<String> = []
  /// What the kernel told of directories that are just being taken in: whose they are is known a moment later.
  private var early: [apus_directory_change] = []
  private var isWalking = false

  package var count: Int { table.count }

  /// Every file that is known to be there, and what its bytes amount to.
  var known: [String: Int] {
    var all: [String: Int] = [:]
    for directory in table.directories.values {
      for (name, stamp) in directory.files { all[directory.path + "/" + name] = stamp.hash }
    }
    return all
  }

  /// Watches these directories, absolute and without links, and all below them. When this returns, every change from then
  /// on is told. Throws where the kernel watches no more for this user.
  package static func begin(
    _ directories: [String], rule: WatchRule, never: [String], environment: [String: String],
    gathering: Int = usualGathering
  ) async throws(Failure) -> WatchedFiles {
    let number = apus_directories_create()
    guard number >= 0 else { throw instancesLimit(errno) }
    let roots = await Offload.run {
      directories.map { WatchedRoot($0, rule: rule, never: never, environment: environment) }
    }
    let files = WatchedFiles(number, roots, gathering)
    do throws(Failure) { try await files.fill() } catch {
      files.end()
      throw error
    }
    return files
  }

  private init(_ number: Int32, _ roots: [WatchedRoot], _ gathering: Int) {
    self.roots = roots
    self.gathering = gathering
    descriptor = Descriptor(number)
    descriptor.onReadable = { [weak self] in self?.read() }
  }

  package func end() {
    (onChanges, onTrouble) = ({ _, _ in }, { _ in })
    descriptor.close()
  }

  private func fill() async throws(Failure) {
    let (roots, watch) = (roots, descriptor.number)
    let (ignored, found) = await Offload.run {
      let ignored = roots.reduce(into: Set<String>()) { $0.formUnion($1.loadIgnored()) }
      return (ignored, roots.map { TreeLook.walk(watch, $0, [$0.path], skipping: ignored) })
    }
    self.ignored = ignored
    for one in found {
      if one.isLimited { throw Self.watchesLimit }
      for directory in one.directories {
        table.add(directory.number, directory.path)
        for file in directory.files { table[directory.path + "/" + file.name] = file.stamp }
      }
    }
    descriptor.watch()
    let hashing = LoopActor.begin { [weak self] in await self?.hashAll() }
    // A small tree is known whole before anything starts; a large one goes on being read meanwhile.
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let answer = Answer(continuation)
      let timer = Timers.shared.after(Int(Self.readyMilliseconds)) { answer.give(()) }
      LoopActor.begin {
        await hashing.value
        Timers.shared.cancel(timer)
        answer.give(())
      }
    }
  }

  /// Reads every file once, so that one that is only touched is known to be the same.
  private func hashAll() async {
    var paths: [String] = []
    for number in table.directories.keys.sorted() {
      guard let directory = table.directories[number] else { continue }
      paths += directory.files.filter { $0.value.hash == 0 && $0.value.bytes <= Self.largestAtFirst }
        .map { directory.path + "/" + $0.key }
      guard paths.count >= Self.filesAtOnce else { continue }
      await hash(paths)
      paths = []
    }
    await hash(paths)
  }

  private func hash(_ paths: [String]) async {
    if paths.isEmpty || !descriptor.isOpen { return }
    let largest = Self.largestAtFirst
    let seen = await Offload.run { paths.map { TreeLook.look($0, hashing: largest) } }
    for (path, kind) in zip(paths, seen) {
      guard case .file(let stamp) = kind, let known = table[path], known.hash == 0, known.bytes == stamp.bytes,
        known.modified == stamp.modified
      else { continue }
      table[path] = stamp
    }
  }

  // MARK: hearing

  private func read() {
    var changes = [apus_directory_change](repeating: apus_directory_change(), count: APUS_DIRECTORY_CHANGES)
    while descriptor.isOpen, case let count = apus_directories_next(descriptor.number, &changes), count > 0 {
      for change in changes.prefix(Int(count)) { hear(change) }
    }
    gather()
  }

  private func hear(_ change: apus_directory_change) {
    let kind = Int(change.kind)
    if kind == APUS_CHANGES_LOST {
      mustRescan = true
      heardAt = apus_monotonic_milliseconds()
      return
    }
    guard let directory = table.path(change.directory) else {
      if isWalking { early.append(change) }
      return
    }
    if kind == APUS_DIRECTORY_GONE { return lost(directory) }
    let name = withUnsafeBytes(of: change.name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    guard !name.isEmpty, let root = roots.first(where: { $0.holds(directory) }) else { return }
    let isDirectory = change.is_directory != 0
    guard root.allows(name, in: directory, isDirectory: isDirectory) else { return }
    let path = directory == "/" ? "/" + name : directory + "/" + name
    if kind == APUS_FILE_REMOVED {
      if isDirectory { remove(path) } else if table[path] != nil { touched.insert(path) } else { return }
    } else if isDirectory {
      if ignored.contains(path) { return }
      // One that is known by that name may be another by now.
      came.insert(path)
    } else {
      if ignored.contains(path) { return }
      touched.insert(path)
    }
    heardAt = apus_monotonic_milliseconds()
  }

  /// A directory that went with all that is below it.
  private func remove(_ path: String) {
    let (files, numbers) = table.removeAll(below: path)
    went.formUnion(files)
    came.remove(path)
    for number in numbers { _ = apus_directories_remove(descriptor.number, number) }
  }

  /// The kernel says that a directory is gone, or has another name.
  private func lost(_ path: String) {
    remove(path)
    heardAt = apus_monotonic_milliseconds()
    guard roots.contains(where: { $0.path == path }) else {
      // Whatever is there under that name now is another.
      came.insert(path)
      return
    }
    if missing.insert(path).inserted { awaitRoot(path) }
  }

  private func awaitRoot(_ path: String) {
    Timers.shared.after(Self.comeBackMilliseconds) { [weak self] in
      guard let self, descriptor.isOpen else { return }
      guard access(path, F_OK) == 0 else { return awaitRoot(path) }
      missing.remove(path)
      mustRescan = true
      heardAt = apus_monotonic_milliseconds()
      gather()
    }
  }

  private var hasWork: Bool { mustRescan || !touched.isEmpty || !came.isEmpty || !went.isEmpty }

  private func gather() {
    guard !isBusy, hasWork else { return }
    isBusy = true
    Timers.shared.after(gathering) { [weak self] in
      LoopActor.begin { await self?.process() }
    }
  }

  // MARK: looking

  private enum Finding: Sendable {
    case changed(FileStamp), same(FileStamp), gone, ignored, directory, nothing
  }

  private func process() async {
    while hasWork, descriptor.isOpen {
      if mustRescan { await rescan() }
      while !came.isEmpty { await adopt() }
      let files = touched.sorted().map { ($0, table[$0]) }
      var changed = went.sorted()
      let at = heardAt
      touched = []
      went = []
      let roots = self.roots
      let findings = await Offload.run { Self.find(files, roots) }
      for ((path, _), finding) in zip(files, findings) {
        switch finding {
        case .changed(let stamp):
          table[path] = stamp
          changed.append(path)
        case .same(let stamp): table[path] = stamp
        case .gone:
          table[path] = nil
          changed.append(path)
        case .ignored:
          if ignored.count < Self.mostIgnored { ignored.insert(path) }
        case .directory:
          if table.number(of: path) == nil { came.insert(path) }
        case .nothing: break
        }
      }
      if changed.contains(where: { $0.hasSuffix("/.gitignore") }) { mustRescan = true }
      if !changed.isEmpty { onChanges(changed, at) }
    }
    isBusy = false
  }

  private nonisolated static func find(_ files: [(String, FileStamp?)], _ roots: [WatchedRoot]) -> [Finding] {
    var findings: [Finding] = []
    var unknown: [String] = []
    for (path, known) in files {
      switch TreeLook.look(path) {
      case .nothing: findings.append(known == nil ? .nothing : .gone)
      case .directory: findings.append(.directory)
      case .file(let stamp):
        guard let known else {
          unknown.append(path)
          findings.append(.changed(stamp))
          continue
        }
        let isSame =
          known.hash != 0 && stamp.hash != 0
          ? known.hash == stamp.hash && known.bytes == stamp.bytes
          : known.bytes == stamp.bytes && known.modified == stamp.modified
        findings.append(isSame ? .same(stamp) : .changed(stamp))
      }
    }
    var ignored: Set<String> = []
    for root in roots { ignored.formUnion(root.ignored(files: unknown.filter(root.holds))) }
    if ignored.isEmpty { return findings }
    return zip(files, findings).map { ignored.contains($0.0) ? .ignored : $1 }
  }

  /// Takes in the directories that came: one level, whose own come next.
  private func adopt() async {
    let level = came
    came = []
    let watch = descriptor.number
    for root in roots {
      let own = level.filter(root.holds).sorted()
      if own.isEmpty { continue }
      let (ignored, found) = await walking {
        let ignored = root.ignored(files: [], directories: own)
        return (ignored, TreeLook.walk(watch, root, own, skipping: ignored, deep: false))
      }
      if self.ignored.count < Self.mostIgnored { self.ignored.formUnion(ignored) }
      for directory in found.directories { take(directory) }
      hearEarly()
      if found.isLimited { onTrouble(Self.watchesLimit) }
    }
  }

  private func take(_ directory: TreeFound.Directory) {
    let (number, path) = (directory.number, directory.path)
    if let before = table.number(of: path), before != number { remove(path) }
    if let before = table.path(number), before != path {
      // It is the same as one that went by another name; what is said of that comes later.
      let (files, numbers) = table.removeAll(below: before)
      went.formUnion(files)
      for other in numbers where other != number { _ = apus_directories_remove(descriptor.number, other) }
    }
    let known = table.directories[number]?.files ?? [:]
    table.add(number, path)
    let names = Set(directory.files.map(\.name))
    for name in names.symmetricDifference(known.keys) { touched.insert(path + "/" + name) }
    came.formUnion(directory.directories.filter { table.number(of: $0) == nil })
  }

  private func walking<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
    isWalking = true
    return await Offload.run(work)
  }

  private func hearEarly() {
    isWalking = false
    let told = early
    early = []
    for change in told { hear(change) }
  }

  /// Looks at everything again.
  private func rescan() async {
    mustRescan = false
    let (roots, watch) = (roots, descriptor.number)
    let (ignored, found) = await walking {
      let ignored = roots.reduce(into: Set<String>()) { $0.formUnion($1.loadIgnored()) }
      return (ignored, roots.map { TreeLook.walk(watch, $0, [$0.path], skipping: ignored) })
    }
    self.ignored = ignored
    let before = table
    table = FileTable()
    for directory in found.flatMap(\.directories) {
      table.add(directory.number, directory.path)
      for file in directory.files {
        let path = directory.path + "/" + file.name
        let known = before[path]
        // What is known is kept until it was looked at: that tells whether it changed.
        table[path] = known
        if known?.bytes != file.stamp.bytes || known?.modified != file.stamp.modified { touched.insert(path) }
      }
    }
    for (number, directory) in before.directories {
      for name in directory.files.keys where table[directory.path + "/" + name] == nil {
        let path = directory.path + "/" + name
        // What is ignored from now on did not change by that.
        if !isIgnored(path) { went.insert(path) }
      }
      if table.path(number) == nil { _ = apus_directories_remove(watch, number) }
    }
    hearEarly()
    if found.contains(where: \.isLimited) { onTrouble(Self.watchesLimit) }
  }

  private func isIgnored(_ path: String) -> Bool {
    var path = path
    while !ignored.contains(path) {
      guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return false }
      path = String(path[..<slash])
    }
    return true
  }

  // MARK: limits

  private static var watchesLimit: Failure {
    Failure(
      .limitReached, "the kernel watches no more directories for you (fs.inotify.max_user_watches)",
      hint: "`sudo sysctl fs.inotify.max_user_watches=524288`, or watch less: --watch DIR, --ignore GLOB")
  }

  private static func instancesLimit(_ code: Int32) -> Failure {
    guard code == EMFILE else {
      return Failure(.internalError, "files cannot be watched: \(String(cString: apus_error_text(code)))")
    }
    return Failure(
      .limitReached, "too many programs of yours watch files (fs.inotify.max_user_instances)",
      hint: "`sudo sysctl fs.inotify.max_user_instances=512`; `apus doctor` says who watches")
  }
}
