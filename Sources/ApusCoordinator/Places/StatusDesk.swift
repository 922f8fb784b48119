import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// What git says of the places of sessions, kept until the kernel tells that something there changed: a list of quiet
/// sessions starts no process at all. Where a tree cannot be watched it is looked at again when somebody asks, at most
/// four times a second.
@LoopActor
final class StatusDesk {
  struct Known: Sendable {
    var head: String?
    var baseCommit: String?
    var ahead: Int?
    var behind: Int?
    var isDirty = false
    /// Files it changed since it left its base, committed or not; what git does not know yet among them.
    var touched: [String] = []
    var outside: [String] = []
    /// Another number: something there may have changed since.
    var number = 0
  }

  private struct Watched {
    var known: Known?
    var isStale = true
    var isWhole = false
    var lookedAt: Int64 = 0
    var number = 0
  }

  private static let unwatchedMilliseconds: Int64 = 250
  private static let atOnce = 4
  /// What changes comes in many pieces.
  private static let spoiledMilliseconds = 200
  /// Whoever asks is not kept longer than this by a disk that hangs or a tree beyond all measure.
  nonisolated static let patienceMilliseconds: Int64 = 3_000

  private var watched: [String: Watched] = [:]
  private var looking: [String: [Answer<Void>]] = [:]
  private var running = 0
  private var waiting: [Answer<Void>] = []
  /// Hears which session's place may look different, once until somebody looked again.
  var onSpoiled: @LoopActor (String) -> Void = { _ in }
  private lazy var trees = TreeWatch { [unowned self] key in
    let isNews = watched[key]?.isStale == false
    watched[key]?.isStale = true
    watched[key]?.number += 1
    if isNews { Timers.shared.after(Self.spoiledMilliseconds) { [weak self] in self?.onSpoiled(key) } }
  }

  func known(_ session: String) -> Known? { watched[session]?.known }

  /// What is known of a place that was just made: nobody has to ask for it yet.
  func begin(_ session: String, at commit: String) {
    var known = Known(head: commit, baseCommit: commit)
    (known.ahead, known.behind) = (0, 0)
    watched[session] = Watched(known: known)
  }

  /// Something of ours changed it.
  func spoil(_ session: String) { watched[session]?.isStale = true }

  func forget(_ session: String) {
    watched[session] = nil
    trees.forget(session)
  }

  /// Returns when what is known of these places is so now, or the time for it is over.
  func refresh(_ sessions: [Session], patience: Int64 = patienceMilliseconds) async {
    trees.read()
    let now = apus_monotonic_milliseconds()
    let due = sessions.filter { session in
      guard session.place?.branch != nil || session.place?.worktree != nil, session.state != .archived else {
        return false
      }
      guard let known = watched[session.id], known.known != nil else { return true }
      return known.isStale || (!known.isWhole && now - known.lookedAt >= Self.unwatchedMilliseconds)
    }
    if due.isEmpty { return }
    let begunBefore = due.filter { looking[$0.id] != nil }
    for session in due { begin(session) }
    for session in due { await wait(for: session.id, until: now + patience) }
    // A look that was under way already may have missed what changed before this was asked: one more is late enough.
    let again = begunBefore.filter { watched[$0.id]?.isStale != false && looking[$0.id] == nil }
    for session in again { begin(session) }
    for session in again { await wait(for: session.id, until: now + patience) }
  }

  private func wait(for id: String, until: Int64) async {
    let left = until - apus_monotonic_milliseconds()
    guard looking[id] != nil, left > 0 else { return }
    var timer: UInt64?
    await withCheckedContinuation { continuation in
      let answer = Answer<Void>(continuation)
      looking[id]?.append(answer)
      timer = Timers.shared.after(Int(left)) { answer.give(()) }
    }
    if let timer { Timers.shared.cancel(timer) }
  }

  private func begin(_ session: Session) {
    guard looking[session.id] == nil, let place = session.place else { return }
    looking[session.id] = []
    let (id, environment) = (session.id, session.spec.environment)
    let directory = place.worktree ?? session.directory
    LoopActor.begin { [self] in
      if running >= Self.atOnce { await withCheckedContinuation { waiting.append(Answer($0)) } }
      running += 1
      await look(id, place, directory, environment)
      running -= 1
      if !waiting.isEmpty { waiting.removeFirst().give(()) }
      for answer in looking.removeValue(forKey: id) ?? [] { answer.give(()) }
    }
  }

  private func look(_ id: String, _ place: Place, _ directory: String, _ environment: [String: String]) async {
    var state = watched[id] ?? Watched()
    watched[id] = state
    if !state.isWhole || state.isStale {
      let found = await Offload.run { Self.directories(place, directory, environment) }
      state.isWhole = found.isEmpty ? false : await trees.watch(found, key: id)
    }
    // What changes from here on makes it stale again.
    trees.read()
    watched[id]?.isStale = false
    let number = watched[id]?.number
    let known = await Offload.run { try? Self.ask(place, directory, environment) }
    guard var now = watched[id] else { return }
    now.isWhole = state.isWhole
    now.known = known ?? nil
    now.known?.number = now.isWhole ? now.number : Int(apus_monotonic_milliseconds())
    now.lookedAt = apus_monotonic_milliseconds()
    if now.number != number || now.known == nil { now.isStale = true }
    watched[id] = now
  }

  // MARK: on other threads

  private nonisolated static func ask(
    _ place: Place, _ directory: String, _ environment: [String: String]
  ) throws(Failure) -> Known {
    let git = try Git(environment: environment)
    let repository = Repository(common: place.repository, checkout: place.checkout)
    let status = try WorkingTree.status(git, directory)
    var known = Known()
    known.head = status.head
    known.isDirty = status.isDirty
    guard let base = place.base, let head = status.head else {
      known.touched = status.changed + status.untracked + status.unmerged
      return known
    }
    let survey = Survey(
      git: git, repository: repository, settings: RepositorySettings(), remotes: [], settingsPath: "")
    let tip = try survey.tip(of: base).commit
    known.baseCommit = tip
    if let distance = try Refs.distance(git, repository, tip, head) {
      (known.behind, known.ahead) = (distance.behind, distance.ahead)
    }
    var touched = Set(status.changed + status.untracked + status.unmerged)
    if known.ahead != 0, let left = try Commits.mergeBase(git, repository, tip, head) {
      touched.formUnion(try WorkingTree.touched(git, directory, from: left, to: head))
    }
    known.touched = touched.sorted()
    if !place.paths.isEmpty { known.outside = known.touched.filter { !Overlap.holds(place.paths, $0) } }
    return known
  }

  /// Every directory whose files make a difference: those of the tree that git does not ignore, and those of its refs.
  private nonisolated static func directories(
    _ place: Place, _ directory: String, _ environment: [String: String]
  ) -> [String] {
    var found = directories(checkout: directory, common: place.repository, environment: environment)
    if found.isEmpty { return [] }
    walk(place.repository + "/refs/heads", [], &found)
    walk(place.repository + "/refs/remotes", [], &found)
    return found
  }

  /// What of a working tree has to be watched to know that a file of it, or what is committed there, changed.
  nonisolated static func directories(
    checkout: String, common: String, environment: [String: String] = ["PATH": "/usr/bin:/bin:/usr/local/bin"]
  ) -> [String] {
    guard let git = try? Git(environment: environment),
      let ignored = try? Ignored.load(git, checkout),
      let own = try? git.require(["rev-parse", "--path-format=absolute", "--git-dir"], in: checkout).line
    else { return [] }
    let skipped = Set(ignored.filter { $0.hasSuffix("/") }.map { checkout + "/" + $0.dropLast() })
    var found: [String] = []
    walk(checkout, skipped.union([checkout + "/.git"]), &found)
    found.append(own)
    if own != common { found.append(common) }
    // What is excluded, and what is not checked out.
    for info in Set([own, common]).map({ $0 + "/info" }) where Files.isThere(info) { found.append(info) }
    return found
  }

  private nonisolated static func walk(_ directory: String, _ skipped: Set<String>, _ found: inout [String]) {
    if skipped.contains(directory) || found.count > 30_000 { return }
    guard let open = opendir(directory) else { return }
    found.append(directory)
    var below: [String] = []
    while let entry = readdir(open) {
      guard entry.pointee.d_type == UInt8(DT_DIR) || entry.pointee.d_type == UInt8(DT_UNKNOWN) else { continue }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != "..", name != ".git" { below.append(directory + "/" + name) }
    }
    closedir(open)
    for path in below {
      var facts = stat()
      if lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR { walk(path, skipped, &found) }
    }
  }
}
