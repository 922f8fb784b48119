import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// What guards know between a command's beginning and its end, and what repositories say of guards.
@LoopActor
final class GuardDesk {
  /// A command that runs under locks. Kept in the store: its end may be told to the next daemon.
  struct Held: Codable {
    var session: String
    var ticket: String
    var tool: String
    var guards: [Guard]
    var isInBackground: Bool
  }

  private struct Read {
    var stamp: FileStamp?
    var settings: RepositorySettings
  }

  private let store: any Store
  private(set) var held: [String: [Held]] = [:]
  /// Tickets of commands that were refused and have to come again.
  private var waiting: [String: (session: String, keys: [LockKey])] = [:]
  private var read: [String: Read] = [:]
  /// The sheets as they were written, by conversation.
  var written: [String: GuardSheet] = [:]

  private static let prefix = "guard:"

  init(store: any Store) { self.store = store }

  /// What the last daemon knew: commands that ran under locks, of tickets that still hold.
  func load(_ book: LockBook) throws {
    for (key, text) in try store.loadValues(prefix: Self.prefix) {
      guard let one = try? JSONText.decode(Held.self, from: Array(text.utf8)), book.tickets[one.ticket] != nil else {
        try store.removeValue(key)
        continue
      }
      held[one.session, default: []].append(one)
    }
    for ticket in book.tickets.values where ticket.isWaiting && ticket.isOfGuard { wait(ticket) }
  }

  func begin(_ one: Held) throws {
    try store.saveValue(Self.prefix + one.ticket, try JSONText.string(one))
    waiting[one.ticket] = nil
    held[one.session, default: []].append(one)
  }

  /// What of a session is over: of that tool, or all that does not run in the background.
  func end(of session: String, where isOver: (Held) -> Bool) -> [Held] {
    let over = (held[session] ?? []).filter(isOver)
    held[session]?.removeAll { one in over.contains { $0.ticket == one.ticket && $0.tool == one.tool } }
    if held[session]?.isEmpty == true { held[session] = nil }
    for one in over { try? store.removeValue(Self.prefix + one.ticket) }
    return over
  }

  func wait(_ ticket: LockTicket) { waiting[ticket.id] = (ticket.owner.id, ticket.keys) }
  func isWaiting(_ ticket: String) -> Bool { waiting[ticket] != nil }
  func forget(_ ticket: String) { waiting[ticket] = nil }

  /// The ticket by which that session waits for these locks already, or has them and may go on.
  func waiting(of session: String, for keys: [LockKey]) -> String? {
    waiting.first { $0.value.session == session && $0.value.keys == keys }?.key
  }

  /// What the repository's file says now; what it said last where it cannot be read.
  func settings(checkout: String, log: Log) -> RepositorySettings {
    let path = checkout + "/" + Survey.settingsFile
    let stamp = FileStamp(path)
    if let known = read[path], known.stamp == stamp { return known.settings }
    var settings = read[path]?.settings ?? RepositorySettings()
    do {
      settings = try Survey.settings(Repository(common: checkout, checkout: checkout))
    } catch {
      log.warning("\(path): \(error.summary); what it said before counts")
    }
    read[path] = Read(stamp: stamp, settings: settings)
    return settings
  }
}

/// Tells whether a file was changed.
struct FileStamp: Equatable, Sendable {
  var inode: UInt64
  var size: Int64
  var seconds: Int
  var nanoseconds: Int

  static let gone = FileStamp()

  private init() { (inode, size, seconds, nanoseconds) = (0, -1, 0, 0) }

  /// Nil where there is none.
  init?(_ path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return nil }
    inode = UInt64(facts.st_ino)
    size = Int64(facts.st_size)
    seconds = facts.st_mtim.tv_sec
    nanoseconds = facts.st_mtim.tv_nsec
  }
}

extension LockTicket {
  static let ofGuards = "guard-"

  /// Whether a guard asked for it, for a command.
  var isOfGuard: Bool { id.hasPrefix(Self.ofGuards) }
}
