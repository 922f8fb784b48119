import ApusCore
import ApusLoop
import CSystem

/// Which repositories' `.claude/sessions.md` are kept, what is remembered of each, and when each is looked at next.
@LoopActor
final class SessionsFileDesk {
  /// Looks at one file, takes in what others wrote, and writes it.
  var look: @LoopActor (String) -> Void = { _ in }
  private(set) var files: [String: KeptSessionsFile] = [:]
  /// The repositories of live sessions.
  var members: [String: String] = [:]

  private static let settleMilliseconds = 50
  private static let activityMilliseconds = 1000

  /// Something that stands in these files is different now.
  func write(scopes: Set<String>) {
    for scope in scopes where scope != LockKey.everywhere { soon(scope, milliseconds: Self.settleMilliseconds) }
  }

  /// A session did something: that can wait a moment, for it is going to do more.
  func acted(_ session: String) {
    if let scope = members[session] { soon(scope, milliseconds: Self.activityMilliseconds) }
  }

  /// Looks no later than that.
  func soon(_ scope: String, milliseconds: Int) {
    let file = file(scope)
    let due = apus_monotonic_milliseconds() + Int64(max(milliseconds, file.hurry()))
    if let known = file.timer {
      guard known.due > due else { return }
      Timers.shared.cancel(known.id)
    }
    let id = Timers.shared.after(Int(due - apus_monotonic_milliseconds())) { [weak self, weak file] in
      file?.timer = nil
      self?.look(scope)
    }
    file.timer = (id, due)
  }

  func file(_ scope: String) -> KeptSessionsFile {
    if let known = files[scope] { return known }
    let made = KeptSessionsFile(scope: scope)
    files[scope] = made
    return made
  }

  /// Whether that id is a session's that only a file knows.
  func knows(_ id: String) -> Bool { files.values.contains { $0.memory.rows.contains { $0.id == id } } }

  /// A lock changed hands since the file was written, or came free.
  func changed(_ key: LockKey, token: Int64?) { files[key.scope]?.changed(key.name, token: token) }
}

/// What is known of one repository's file.
@LoopActor
final class KeptSessionsFile {
  let scope: String
  var memory = SessionsFileMemory()
  /// As it was kept in the store.
  var kept = ""
  /// The main checkout; nil until it was looked for.
  var checkout: String?
  /// Where there can be no such file: the repository is bare.
  var isNowhere = false
  var isTracked: Bool?
  /// Nobody looked at it since the daemon began.
  var isUnseen = true
  var watch: Int32?
  var timer: (id: UInt64, due: Int64)?
  /// A look is under way; true: another is to follow.
  var looking: Bool?
  /// Sessions whose worktrees have the link.
  var linked: Set<String> = []
  /// Locks that changed hands since the file was written.
  var freed: Set<String> = []
  private var tokens: [String: Int64] = [:]
  private var complaint: String?
  private var written: [Int64] = []

  private static let mostInTenSeconds = 60
  private static let restMilliseconds = 900

  init(scope: String) { self.scope = scope }

  var path: String { (checkout ?? "") + "/" + SessionsFilePlace.path }

  func changed(_ lock: String, token: Int64?) {
    if let known = tokens[lock], known != token { freed.insert(lock) }
    tokens[lock] = token
  }

  func wrote() {
    written = written.filter { $0 > apus_monotonic_milliseconds() - 10_000 } + [apus_monotonic_milliseconds()]
  }

  /// Another program that writes whenever we do must not keep both busy for ever.
  func hurry() -> Int {
    guard written.count >= Self.mostInTenSeconds, let first = written.first else { return 0 }
    return first > apus_monotonic_milliseconds() - 10_000 ? Self.restMilliseconds : 0
  }

  /// Says what is in the way, once.
  func complain(_ text: String?, _ log: Log) {
    guard text != complaint else { return }
    complaint = text
    if let text { log.warning("\(path): \(text)") } else { log.info("\(path): is kept again") }
  }
}
