import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem

// `.claude/sessions.md` of each repository: read when somebody else wrote it, what they did taken in, and written when
// the truth says anything else. One look at a time; whatever changes meanwhile is the next one's.

extension Coordinator {
  private static let mostTries = 5
  private static let writerMilliseconds = 1000
  private static let closingMilliseconds: Int64 = 2000

  /// Takes the files up as the last daemon left them: what was written since is a foreign edit.
  func beginSessionsFiles() throws {
    sessionsFiles.look = { [unowned self] scope in LoopActor.begin { await self.keepSessionsFile(scope) } }
    for (key, kept) in try store.loadValues(prefix: Self.memoryKey) {
      let file = sessionsFiles.file(String(key.dropFirst(Self.memoryKey.count)))
      let versions = try store.loadValues(prefix: Self.versionKey(file.scope))
        .compactMap { try? JSONText.decode(SessionsFileMemory.Version.self, from: Array($0.value.utf8)) }
      file.memory = SessionsFileMemory(kept: kept, versions: versions)
      resumeHolds(file)
      sessionsFiles.soon(file.scope, milliseconds: 0)
    }
    for lock in locks.book.locks.values {
      sessionsFiles.changed(lock.key, token: lock.owner == nil ? nil : lock.highest)
    }
    let known = Set(sessions.values.filter { $0.state != .archived }.compactMap { $0.place?.repository })
    sessionsFiles.write(scopes: known)
  }

  private static let memoryKey = "sessions-file:"
  private static func versionKey(_ scope: String) -> String { "sessions-version:\(scope)\n" }

  /// Looks at one repository's file and puts it in order.
  func keepSessionsFile(_ scope: String) async {
    let file = sessionsFiles.file(scope)
    guard file.looking == nil else { return file.looking = true }
    file.looking = false
    defer {
      if file.looking == true { sessionsFiles.write(scopes: [scope]) }
      file.looking = nil
    }
    guard await isKept(file) else { return }
    for _ in 0..<Self.mostTries where await !turn(file) {}
    if let next = file.memory.nextEnd {
      sessionsFiles.soon(scope, milliseconds: Int(min(max((next - now) * 1000, 0) + 50, 1e9)))
    }
  }

  /// The daemon ends: what is still to be written is written now.
  func closeSessionsFiles() async {
    let until = apus_monotonic_milliseconds() + Self.closingMilliseconds
    for file in sessionsFiles.files.values.sorted(by: { $0.scope < $1.scope }) {
      while file.looking != nil, apus_monotonic_milliseconds() < until { await pause(milliseconds: 10) }
      guard let due = file.timer?.due, due < until else { continue }
      await keepSessionsFile(file.scope)
    }
  }

  /// Whether there is, or is to be, such a file.
  private func isKept(_ file: KeptSessionsFile) async -> Bool {
    guard !file.isNowhere else { return false }
    let wanted = isWanted(file)
    if file.checkout == nil {
      let (scope, environment) = (file.scope, environment)
      let usual = scope.hasSuffix("/.git") ? String(scope.dropLast("/.git".count)) : nil
      guard wanted || usual.map({ Files.isThere($0 + "/" + SessionsFilePlace.path) }) == true else { return false }
      let found = await Offload.run { try? Repository.find(scope, environment) }
      guard let repository = found ?? nil else { return false }
      file.checkout = repository.checkout
      file.isNowhere = repository.checkout == nil
    }
    guard let checkout = file.checkout else { return false }
    guard guards.settings(checkout: checkout, log: log).sessionsFile else {
      letGo(file)
      return false
    }
    return wanted || Files.isThere(file.path)
  }

  /// Somebody works there, or something was written that still counts.
  private func isWanted(_ file: KeptSessionsFile) -> Bool {
    !ourSessions(file).isEmpty || !file.memory.rows.isEmpty || !file.memory.holds.isEmpty
  }

  /// It was switched off: what the file said counts no more, and nothing is written.
  private func letGo(_ file: KeptSessionsFile) {
    if let watch = file.watch { directories.remove(watch) }
    file.watch = nil
    guard !file.memory.rows.isEmpty || !file.memory.holds.isEmpty else { return }
    for lock in file.memory.holds.keys { releaseHold(lock, file) }
    (file.memory) = SessionsFileMemory()
    keepClaims(of: file)
    remember(file.memory, dropping: [], file)
  }

  // MARK: one turn

  /// Reads, takes in, writes; false where somebody else wrote meanwhile: then it is to be done once more.
  private func turn(_ file: KeptSessionsFile) async -> Bool {
    guard let checkout = file.checkout, await prepare(file, checkout) else { return true }
    await watch(file, checkout)
    var bytes: [UInt8]?
    switch await Offload.run({ SessionsFilePlace.look(checkout) }) {
    case .absent: break
    case .notOurs(let why):
      file.complain(why, log)
      return true
    case .beingWritten:
      sessionsFiles.soon(file.scope, milliseconds: Self.writerMilliseconds)
      return true
    case .text(let text): bytes = text
    }
    if bytes == nil, !isWanted(file) { return true }
    var theirs: SessionsFile?
    if let bytes {
      do throws(SessionsFile.Fault) { theirs = try takeIn(bytes, file) } catch {
        guard file.memory.base != nil || SessionsFile.isMeant(bytes) else {
          file.complain("it is no such file (\(error)); it is left as it is", log)
          return true
        }
        await setAside(file, checkout, error)
      }
    }
    return await write(file, checkout, previous: theirs, over: bytes)
  }

  /// What somebody else wrote: told apart, and taken in.
  private func takeIn(_ bytes: [UInt8], _ file: KeptSessionsFile) throws(SessionsFile.Fault) -> SessionsFile? {
    let text = String(decoding: bytes, as: UTF8.self)
    defer { file.isUnseen = false }
    if file.isUnseen, let last = file.memory.versions.last, file.memory.versions.dropLast().last?.text == text,
      let stamp = FileStamp(file.path), Double(stamp.seconds) + Double(stamp.nanoseconds) / 1e9 < last.at
    {
      file.memory.neverWrote()
    }
    if file.memory.versions.last?.text == text { return file.memory.base }
    if bytes.isEmpty { return nil }
    let theirs = try SessionsFile.parse(bytes)
    let merge = SessionsFileMerge(
      base: file.memory.base ?? .template, earlier: file.memory.earlier, ours: ours(file), now: now)
    take(merge.changes(in: theirs), file)
    return theirs
  }

  private func write(
    _ file: KeptSessionsFile, _ checkout: String, previous: SessionsFile?, over bytes: [UInt8]?
  ) async -> Bool {
    let gone = file.memory.setAside(now: now, ours: Set(ourSessions(file).map(\.id)))
    if !gone.isEmpty { log.info("\(file.path): set aside \(gone.joined(separator: ", "))") }
    keepClaims(of: file)
    let freed = file.freed
    file.freed = []
    let text = truth(file, previous: previous ?? file.memory.base).render()
    var memory = file.memory
    memory.wrote(text, now: now)
    let dropped = Set(file.memory.versions.map(\.at)).subtracting(memory.versions.map(\.at))
    guard remember(memory, dropping: dropped, file) else {
      file.freed.formUnion(freed)
      return true
    }
    let new = Array(text.utf8)
    if new == bytes {
      file.memory = memory
      file.complain(nil, log)
      return true
    }
    do {
      let written = try await Offload.trying { () throws(Failure) in
        try SessionsFilePlace.replace(checkout, expecting: bytes, with: new)
      }
      if case .isOther = written {
        file.freed.formUnion(freed)
        return false
      }
      file.memory = memory
      file.wrote()
      file.complain(nil, log)
      if case .over(let theirs) = written {
        do throws(SessionsFile.Fault) { _ = try takeIn(theirs, file) } catch {
          await setAside(file, checkout, overtaken: true, error)
        }
        await Offload.run { SessionsFilePlace.removeDraft(checkout) }
        return false
      }
      await show(file, checkout)
    } catch {
      file.freed.formUnion(freed)
      file.complain(error.summary, log)
    }
    return true
  }

  // MARK: around it

  /// The team may have it among its files; else git is not to see it. False: it is not ours to write.
  private func prepare(_ file: KeptSessionsFile, _ checkout: String) async -> Bool {
    if file.isTracked == nil {
      let (environment, repository) = (environment, Repository(common: file.scope, checkout: checkout))
      do {
        file.isTracked = try await Offload.trying { () throws(Failure) in
          let git = try Git(environment: environment)
          if try SessionsFilePlace.isTracked(git, checkout) { return true }
          try SessionsFilePlace.exclude(git, repository, checkout)
          return false
        }
      } catch {
        file.complain(error.summary, log)
        return false
      }
    }
    if file.isTracked == true { file.complain("the repository tracks it; it is left as it is", log) }
    return file.isTracked == false
  }

  /// A new worktree sees the file from its beginning: what came later would be a change of the session's.
  func showSessionsFile(_ repository: Repository, in worktree: String) async {
    guard let checkout = repository.checkout, guards.settings(checkout: checkout, log: log).sessionsFile else { return }
    let file = sessionsFiles.file(repository.common)
    file.checkout = checkout
    guard await prepare(file, checkout) else { return }
    await Offload.run { SessionsFilePlace.show(checkout, in: worktree) }
  }

  private func watch(_ file: KeptSessionsFile, _ checkout: String) async {
    guard file.watch == nil else { return }
    let (directory, scope) = (checkout + "/.claude", file.scope)
    file.watch = await directories.add(directory) { [weak self, weak file] change in
      switch change {
      case .gone: file?.watch = nil
      case .written(let name), .removed(let name): if name != "sessions.md" { return }
      case .lost: break
      }
      self?.sessionsFiles.write(scopes: [scope])
    }
  }

  /// Sessions in worktrees see the one file there is.
  private func show(_ file: KeptSessionsFile, _ checkout: String) async {
    if file.watch == nil {
      await watch(file, checkout)
      // Somebody may have written before it was watched.
      file.looking = true
    }
    let live = ourSessions(file)
    file.linked.formIntersection(live.map(\.id))
    for session in live where file.linked.insert(session.id).inserted {
      guard let worktree = session.place?.worktree else { continue }
      await Offload.run { SessionsFilePlace.show(checkout, in: worktree) }
    }
  }

  /// A text that cannot be read is somebody's work all the same.
  private func setAside(
    _ file: KeptSessionsFile, _ checkout: String, overtaken: Bool = false, _ fault: SessionsFile.Fault
  ) async {
    let moment = now
    let find = { @Sendable in SessionsFilePlace.setAside(checkout, overtaken: overtaken, now: moment) }
    guard let kept = await Offload.run(find) else {
      return log.error("\(file.path) cannot be read (\(fault)), nor set aside")
    }
    report(
      "an edit of \(file.path) could not be read (\(fault)). It is kept as \(kept); the file is as it was before.", file
    )
  }

  /// Keeps what is needed to tell later who changed what; false where it could not be.
  @discardableResult
  private func remember(_ memory: SessionsFileMemory, dropping dropped: Set<Moment>, _ file: KeptSessionsFile) -> Bool {
    let isKept = memory.kept != file.kept
    let new = memory.versions.last.flatMap { $0 == file.memory.versions.last ? nil : $0 }
    guard isKept || new != nil || !dropped.isEmpty else { return true }
    do {
      let prefix = Self.versionKey(file.scope)
      try store.transaction {
        try store.saveValue(Self.memoryKey + file.scope, memory.kept)
        if let new { try store.saveValue("\(prefix)\(new.at)", try JSONText.string(new)) }
        for moment in dropped { try store.removeValue("\(prefix)\(moment)") }
      }
      file.kept = memory.kept
      return true
    } catch {
      file.complain("what it said cannot be kept: \(error)", log)
      return false
    }
  }
}
