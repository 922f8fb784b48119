import ApusCore
import ApusGit
import ApusLoop
import CSystem
import Glibc

// Claims that follow the bytes: whatever changes a file in a session's checkout, Bash or a program it started, claims it;
// and what was committed is claimed no more. The kernel tells that something changed; git, once, what differs.

extension Coordinator {
  private static let settleMilliseconds = 200
  private static let endMilliseconds: Int64 = 5_000
  private nonisolated static let mostFiles = 2000

  /// Begins to follow a checkout that a session works in.
  func watchClaims(in checkout: String, scope: String) {
    guard checkout != "/", claims.watched.insert(checkout).inserted else { return }
    LoopActor.begin { [self] in
      let found = await Offload.run { StatusDesk.directories(checkout: checkout, common: scope) }
      guard !found.isEmpty, await claimTrees.watch(found, key: checkout) else {
        log.warning("claims: \(checkout) cannot be watched; what tools report is all that is known there")
        return
      }
      // What differs in a session's own worktree is its own; elsewhere it is what was there before.
      if !sessions.values.contains(where: { $0.place?.worktree == checkout }) { lookSoon(at: checkout) }
    }
  }

  /// No session works there any more.
  func stopWatchingClaims() {
    let used = Set(sessions.values.filter { $0.state.isLive }.map { checkout(of: $0) })
    for checkout in claims.watched where !used.contains(checkout) {
      claims.watched.remove(checkout)
      claims.seen[checkout] = nil
      claimTrees.forget(checkout)
    }
  }

  /// A tool of a session's ended: what it changed is on the disk.
  func looked(at session: String) {
    guard let session = sessions[session] else { return }
    lookSoon(at: checkout(of: session))
  }

  func lookSoon(at checkout: String) {
    guard claims.watched.contains(checkout), !isShuttingDown else { return }
    if claims.looking[checkout] != nil { return claims.looking[checkout] = true }
    claims.looking[checkout] = false
    Timers.shared.after(Self.settleMilliseconds) { [weak self] in
      LoopActor.begin {
        guard let self else { return }
        if !self.isShuttingDown { await self.look(at: checkout) }
        let again = self.claims.looking.removeValue(forKey: checkout) ?? false
        if again { self.lookSoon(at: checkout) }
      }
    }
  }

  /// Waits until nothing of ours looks at files any more: a daemon leaves no git behind.
  func endClaimLooks() async {
    let until = apus_monotonic_milliseconds() + Self.endMilliseconds
    while !claims.looking.isEmpty, apus_monotonic_milliseconds() < until { await pause(milliseconds: 10) }
  }

  /// The same for whoever asks now.
  func lookNow() async {
    claimTrees.read()
    for checkout in claims.looking.keys.sorted() { await look(at: checkout) }
  }

  private struct Seen: Sendable {
    var scope: String
    var files: [String: FileStamp]
    var dirty: [String]
  }

  private func look(at checkout: String) async {
    let began = now
    let environment = self.environment
    guard let seen = await Offload.run({ Self.differing(checkout, environment) }) else { return }
    let before = claims.seen[checkout]
    claims.seen[checkout] = seen.files
    let changed = seen.files.filter { path, stamp in before?[path] != stamp }.keys.sorted()
    let owner = worker(in: checkout)
    do {
      let gone = try claims.change(seen.scope) { book in
        let underWay = claims.underWay.values.map(\.file).filter { $0.checkout == checkout }.map(\.path)
        book.clean(checkout, dirty: seen.dirty + underWay, began: began)
        guard let owner, before != nil || sessions[owner]?.place?.worktree == checkout else { return }
        for path in changed where !isClaimed(path, in: book, checkout) {
          book.touch(path, by: owner, checkout: checkout, source: .disk, now: began)
        }
      }
      claimsChanged(seen.scope, gone: gone)
    } catch { log.error("claims: \(error)") }
  }

  /// Who has it there already; a second claim of the same bytes would be a conflict of our own making.
  private func isClaimed(_ path: String, in book: ClaimBook, _ checkout: String) -> Bool {
    book.check(path, by: nil, checkout: checkout).contains { meeting in
      if case .conflict(let claim, _) = meeting {
        guard claim.source != .asked, claim.checkout == checkout, claim.path == path else { return false }
        return sessions[claim.session]?.state.isLive == true && worker(in: checkout) != claim.session
      }
      return false
    }
  }

  /// The one session that can have changed something there: the worktree's own, else the only one at work there. Where
  /// there are several nobody is named: a guess would be worse than nothing.
  func worker(in checkout: String) -> String? {
    let there = sessions.values.filter { $0.state.isLive && self.checkout(of: $0) == checkout }
    if there.count == 1 { return there.first?.id }
    let working = there.filter { session in
      if let run = live[session.id] { return run.turn.activity == .working }
      return watches.seen[session.id]?.activity == .working
    }
    return working.count == 1 ? working.first?.id : nil
  }

  private nonisolated static func differing(_ checkout: String, _ environment: [String: String]) -> Seen? {
    guard let scope = Repository.common(of: checkout), let git = try? Git(environment: environment),
      let status = try? WorkingTree.status(git, checkout)
    else { return nil }
    let dirty = status.changed + status.unmerged + status.untracked
    var files: [String: FileStamp] = [:]
    for path in dirty.prefix(mostFiles) {
      guard !path.hasSuffix("/") else { continue }
      // A file that was removed is changed as well.
      files[path] = FileStamp(checkout + "/" + path) ?? .gone
    }
    return Seen(scope: scope, files: files, dirty: dirty)
  }
}
