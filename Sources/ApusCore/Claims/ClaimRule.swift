/// What a session is answered before it edits what another has.
package enum ClaimAnswer: Equatable, Sendable {
  case allow
  /// It may; this is what it should know.
  case warn(String)
  /// It must not; the reason, and what to do.
  case deny(String)
}

package enum ClaimRule {
  private static let mostTold = 3

  /// The rule: the same function in one checkout is refused; anything else in one checkout is a warning, and refused
  /// where the repository is `strict`; another working tree is a warning that the two will have to be merged.
  ///
  /// `names` is the name of a session by its id; nil where it has none.
  package static func decide(
    _ meetings: [ClaimMeeting], strict: Bool, now: Moment, names: (String) -> String?
  ) -> ClaimAnswer {
    var denied: [String] = []
    var warned: [String] = []
    for meeting in meetings {
      switch meeting {
      case .conflict(let claim, let overlap):
        let text = told(claim, overlap, now, names)
        if strict || overlap.isSameFunction {
          denied.append(text + ".")
        } else {
          warned.append(text + ": read the file again before you edit, and leave alone what is theirs.")
        }
      case .merge(let claim):
        warned.append(
          "\(holder(claim, names)) is changing \(path(claim)) in another worktree (\(age(claim, now))):"
            + " keep your change small, it will have to be merged with theirs.")
      }
    }
    if let first = denied.first {
      let ask = meetings.first.map { " `apus tell \($0.claim.session) …` asks them." } ?? ""
      let reason = denied.count == 1 ? first : shortened(denied)
      return .deny(reason + " Not edited: work on something else until it is committed or released." + ask)
    }
    return warned.isEmpty ? .allow : .warn(shortened(warned))
  }

  private static func told(
    _ claim: Claim, _ overlap: ClaimOverlap, _ now: Moment, _ names: (String) -> String?
  ) -> String {
    let what = "\(holder(claim, names)) \(claim.source == .asked ? "has claimed" : "is editing") \(path(claim))"
    return switch overlap {
    case .sameFunction(let functions): "\(what), the same function (\(list(functions))), \(age(claim, now))"
    case .otherFunctions: "\(what), other functions (\(list(claim.functions ?? []))), \(age(claim, now))"
    case .unknown: "\(what), \(age(claim, now))"
    }
  }

  private static func age(_ claim: Claim, _ now: Moment) -> String {
    let since = "for " + MomentText.age(now - claim.since)
    return claim.lastEdit > claim.since ? since + ", last " + MomentText.age(now - claim.lastEdit) + " ago" : since
  }

  private static func holder(_ claim: Claim, _ names: (String) -> String?) -> String {
    names(claim.session).map { "\(printable($0)) (\(claim.session))" } ?? claim.session
  }

  private static func path(_ claim: Claim) -> String { printable(claim.path) }

  /// Names in code are others' text: quoted, and not at length.
  private static func list(_ functions: [String]) -> String {
    guard !functions.isEmpty else { return "none" }
    let shown = functions.prefix(mostTold).map { "\"\(printable($0))\"" }.joined(separator: ", ")
    return functions.count > mostTold ? shown + " and \(functions.count - mostTold) more" : shown
  }

  private static func shortened(_ texts: [String]) -> String {
    let more = texts.count > mostTold ? ["\(texts.count - mostTold) more claims: `apus claim list` shows them."] : []
    return (texts.prefix(mostTold) + more).joined(separator: "\n")
  }

  private static func printable(_ text: String) -> String { SessionName.excerpt(text, of: 120) }
}

extension ClaimOverlap {
  fileprivate var isSameFunction: Bool {
    switch self {
    case .sameFunction: true
    case .otherFunctions, .unknown: false
    }
  }
}
