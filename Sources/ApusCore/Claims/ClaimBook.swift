/// The claims of one repository, in all its checkouts, and the rules by which they come and go.
///
/// A value: whoever owns it keeps what the rules return. Each rule answers what it changed, so that it can be told.
package struct ClaimBook: Sendable {
  private struct Key: Hashable {
    var session: String
    var checkout: String
    var glob: Glob
  }

  private var entries: [Int: Claim] = [:]
  private var ids: [Key: Int] = [:]
  private var index = ClaimIndex()
  private var next = 0

  package init(_ claims: [Claim] = []) {
    for claim in claims { keep(claim) }
  }

  /// All, the oldest first.
  package var claims: [Claim] { ordered(entries.keys) }

  package var count: Int { entries.count }

  // MARK: coming

  /// A session edits a path, or is about to: adds the claim or renews it. What was asked for stays asked for.
  ///
  /// `functions` is what this edit touches; nil where that is not known, and from then on it is not known of the claim
  /// either, until `know` says. A claim below one that the session shares is shared as well.
  @discardableResult
  package mutating func touch(
    _ path: String, by session: String, checkout: String, source: Claim.Source, functions: [String]? = nil,
    now: Moment
  ) -> Claim {
    let glob = Glob(path: path)
    if let id = ids[Key(session: session, checkout: checkout, glob: glob)], var claim = entries[id] {
      claim.functions = Self.merged(claim, functions)
      claim.lastEdit = max(claim.lastEdit, now)
      // A hook's word is worth more than a look at the disk; what is in the file of others is now seen by ourselves.
      if claim.source != .asked, claim.source != .edit { claim.source = source }
      entries[id] = claim
      return claim
    }
    let isShared = isShared(glob, session, checkout)
    let claim = Claim(
      path: glob.literal ?? path, session: session, checkout: checkout, isShared: isShared, source: source, since: now,
      lastEdit: now, functions: functions)
    keep(claim)
    return claim
  }

  /// What a diff shows of a path: the functions touched since the last commit.
  package mutating func know(_ functions: [String]?, of path: String, by session: String, checkout: String) {
    guard let id = ids[Key(session: session, checkout: checkout, glob: Glob(path: path))] else { return }
    entries[id]?.functions = functions
  }

  /// Somebody asks for paths: all of them or none. Refused where a result is a conflict: a claim of another session in
  /// the same checkout, or one that was asked for anywhere; unless both are shared. Merges are warnings only.
  ///
  /// `isFile` tells which paths are files: what may be a directory meets every pattern that might match below it.
  package mutating func add(
    _ paths: [String], by session: String, checkout: String, isShared: Bool = false, now: Moment,
    isFile: (String) -> Bool = { _ in false }
  ) throws(Failure) -> [ClaimMeeting] {
    var globs: [Glob] = []
    for path in paths { globs.append(try Glob(path)) }
    var meetings: [ClaimMeeting] = []
    var seen: Set<Int> = []
    for glob in globs {
      for id in index.meeting(glob) {
        guard let claim = entries[id], claim.session != session, !(isShared && claim.isShared),
          claim.meets(glob, isFile), seen.insert(id).inserted
        else { continue }
        let excludes = claim.checkout == checkout || claim.source == .asked
        meetings.append(excludes ? .conflict(claim, .unknown) : .merge(claim))
      }
    }
    meetings.sort(by: Self.comesFirst)
    guard meetings.allSatisfy({ $0.isMerge }) else { return meetings }
    for glob in globs {
      if let id = ids[Key(session: session, checkout: checkout, glob: glob)] {
        entries[id]?.path = glob.text
        entries[id]?.source = .asked
        entries[id]?.isShared = isShared
      } else {
        keep(
          Claim(
            path: glob.text, session: session, checkout: checkout, isShared: isShared, source: .asked, since: now,
            lastEdit: now))
      }
    }
    return meetings
  }

  /// A claim as another book, or a file, has it: takes the place of the session's own on the same paths.
  package mutating func keep(_ claim: Claim) {
    let glob = claim.glob
    let key = Key(session: claim.session, checkout: claim.checkout, glob: glob)
    if let id = ids[key] {
      entries[id] = claim
    } else {
      entries[next] = claim
      ids[key] = next
      index.insert(next, glob)
      next += 1
    }
  }

  // MARK: going

  /// The session gives up paths, and what it has below them; nil: all.
  @discardableResult
  package mutating func release(_ paths: [String]?, by session: String) -> [Claim] {
    let globs = paths.map { $0.map { (try? Glob($0)) ?? Glob(path: $0) } }
    return drop { claim in
      guard claim.session == session else { return false }
      guard let globs else { return true }
      let own = claim.glob
      return globs.contains { glob in glob == own || own.literal.map { glob.matches($0) } ?? false }
    }
  }

  @discardableResult
  package mutating func sessionEnded(_ session: String) -> [Claim] { release(nil, by: session) }

  /// Files were committed in a checkout: what was edited there is no longer in work.
  @discardableResult
  package mutating func committed(_ paths: [String], in checkout: String) -> [Claim] {
    let paths = Set(paths)
    return drop { $0.lapsesWithItsFile && $0.checkout == checkout && paths.contains($0.path) }
  }

  /// Only these paths of a checkout differ from its commit (a directory stands for all in it), as seen by a look that
  /// began at `began`. What was touched after that may not be on the disk yet, and stays.
  @discardableResult
  package mutating func clean(_ checkout: String, dirty: [String], began: Moment) -> [Claim] {
    let dirty = Set(dirty.map { Glob(path: $0).literal ?? $0 })
    return drop { claim in
      claim.lapsesWithItsFile && claim.checkout == checkout && claim.lastEdit < began && !dirty.contains(claim.path)
        && !ClaimIndex.directories(above: claim.path).contains(where: dirty.contains)
    }
  }

  /// What was not asked for lapses without edits; what stands in the file of others goes by that file's rules.
  @discardableResult
  package mutating func expire(now: Moment, after seconds: Double) -> [Claim] {
    drop { $0.lapsesWithItsFile && $0.lastEdit + seconds <= now }
  }

  private mutating func drop(where condition: (Claim) -> Bool) -> [Claim] {
    let gone = entries.filter { condition($0.value) }.keys
    let claims = ordered(gone)
    for id in gone {
      guard let claim = entries.removeValue(forKey: id) else { continue }
      ids[Key(session: claim.session, checkout: claim.checkout, glob: claim.glob)] = nil
      index.remove(id)
    }
    return claims
  }

  // MARK: asking

  /// What others have of a file that a session is about to edit; the worst first. No session: what anybody has.
  package func check(
    _ file: String, by session: String?, checkout: String, functions: [String]? = nil
  ) -> [ClaimMeeting] {
    let glob = Glob(path: file)
    return check(glob, by: session, checkout: checkout, functions: functions) { $0 == glob.literal }
  }

  /// The same of paths that need not be files.
  package func check(
    _ glob: Glob, by session: String?, checkout: String, functions: [String]? = nil,
    isFile: (String) -> Bool = { _ in false }
  ) -> [ClaimMeeting] {
    let isShared = session.map { self.isShared(glob, $0, checkout) } ?? false
    return index.meeting(glob).compactMap { id -> ClaimMeeting? in
      guard let claim = entries[id], claim.session != session, !(isShared && claim.isShared),
        claim.meets(glob, isFile)
      else { return nil }
      guard claim.checkout == checkout else { return .merge(claim) }
      return .conflict(claim, Self.overlap(claim, glob, functions))
    }.sorted(by: Self.comesFirst)
  }

  /// Whether the session has the paths as one of several, and not for itself.
  private func isShared(_ glob: Glob, _ session: String, _ checkout: String) -> Bool {
    guard let path = glob.literal else { return false }
    let own = index.meeting(glob).compactMap { entries[$0] }.filter {
      $0.session == session && $0.checkout == checkout && $0.source == .asked && $0.glob.matches(path)
    }
    return !own.isEmpty && own.allSatisfy(\.isShared)
  }

  private static func overlap(_ claim: Claim, _ glob: Glob, _ functions: [String]?) -> ClaimOverlap {
    // Functions belong to one file; of a directory or a pattern nothing is known.
    guard let functions, let others = claim.functions, claim.glob.literal == glob.literal else { return .unknown }
    let both = Set(functions).intersection(others)
    return both.isEmpty ? .otherFunctions : .sameFunction(both.sorted())
  }

  private static func merged(_ claim: Claim, _ functions: [String]?) -> [String]? {
    guard let functions, let known = claim.functions else {
      // Nothing was edited yet under a claim that was only asked for.
      return claim.source == .asked && claim.lastEdit == claim.since ? functions : nil
    }
    return Set(known).union(functions).sorted()
  }

  private func ordered(_ ids: some Sequence<Int>) -> [Claim] {
    ids.sorted().compactMap { id in entries[id].map { (id, $0) } }
      .sorted { ($0.1.since, $0.0) < ($1.1.since, $1.0) }.map(\.1)
  }

  private static func comesFirst(_ one: ClaimMeeting, _ two: ClaimMeeting) -> Bool {
    (one.rank, one.claim.since, one.claim.path, one.claim.session)
      < (two.rank, two.claim.since, two.claim.path, two.claim.session)
  }
}

extension ClaimBook: Equatable {
  package static func == (one: ClaimBook, two: ClaimBook) -> Bool { one.claims == two.claims }
}
