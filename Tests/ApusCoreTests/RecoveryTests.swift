import ApusCore
import Testing

@Suite("what is brought back, and how") struct RecoveryTests {
  private func candidates(_ names: String...) -> [Recovery.Candidate] {
    names.map { Recovery.Candidate(session: $0, obstacle: nil) }
  }

  private func session(_ state: SessionState, interrupted: Bool = false, stopped: Bool = false) -> Session {
    let spec = SpawnSpec(program: "/c", model: nil, permissionMode: "manual", maxTurns: nil, environment: [:])
    var session = Session(id: "a7f3", name: "one", conversationID: "c", directory: "/", spec: spec, createdAt: 0)
    (session.state, session.interrupted, session.stopped) = (state, interrupted, stopped)
    return session
  }

  @Test func `what was lost or cut off is recovered, and what somebody ended is not`() {
    #expect(Recovery.Mishap(session(.lost)) == .lost)
    #expect(Recovery.Mishap(session(.lost, interrupted: true, stopped: true)) == .lost)
    #expect(Recovery.Mishap(session(.ended, interrupted: true)) == .cutOff)
    #expect(Recovery.Mishap(session(.ended, interrupted: true, stopped: true)) == nil)
    #expect(Recovery.Mishap(session(.ended)) == nil)
    for state in [SessionState.queued, .starting, .running, .archived] {
      #expect(Recovery.Mishap(session(state, interrupted: true)) == nil, "\(state)")
    }
  }

  @Test func `where nothing is to be done nothing is done`() {
    var recovery = Recovery([], spacing: 2, highestLoad: 4)
    #expect(recovery.handle(.began, now: 0) == [.finish])
  }

  @Test func `starts are apart, however fast each comes up`() {
    var recovery = Recovery(candidates("a", "b"), spacing: 2, highestLoad: 4)
    #expect(recovery.handle(.began, now: 0) == [.look])
    #expect(recovery.handle(.looked(load: 0), now: 0) == [.start("a")])
    #expect(recovery.handle(.settled(nil), now: 0.5) == [.wait(seconds: 1.5)])
    #expect(recovery.handle(.waited, now: 2) == [.look])
    #expect(recovery.handle(.looked(load: 4), now: 2) == [.start("b")])
    #expect(recovery.handle(.settled(nil), now: 9) == [.finish])
  }

  @Test func `a busy machine is waited for, but not for ever`() {
    var recovery = Recovery(candidates("a", "b"), spacing: 2, highestLoad: 4)
    #expect(recovery.handle(.began, now: 100) == [.look])
    for second in 0..<60 {
      #expect(recovery.handle(.looked(load: 4.1), now: 100 + Double(second)) == [.wait(seconds: 1)])
      #expect(recovery.handle(.waited, now: 101 + Double(second)) == [.look])
    }
    #expect(recovery.handle(.looked(load: 4.1), now: 160) == [.start("a")])
    // The next one has a patience of its own.
    #expect(recovery.handle(.settled(nil), now: 170) == [.look])
    #expect(recovery.handle(.looked(load: 4.1), now: 170) == [.wait(seconds: 1)])
    #expect(recovery.handle(.waited, now: 171) == [.look])
    #expect(recovery.handle(.looked(load: 1), now: 171) == [.start("b")])
  }

  @Test func `who does not care for the load does not wait for it`() {
    var recovery = Recovery(candidates("a"), spacing: 0, highestLoad: 0)
    _ = recovery.handle(.began, now: 0)
    #expect(recovery.handle(.looked(load: 1e6), now: 0) == [.start("a")])
  }

  @Test func `a cause that concerns all stops it, and says which were not started`() {
    for code in ErrorCode.allCases {
      var recovery = Recovery(candidates("a", "b", "c"), spacing: 0, highestLoad: 4)
      _ = recovery.handle(.began, now: 0)
      #expect(recovery.handle(.looked(load: 0), now: 0) == [.start("a")])
      let failure = Failure(code, "why")
      let then = recovery.handle(.settled(failure), now: 0)
      #expect(then == (code.isCommonCause ? [.giveUp(["b", "c"], failure), .finish] : [.look]), "\(code)")
    }
    let common = Set(ErrorCode.allCases.filter(\.isCommonCause))
    #expect(
      common == [
        .agentLogin, .agentLimit, .agentOverloaded, .agentMissing, .agentTooOld, .diskFull, .storeFailed,
        .daemonUnreachable,
      ])
  }

  @Test func `one that cannot be resumed is told and passed over`() {
    let why = Failure(.notResumable, "gone")
    var recovery = Recovery(
      [
        .init(session: "a", obstacle: why), .init(session: "b", obstacle: nil), .init(session: "c", obstacle: why),
      ], spacing: 0, highestLoad: 4)
    #expect(recovery.handle(.began, now: 0) == [.pass("a", why), .look])
    #expect(recovery.handle(.looked(load: 0), now: 0) == [.start("b")])
    #expect(recovery.handle(.settled(Failure(.agentCrashed, "it fell")), now: 0) == [.pass("c", why), .finish])
  }
}
