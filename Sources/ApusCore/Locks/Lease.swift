/// A time-bounded right to a name that only one may have.
///
/// Each grant to another holder carries a larger token, for ever; whoever acts on a lease shows its token, and an
/// older one is refused. So a leftover of an earlier run can neither renew nor release its successor's lease.
package struct Lease: Codable, Equatable, Sendable {
  package var name: String
  /// A run (`a7f3/2`), never a session: the next run is another holder.
  package var holder: String
  package var token: Int64
  package var since: Moment
  /// Nil: held as long as its holder lives.
  package var expires: Moment?

  package init(name: String, holder: String, token: Int64, since: Moment, expires: Moment?) {
    self.name = name
    self.holder = holder
    self.token = token
    self.since = since
    self.expires = expires
  }
}

package enum LeaseRequest: Equatable, Sendable {
  /// `deadHolder` is a holder the asker has proof has ended; a lease of that holder is free.
  case take(holder: String, seconds: Double?, deadHolder: String?)
  case renew(token: Int64, seconds: Double?)
  case release(token: Int64)
}

package enum LeaseDecision: Equatable, Sendable {
  case granted(Lease)
  case refused(by: Lease)
  case released
  /// The token is not that of the present lease: it was released, ran out, or went to another.
  case stale
}

extension Lease {
  /// When it runs out, or that moment where it is later; nil: never.
  func later(than other: Moment?) -> Moment? {
    guard let expires, let other else { return nil }
    return max(expires, other)
  }

  /// The rule. `highest` is the largest token ever granted for the name. Stores call this inside their transaction
  /// and keep what it returns.
  package static func decide(
    _ request: LeaseRequest, name: String, current: Lease?, highest: Int64, now: Moment
  ) -> LeaseDecision {
    let live = current.flatMap { lease in lease.expires.map { $0 > now } ?? true ? lease : nil }
    switch request {
    case .take(let holder, let seconds, let deadHolder):
      if var live, live.holder == holder {
        live.expires = seconds.map { now + $0 }
        return .granted(live)
      }
      if let live, live.holder != deadHolder { return .refused(by: live) }
      return .granted(
        Lease(name: name, holder: holder, token: highest + 1, since: now, expires: seconds.map { now + $0 }))
    case .renew(let token, let seconds):
      guard var live, live.token == token else { return .stale }
      live.expires = seconds.map { now + $0 }
      return .granted(live)
    case .release(let token):
      guard let current, current.token == token else { return .stale }
      return .released
    }
  }
}
