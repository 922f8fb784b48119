import ApusCore
import ApusGit
import ApusLoop
import ApusWire
import CSystem
import Glibc

// Who edits what: claims come by themselves with a session's edits, others hear of them before they edit, and they go
// with the commit, the session, or time.

extension Coordinator {
  /// Before a session edits a file: what it is answered; where it may, the file is claimed.
  func claim(
    _ path: String, _ tool: String, _ input: JSON, use: String, _ session: Session
  ) async -> ClaimAnswer {
    let settings = repositorySettings(of: session)
    guard settings.claims.policy != .off, let file = claimed(path, from: session.directory) else { return .allow }
    lapse(file.scope, after: settings.claims.lapseSeconds)
    let isShared = sharesCheckout(session, file.checkout)
    let functions = isShared ? await functions(file, tool, input, session) : nil
    let meetings = claims.book(file.scope).check(
      file.path, by: session.id, checkout: file.checkout, functions: functions)
    let answer = ClaimRule.decide(
      meetings, strict: settings.claims.policy == .strict, now: now, names: { [self] in ownerName($0) })
    switch answer {
    case .deny:
      claimWaits.add(.init(session: session.id, scope: file.scope, checkout: file.checkout, path: file.path))
      log.info("session \(session.id): may not edit \(file.path): another has it")
    case .allow, .warn:
      claimWaits.remove { $0.session == session.id && $0.path == file.path }
      claims.underWay[use] = (session.id, file)
      refreshHolds()
      touch(file, by: session.id, .edit, functions)
      watchClaims(in: file.checkout, scope: file.scope)
    }
    return answer
  }

  /// Where a path belongs; nil of what is no path.
  func claimed(_ path: String, from directory: String) -> ClaimedFile? {
    guard !path.isEmpty, !path.contains("\0"), path.utf8.count <= 4096 else { return nil }
    let absolute = path.hasPrefix("/") ? path : directory + "/" + path
    let parts = absolute.split(separator: "/", omittingEmptySubsequences: true)
    guard let name = parts.last, name != "..", name != "." else { return nil }
    // What is just being made may have no directory yet.
    var depth = parts.count - 1
    var above: String?
    while above == nil, depth >= 0 {
      above = Repository.real("/" + parts.prefix(depth).joined(separator: "/"))
      if above == nil { depth -= 1 }
    }
    guard let above, !parts.dropFirst(depth).contains("..") else { return nil }
    let whole = (above == "/" ? "" : above) + "/" + parts.dropFirst(depth).joined(separator: "/")
    guard let scope = Repository.common(of: above), let checkout = Repository.checkout(of: above) else {
      return ClaimedFile(scope: LockKey.everywhere, checkout: "/", path: String(whole.dropFirst()))
    }
    guard whole.hasPrefix(checkout + "/") else { return nil }
    return ClaimedFile(scope: scope, checkout: checkout, path: String(whole.dropFirst(checkout.count + 1)))
  }

  /// Whether others work in that very checkout.
  private func sharesCheckout(_ session: Session, _ at: String) -> Bool {
    sessions.values.contains { $0.id != session.id && $0.state.isLive && checkout(of: $0) == at }
  }

  /// What an edit is going to touch, as far as it can be told before it is done.
  private func functions(_ file: ClaimedFile, _ tool: String, _ input: JSON, _ session: Session) async -> [String]? {
    let path = file.checkout + "/" + file.path
    let (environment, scratch) = (session.spec.environment, places.scratch)
    _ = Files.makeDirectory(scratch)
    return await Offload.run(withinMilliseconds: 2000) {
      guard let old = Files.load(path), let new = EditedText.after(old, tool, input),
        let git = try? Git(environment: environment)
      else { return nil }
      return (try? Functions.touched(git, file: file.path, from: old, to: new, scratch: scratch)) ?? nil
    } ?? nil
  }

  func touch(_ file: ClaimedFile, by session: String, _ source: Claim.Source, _ functions: [String]? = nil) {
    do {
      try claims.change(file.scope) { book in
        book.touch(
          file.path, by: session, checkout: file.checkout, source: source, functions: functions, now: now)
      }
      claimsChanged(file.scope, gone: [])
    } catch { log.error("session \(session): its claim is not kept: \(error)") }
  }

  /// A tool has changed its file, or will not any more; nil: none of the session's will.
  func editEnded(_ use: String?, of session: String) {
    if let use {
      claims.underWay[use] = nil
    } else {
      claims.underWay = claims.underWay.filter { $0.value.session != session }
    }
    refreshHolds()
  }

  // MARK: going

  /// Claims of that repository are different now, and these are gone: whoever waits for one of them may go on.
  func claimsChanged(_ scope: String, gone: [Claim]) {
    sessionsFiles.write(scopes: [scope])
    scheduleLapse()
    guard !gone.isEmpty else { return }
    let book = claims.book(scope)
    for wait in claimWaits.all where wait.scope == scope {
      guard gone.contains(where: { $0.glob.matches(wait.path) && $0.session != wait.session }) else { continue }
      let left = book.check(wait.path, by: wait.session, checkout: wait.checkout)
      let isHeld = left.contains { if case .conflict = $0 { true } else { false } }
      guard !isHeld else { continue }
      claimWaits.remove { $0 == wait }
      leave(
        Notice(
          session: wait.session, kind: .claim, from: nil,
          text: "\(SessionName.printable(wait.path)) is free now: read it again, then edit it.", at: now, wakes: true))
    }
  }

  func releaseClaims(of session: String) {
    claimWaits.remove { $0.session == session }
    editEnded(nil, of: session)
    for scope in Array(claims.books.keys) {
      do {
        let gone = try claims.change(scope) { $0.sessionEnded(session) }
        if !gone.isEmpty { claimsChanged(scope, gone: gone) }
      } catch { log.error("session \(session): its claims are not released: \(error)") }
    }
  }

  private func lapse(_ scope: String, after seconds: Double) {
    do {
      let gone = try claims.change(scope) { $0.expire(now: now, after: seconds) }
      if !gone.isEmpty { claimsChanged(scope, gone: gone) }
    } catch { log.error("claims: \(error)") }
  }

  private func lapseSeconds(_ scope: String) -> Double {
    let checkout = scope.hasSuffix("/.git") ? String(scope.dropLast("/.git".count)) : nil
    return checkout.map { guards.settings(checkout: $0, log: log).claims.lapseSeconds } ?? ClaimSettings().lapseSeconds
  }

  /// Wakes up when the next claim lapses, if any can.
  private func scheduleLapse() {
    if let timer = claims.expiry { Timers.shared.cancel(timer) }
    claims.expiry = nil
    let ends = claims.books.flatMap { scope, book -> [Moment] in
      let seconds = lapseSeconds(scope)
      return book.claims.filter(\.lapsesWithItsFile).map { $0.lastEdit + seconds }
    }
    guard let first = ends.min() else { return }
    claims.expiry = Timers.shared.after(Int(min(max(0, first - now) * 1000 + 50, 1e9))) { [weak self] in
      guard let self else { return }
      claims.expiry = nil
      for scope in Array(claims.books.keys) { lapse(scope, after: lapseSeconds(scope)) }
      scheduleLapse()
    }
  }

  // MARK: the verb

  package func claims(_ request: ClaimRequest) async throws -> [ClaimObject] {
    let asking = try identify(request.asker)
    let owner = asking.session?.id ?? Self.person
    let directory = request.asker.session == nil ? request.asker.directory : asking.directory
    guard request.paths.count <= 1000 else { throw Failure(.usage, "at most 1000 paths at once") }
    lapse(asking.scope, after: lapseSeconds(asking.scope))
    await lookNow()
    switch request.act {
    case .list:
      // Whoever names no repository looks at all of them.
      let scopes = request.asker.isEverywhere ? claims.books.keys.sorted() : [asking.scope]
      let all = scopes.flatMap { claims.book($0).claims }
      let wanted = try patterns(request.paths, directory).map(\.glob)
      return all.filter { claim in wanted.isEmpty || wanted.contains { $0.meets(claim.glob) } }.map { object($0) }
    case .check:
      var objects: [ClaimObject] = []
      for one in try patterns(request.paths, directory) {
        let meetings = claims.book(one.file.scope).check(
          one.glob, by: owner, checkout: one.file.checkout, isFile: { Self.isFile(one.file.checkout + "/" + $0) })
        objects += meetings.map { object($0.claim, $0) }
      }
      return objects
    case .add: return try add(request, owner, directory)
    case .release:
      var gone: [Claim] = []
      var scopes: [String: [String]] = [:]
      for one in try patterns(request.paths, directory) { scopes[one.file.scope, default: []].append(one.glob.text) }
      if request.paths.isEmpty { scopes[asking.scope] = [] }
      for (scope, paths) in scopes {
        let left = try claims.change(scope) { $0.release(request.paths.isEmpty ? nil : paths, by: owner) }
        claimsChanged(scope, gone: left)
        gone += left
      }
      return gone.map { object($0) }
    }
  }

  private static let person = "person"

  private func add(_ request: ClaimRequest, _ owner: String, _ directory: String) throws -> [ClaimObject] {
    let wanted = try patterns(request.paths, directory)
    guard let first = wanted.first else {
      throw Failure(.usage, "name paths to claim", hint: "`apus claim add src/api/`")
    }
    guard wanted.allSatisfy({ $0.file.scope == first.file.scope && $0.file.checkout == first.file.checkout }) else {
      throw Failure(.usage, "those paths are in several checkouts", hint: "claim those of one at a time")
    }
    let (scope, checkout) = (first.file.scope, first.file.checkout)
    var meetings: [ClaimMeeting] = []
    try claims.change(scope) { book in
      meetings = try book.add(
        wanted.map(\.glob.text), by: owner, checkout: checkout, isShared: request.isShared, now: now,
        isFile: { Self.isFile(checkout + "/" + $0) })
    }
    let conflicts = meetings.filter { if case .conflict = $0 { true } else { false } }
    if let one = conflicts.first {
      throw Failure(
        .claimHeld,
        "\(SessionName.printable(one.claim.path)) is claimed by \(ownerName(one.claim.session) ?? "another") "
          + "(\(one.claim.session)) since \(MomentText.clock(one.claim.since)) UTC; nothing was claimed",
        hint:
          "`apus tell \(ownerName(one.claim.session) ?? one.claim.session) …` asks them; `apus claim list` shows all")
    }
    claimsChanged(scope, gone: [])
    let texts = Set(wanted.map(\.glob.text))
    return claims.book(scope).claims.filter { $0.session == owner && texts.contains($0.path) }.map { object($0) }
      + meetings.map { object($0.claim, $0) }
  }

  private func patterns(_ paths: [String], _ directory: String) throws -> [(file: ClaimedFile, glob: Glob)] {
    try paths.map { path in
      var path = path
      while path.hasPrefix("./") { path.removeFirst(2) }
      guard let file = claimed(path.isEmpty || path == "." ? directory + "/" : path, from: directory) else {
        throw Failure(
          .usage, "\"\(SessionName.excerpt(path))\" is no path that can be claimed",
          hint: "a file, a directory or a pattern below a checkout: src/api/, src/**/*.swift")
      }
      return (file, try Glob(file.path))
    }
  }

  private static func isFile(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
  }

  private func object(_ claim: Claim, _ meeting: ClaimMeeting? = nil) -> ClaimObject {
    let word: String? =
      switch meeting {
      case .conflict: "conflict"
      case .merge: "merge"
      case nil: nil
      }
    return ClaimObject(claim, name: ownerName(claim.session) ?? claim.session, meeting: word, now: now)
  }

  func ownerName(_ id: String) -> String? {
    sessions[id]?.name ?? (id == Self.person ? "a person" : sessionsFiles.knows(id) ? "a session of sessions.md" : nil)
  }
}

/// What a file will be after a tool of Claude Code's changed it.
enum EditedText {
  /// Nil where that cannot be told.
  static func after(_ old: [UInt8], _ tool: String, _ input: JSON) -> [UInt8]? {
    switch tool {
    case "Write": return input["content"]?.string.map { Array($0.utf8) }
    case "Edit": return replaced(String(decoding: old, as: UTF8.self), [input]).map { Array($0.utf8) }
    case "MultiEdit":
      return replaced(String(decoding: old, as: UTF8.self), input["edits"]?.array ?? []).map { Array($0.utf8) }
    default: return nil
    }
  }

  private static func replaced(_ text: String, _ edits: [JSON]) -> String? {
    var text = text
    for edit in edits {
      guard let from = edit["old_string"]?.string, let to = edit["new_string"]?.string, !from.isEmpty,
        let range = text.firstRange(of: from)
      else { return nil }
      if edit["replace_all"]?.bool == true {
        text = text.replacing(from, with: to)
      } else {
        text.replaceSubrange(range, with: to)
      }
    }
    return text
  }
}
