import ApusCore
import ApusGit
import ApusLoop
import CSystem
import Glibc

/// A file as claims know it.
struct ClaimedFile: Equatable {
  var scope: String
  var checkout: String
  var path: String
}

/// The claims of all repositories, kept as they change, and which files of which checkout were last seen how.
@LoopActor
final class ClaimDesk {
  private let store: any Store
  private(set) var books: [String: ClaimBook] = [:]
  /// How files that differ from the last commit looked, by checkout.
  var seen: [String: [String: FileStamp]] = [:]
  /// Checkouts whose files are being looked at; true: something changed meanwhile.
  var looking: [String: Bool] = [:]
  var watched: Set<String> = []
  /// Files that tools are about to change, by the tool's use: they may not differ yet.
  var underWay: [String: (session: String, file: ClaimedFile)] = [:]
  var expiry: UInt64?
  /// Some are different now.
  var changed: @LoopActor () -> Void = {}

  init(store: any Store) throws {
    self.store = store
    for (scope, claims) in try store.loadClaims() { books[scope] = ClaimBook(claims) }
  }

  func book(_ scope: String) -> ClaimBook { books[scope] ?? ClaimBook() }

  /// Changes a book and keeps what changed; what could not be kept did not change. The claims that are gone.
  @discardableResult
  func change(_ scope: String, _ body: (inout ClaimBook) throws -> Void) throws -> [Claim] {
    let before = book(scope)
    var after = before
    try body(&after)
    let (old, new) = (before.claims, after.claims)
    guard old != new else { return [] }
    func same(_ one: Claim, _ other: Claim) -> Bool { one.session == other.session && one.path == other.path }
    let known = Dictionary(old.map { (Name($0), $0) }, uniquingKeysWith: { $1 })
    let left = Set(new.map(Name.init))
    let gone = old.filter { !left.contains(Name($0)) }
    try store.save(new.filter { known[Name($0)] != $0 }, gone: gone, scope: scope)
    books[scope] = new.isEmpty ? nil : after
    changed()
    return gone
  }

  private struct Name: Hashable {
    var session: String
    var path: String

    init(_ claim: Claim) {
      session = claim.session
      path = claim.path
    }
  }
}

/// Sessions that were refused a file and are told when they may have it.
@LoopActor
final class ClaimWaits {
  struct Wait: Equatable {
    var session: String
    var scope: String
    var checkout: String
    var path: String
  }

  private(set) var all: [Wait] = []
  private static let most = 1000

  func awaits(_ session: String) -> Bool { all.contains { $0.session == session } }

  func add(_ wait: Wait) {
    guard !all.contains(wait), all.count < Self.most else { return }
    all.append(wait)
  }

  func remove(_ isOver: (Wait) -> Bool) { all.removeAll(where: isOver) }
}
