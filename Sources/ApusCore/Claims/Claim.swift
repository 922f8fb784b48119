/// That a session works on a path, or means to: a lease on paths, where overlap decides and not the name.
package struct Claim: Codable, Equatable, Sendable {
  /// How it came about; which says how it ends.
  package enum Source: String, Codable, CaseIterable, Sendable {
    /// A hook told of an edit.
    case edit
    /// A file changed on the disk.
    case disk
    /// Somebody asked for it (`apus claim add`): it stays until it is released or its session ends.
    case asked
    /// It stands in `.claude/sessions.md`.
    case file
  }

  /// Relative to the repository: a pattern (`Glob`) where it was asked for or written in the file, else a path as it is.
  package var path: String
  /// The owner's id.
  package var session: String
  /// The absolute root of the working tree that it is edited in.
  package var checkout: String
  /// Shared claims do not exclude each other.
  package var isShared: Bool
  package var source: Source
  package var since: Moment
  package var lastEdit: Moment
  /// The functions that were touched, as git's hunk headers name them; nil: not known.
  package var functions: [String]?

  package init(
    path: String, session: String, checkout: String, isShared: Bool = false, source: Source, since: Moment,
    lastEdit: Moment, functions: [String]? = nil
  ) {
    self.path = path
    self.session = session
    self.checkout = checkout
    self.isShared = isShared
    self.source = source
    self.since = since
    self.lastEdit = lastEdit
    self.functions = functions
  }

  /// What it covers. A text of the file that is no pattern is taken as a path.
  package var glob: Glob {
    switch source {
    case .edit, .disk: Glob(path: path)
    case .asked, .file: (try? Glob(path)) ?? Glob(path: path)
    }
  }
}

/// How much two sessions get in each other's way in one file.
package enum ClaimOverlap: Equatable, Sendable {
  case sameFunction([String])
  case otherFunctions
  /// What one of them touches is not known.
  case unknown
}

/// A claim of somebody else on what a session is about to touch.
package enum ClaimMeeting: Equatable, Sendable {
  /// In the same checkout, or asked for and not to be had twice anywhere.
  case conflict(Claim, ClaimOverlap)
  /// In another working tree: the two will meet when they are merged.
  case merge(Claim)

  package var claim: Claim {
    switch self {
    case .conflict(let claim, _), .merge(let claim): claim
    }
  }
}

extension Claim {
  /// Whether it is there only because of a change that can be seen on the disk.
  package var lapsesWithItsFile: Bool {
    switch source {
    case .edit, .disk: true
    case .asked, .file: false
    }
  }

  /// Whether it and a pattern have a path in common, where files have nothing below them.
  func meets(_ other: Glob, _ isFile: (String) -> Bool) -> Bool {
    let own = glob
    if let path = other.literal, isFile(path) { return own.matches(path) }
    if let path = own.literal, lapsesWithItsFile || isFile(path) { return other.matches(path) }
    return own.meets(other)
  }
}

extension ClaimMeeting {
  var isMerge: Bool {
    switch self {
    case .conflict: false
    case .merge: true
    }
  }

  var rank: Int {
    switch self {
    case .conflict(_, .sameFunction): 0
    case .conflict(_, .unknown): 1
    case .conflict(_, .otherFunctions): 2
    case .merge: 3
    }
  }
}
