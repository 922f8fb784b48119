import ApusCore
import ApusTestKit
import Testing

@Suite("leases") struct LeaseTests {
  /// What a store does with the rule: keeps what it returns.
  private struct Kept {
    var current: [String: Lease] = [:]
    var highest: [String: Int64] = [:]

    mutating func ask(_ request: LeaseRequest, _ name: String = "deploy", at now: Moment) -> LeaseDecision {
      let decision = Lease.decide(request, name: name, current: current[name], highest: highest[name] ?? 0, now: now)
      switch decision {
      case .granted(let lease):
        current[name] = lease
        highest[name] = max(highest[name] ?? 0, lease.token)
      case .released: current[name] = nil
      case .refused, .stale: break
      }
      return decision
    }

    mutating func take(_ holder: String, for seconds: Double? = 300, dead: String? = nil, at now: Moment) -> Int64? {
      guard case .granted(let lease) = ask(.take(holder: holder, seconds: seconds, deadHolder: dead), at: now) else {
        return nil
      }
      return lease.token
    }
  }

  @Test func `the first to ask gets it, with all that was asked`() {
    var kept = Kept()
    let decision = kept.ask(.take(holder: "a/1", seconds: 60, deadHolder: nil), at: 100)
    #expect(decision == .granted(Lease(name: "deploy", holder: "a/1", token: 1, since: 100, expires: 160)))
  }

  @Test func `the second is refused and told by whom`() throws {
    var kept = Kept()
    _ = kept.take("a/1", at: 0)
    let held = try #require(kept.current["deploy"])
    #expect(kept.ask(.take(holder: "b/1", seconds: 60, deadHolder: nil), at: 10) == .refused(by: held))
  }

  @Test func `other names are other leases`() {
    var kept = Kept()
    _ = kept.take("a/1", at: 0)
    guard case .granted(let lease) = kept.ask(.take(holder: "b/1", seconds: 1, deadHolder: nil), "docker", at: 0) else {
      Issue.record("refused")
      return
    }
    #expect(lease.token == 1)
  }

  @Test func `a lease ends at the moment it says, not before`() {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    #expect(kept.take("b/1", at: 59.999) == nil)
    #expect(kept.take("b/1", at: 60) == 2)
  }

  @Test func `a lease without an end is held until it is released`() {
    var kept = Kept()
    _ = kept.take("a/1", for: nil, at: 0)
    #expect(kept.take("b/1", at: 1e12) == nil)
    #expect(kept.ask(.release(token: 1), at: 1e12) == .released)
    #expect(kept.take("b/1", at: 1e12) == 2)
  }

  @Test func `a holder that takes again keeps its token, its beginning and gets the new end`() throws {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    #expect(kept.take("a/1", for: 60, at: 50) == 1)
    let lease = try #require(kept.current["deploy"])
    #expect(lease.since == 0 && lease.expires == 110)
  }

  @Test func `a holder whose lease ran out gets a new token`() {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    #expect(kept.take("a/1", for: 60, at: 61) == 2)
  }

  @Test func `the next run of a session is another holder`() {
    var kept = Kept()
    _ = kept.take("a/1", at: 0)
    #expect(kept.take("a/2", at: 1) == nil)
    #expect(kept.take("a/2", dead: "a/1", at: 2) == 2)
  }

  @Test func `a dead holder's lease is free at once, but only for who says which holder is dead`() {
    var kept = Kept()
    _ = kept.take("a/1", for: nil, at: 0)
    #expect(kept.take("b/1", dead: "c/1", at: 1) == nil)
    #expect(kept.take("b/1", dead: "a/1", at: 1) == 2)
    #expect(kept.take("c/1", dead: "a/1", at: 1) == nil)
  }

  @Test func `a renewal moves the end and nothing else`() {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    let renewed = Lease(name: "deploy", holder: "a/1", token: 1, since: 0, expires: 90)
    #expect(kept.ask(.renew(token: 1, seconds: 60), at: 30) == .granted(renewed))
  }

  @Test func `a renewal after the end is too late, also where nobody else came`() {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    #expect(kept.ask(.renew(token: 1, seconds: 60), at: 60) == .stale)
  }

  @Test func `a stale release does not end the successor's lease`() throws {
    var kept = Kept()
    _ = kept.take("a/1", for: 60, at: 0)
    _ = kept.take("b/1", at: 100)
    let successor = try #require(kept.current["deploy"])
    #expect(kept.ask(.release(token: 1), at: 101) == .stale)
    #expect(kept.ask(.renew(token: 1, seconds: 60), at: 101) == .stale)
    #expect(kept.current["deploy"] == successor)
  }

  @Test func `a token from the future opens nothing`() {
    var kept = Kept()
    _ = kept.take("a/1", at: 0)
    #expect(kept.ask(.renew(token: 2, seconds: 60), at: 1) == .stale)
    #expect(kept.ask(.release(token: 2), at: 1) == .stale)
  }

  @Test func `a lease is released once`() {
    var kept = Kept()
    _ = kept.take("a/1", at: 0)
    #expect(kept.ask(.release(token: 1), at: 1) == .released)
    #expect(kept.ask(.release(token: 1), at: 1) == .stale)
    #expect(kept.ask(.renew(token: 1, seconds: 1), at: 1) == .stale)
  }

  @Test func `whatever is asked, tokens grow, one holds, and only who holds may renew or release`() {
    var random = Seeded(41)
    for _ in 0..<400 {
      var kept = Kept()
      // The model, kept by other means: who holds until when, and all tokens that were given away.
      var holder: (name: String, token: Int64, until: Moment?)?
      var given: Set<Int64> = []
      var now: Moment = 0
      for _ in 0..<80 {
        now += Double(random.below(40))
        if let until = holder?.until, until <= now { holder = nil }
        let who = "s\(random.below(3))/\(1 + random.below(2))"
        let seconds: Double? = random.chance(15) ? nil : Double(1 + random.below(90))
        let token = Int64(random.below(given.count + 2))
        switch random.below(4) {
        case 0, 1:
          let dead = random.chance(25) ? "s\(random.below(3))/1" : nil
          let decision = kept.ask(.take(holder: who, seconds: seconds, deadHolder: dead), at: now)
          if let held = holder, held.name != who, held.name != dead {
            guard case .refused(let by) = decision else {
              Issue.record("two hold at once: \(held) and \(who)")
              return
            }
            #expect(by.holder == held.name && by.token == held.token)
            continue
          }
          guard case .granted(let lease) = decision else {
            Issue.record("free, but not granted: \(decision)")
            return
          }
          if let held = holder, held.name == who {
            #expect(lease.token == held.token)
          } else {
            #expect(given.allSatisfy { $0 < lease.token })
            given.insert(lease.token)
          }
          holder = (who, lease.token, seconds.map { now + $0 })
        case 2:
          let decision = kept.ask(.renew(token: token, seconds: seconds), at: now)
          if holder?.token == token {
            guard case .granted(let lease) = decision, lease.token == token else {
              Issue.record("a holder's renewal was refused")
              return
            }
            holder?.until = seconds.map { now + $0 }
          } else {
            #expect(decision == .stale)
          }
        default:
          let decision = kept.ask(.release(token: token), at: now)
          if let held = holder {
            #expect(decision == (held.token == token ? .released : .stale))
            if held.token == token { holder = nil }
          }
        }
      }
    }
  }
}
