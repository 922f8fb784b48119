import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// The work log in the main checkout: entries of ours are added and their status moved; every other byte is a person's.

extension Coordinator {
  /// Where the repository keeps it; nil: it keeps none. One that nobody set the repository up for is kept where it is there.
  nonisolated static func workLogPath(_ survey: Survey) -> String? {
    guard let checkout = survey.repository.checkout else { return nil }
    if let name = survey.settings.workLog { return checkout + "/" + name }
    let usual = checkout + "/" + RepositorySettings.usualWorkLog
    return Files.isThere(checkout + "/" + Survey.settingsFile) || !Files.isThere(usual) ? nil : usual
  }

  func loadWorkLog(_ survey: Survey) async -> WorkLog? {
    await Offload.run { Self.workLogPath(survey).flatMap { Files.load($0) }.map { WorkLog($0) } }
  }

  /// Changes the work log of a repository under a lock; whether there is one. `change` answers whether it changed anything.
  private nonisolated static func edit(
    _ survey: Survey, _ change: (inout WorkLog) -> Bool
  ) throws(Failure) -> Bool {
    guard let path = workLogPath(survey) else { return false }
    let lock = apus_open(survey.repository.common + "/apus-work-log.lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
    defer { if lock >= 0 { close(lock) } }
    var tries = 0
    while lock >= 0, apus_lock_file(lock) != 0, tries < 2000 {
      poll(nil, 0, 5)
      tries += 1
    }
    while true {
      let before = Files.load(path)
      if before == nil, Files.isThere(path) {
        throw Failure(.permissionDenied, "\(path) cannot be read", hint: "look at its owner and permissions")
      }
      var log = WorkLog(before ?? [])
      guard change(&log) else { return true }
      // A person may have saved it meanwhile: then theirs is taken in first.
      guard Files.load(path) == before else { continue }
      if before == nil { exclude(path, survey) }
      try TextFile.replace(path, log.bytes, draft: survey.repository.common + "/apus-work-log.draft")
      return true
    }
  }

  /// What Apus puts into a checkout is not git's to see, unless the team tracks it.
  private nonisolated static func exclude(_ path: String, _ survey: Survey) {
    guard let checkout = survey.repository.checkout, path.hasPrefix(checkout + "/") else { return }
    Exclusion.add(["/" + path.dropFirst(checkout.count + 1)], survey.repository)
  }

  /// An entry for a session that begins; what to tell where that failed.
  func enterWorkLog(_ session: Session, files: [String], eta: String?, started: String) async -> String? {
    guard let place = session.place, place.worktree != nil, let branch = place.branch else { return nil }
    let paths = files.isEmpty ? place.paths : files
    let draft = WorkLog.Draft(
      isBug: place.kind == .bug || place.kind == .hotfix, title: session.name, branch: branch,
      component: place.component, started: started, issue: place.issue, files: paths, eta: eta)
    return await editWorkLog(session) { log in
      log.add(draft)
      return true
    }
  }

  /// Moves a session's entry; what to tell where that failed.
  @discardableResult
  func moveWorkLog(_ session: Session, to status: WorkLog.Status, line: String? = nil) async -> String? {
    guard let branch = session.place?.branch else { return nil }
    return await editWorkLog(session) { log in log.set(status, branch: branch, appending: line) }
  }

  private func editWorkLog(_ session: Session, _ change: @escaping @Sendable (inout WorkLog) -> Bool) async -> String? {
    let (directory, environment) = (session.place?.checkout ?? session.directory, session.spec.environment)
    do {
      _ = try await Offload.trying { () throws(Failure) in
        guard let survey = try Survey.of(directory, environment: environment) else { return false }
        return try Self.edit(survey, change)
      }
      return nil
    } catch {
      log.warning("session \(session.id): the work log: \(error.summary)")
      return "the work log was not changed: \(error.summary)"
    }
  }

  /// Its open entries; with a session and a status, that one's is moved first.
  package func workLog(_ request: WorkLogRequest) async throws -> [WorkLog.Entry] {
    if let name = request.session, let status = request.status {
      let session = try require(name)
      guard session.place?.branch != nil else {
        throw Failure(.repositoryMissing, "\(session.name) has no branch", hint: "`apus show \(session.name)`")
      }
      if let trouble = await moveWorkLog(session, to: status) { throw Failure(.permissionDenied, trouble) }
    }
    let directory = try request.session.map { try require($0) }?.place?.checkout ?? request.directory
    let survey = try await Offload.trying { () throws(Failure) in
      try Survey.of(directory, environment: request.environment)
    }
    guard let survey else {
      throw Failure(.repositoryMissing, "\(directory) is in no git repository", hint: "call it in one")
    }
    let all = await loadWorkLog(survey)?.entries ?? []
    return request.session == nil ? all.filter(\.isOpen) : all
  }
}

/// `.git/info/exclude`: what git does not see in this clone, without a tracked file being touched.
enum Exclusion {
  static func add(_ patterns: [String], _ repository: Repository) {
    let path = repository.common + "/info/exclude"
    var text = Files.load(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let known = Set(text.split(separator: "\n").map(String.init))
    let missing = patterns.filter { !known.contains($0) }
    if missing.isEmpty { return }
    if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
    text += missing.map { $0 + "\n" }.joined()
    mkdir(repository.common + "/info", 0o755)
    try? TextFile.replace(path, Array(text.utf8))
  }
}
