import ApusCore
import ApusTestModels
import Testing

/// Rows A1, A2, A4, A5: when a development server is started, ended and let be.
@Suite struct DevStateTests {
  private static func hold(_ reason: Hold.Reason = .turn) -> Hold { Hold(reason, id: "a1", name: "add-auth", since: 0) }

  /// A server that came up, without changes.
  private static func serving(_ rules: DevRules = DevRules(), sharing: Bool = false) -> DevState {
    var state = DevState(rules)
    #expect(state.handle(.begun, now: 0) == [.start(1)])
    _ = state.handle(.healthy(1, sharing: sharing), now: 100)
    #expect(state.health == .healthy && state.pending == 0)
    return state
  }

  @Test func `a change is loaded once it was quiet for the settling time`() {
    var state = Self.serving()
    #expect(state.handle(.changed(1), now: 1_000).isEmpty)
    #expect(state.handle(.changed(2), now: 1_150).isEmpty)
    #expect(state.deadline == 1_350)
    #expect(state.handle(.timePassed, now: 1_349).isEmpty)
    #expect(state.handle(.timePassed, now: 1_350) == [.end(1)])
    #expect(state.handle(.gone(1, status: 143), now: 1_400) == [.start(2)])
    #expect(state.loaded == 3 && state.pending == 0)
    let told = state.handle(.healthy(2, sharing: false), now: 1_500)
    var outcome = DevOutcome(.healthy, change: 3, isReload: true)
    outcome.overdue = []
    #expect(told == [.tell(outcome)])
  }

  @Test func `twenty seconds of edits in a turn are one reload after it`() {
    var state = Self.serving()
    #expect(state.handle(.held([Self.hold()]), now: 1_000).isEmpty)
    for second in 1...20 { #expect(state.handle(.changed(1), now: 1_000 + Int64(second) * 1_000).isEmpty) }
    #expect(state.handle(.timePassed, now: 21_500).isEmpty)
    #expect(state.pending == 20)
    // It was quiet long enough already when the turn ends.
    #expect(state.handle(.held([]), now: 21_500) == [.end(1)])
    #expect(state.handle(.gone(1, status: 0), now: 21_600) == [.start(2)])
    #expect(state.pending == 0)
  }

  @Test func `after the longest hold one reload happens and says who was still at work`() {
    var rules = DevRules()
    rules.maxHold = 5_000
    var state = Self.serving(rules)
    _ = state.handle(.held([Self.hold()]), now: 1_000)
    for step in 0..<50 { _ = state.handle(.changed(1), now: 1_000 + Int64(step) * 100) }
    #expect(state.deadline == 6_000)
    #expect(state.handle(.timePassed, now: 6_000) == [.end(1)])
    _ = state.handle(.gone(1, status: 0), now: 6_010)
    var told = DevOutcome(.healthy, change: 50, isReload: true)
    told.overdue = [Self.hold()]
    #expect(state.handle(.healthy(2, sharing: false), now: 6_020) == [.tell(told)])
    // The next change is held as long again.
    _ = state.handle(.changed(1), now: 7_000)
    #expect(state.deadline == 12_000)
  }

  @Test func `what a person holds is held until it is released`() {
    var state = Self.serving()
    _ = state.handle(.held([Self.hold(.asked)]), now: 0)
    _ = state.handle(.changed(1), now: 1_000)
    #expect(state.deadline == nil)
    #expect(state.handle(.timePassed, now: 1_000_000).isEmpty)
    #expect(state.handle(.held([]), now: 1_000_000) == [.end(1)])
  }

  @Test func `whoever asks for a reload gets it, whatever holds`() {
    var state = Self.serving()
    _ = state.handle(.held([Self.hold(.asked)]), now: 0)
    _ = state.handle(.changed(1), now: 1_000)
    #expect(state.handle(.reloadAsked, now: 1_001) == [.end(1)])
    #expect(state.handle(.gone(1, status: 0), now: 1_002) == [.start(2)])
    #expect(state.pending == 0)
  }

  @Test func `in safe mode changes are counted and loaded when somebody asks`() {
    var rules = DevRules()
    rules.reloads = false
    var state = Self.serving(rules)
    _ = state.handle(.changed(4), now: 1_000)
    #expect(state.deadline == nil && state.pending == 4)
    #expect(state.handle(.reloadAsked, now: 2_000) == [.end(1)])
    _ = state.handle(.gone(1, status: 0), now: 2_001)
    #expect(state.pending == 0)
  }

  @Test func `in safe mode a server that ends passes its exit code on`() {
    var rules = DevRules()
    rules.reloads = false
    var state = Self.serving(rules)
    let actions = state.handle(.gone(1, status: 7), now: 5_000)
    #expect(actions.last == .leave(7) && state.phase == .left(7))
  }

  @Test func `what changes while it starts is loaded by one more reload`() {
    var state = DevState(DevRules())
    _ = state.handle(.begun, now: 0)
    _ = state.handle(.changed(1), now: 10)
    #expect(state.handle(.timePassed, now: 400).isEmpty)
    let actions = state.handle(.healthy(1, sharing: false), now: 500)
    #expect(actions.last == .end(1))
    #expect(state.handle(.gone(1, status: 0), now: 600) == [.start(2)])
    #expect(state.loaded == 1)
  }

  @Test func `a server that does not come up is tried again later and later, and at once when something changes`() {
    var state = Self.serving()
    _ = state.handle(.changed(1), now: 1_000)
    _ = state.handle(.timePassed, now: 1_200)
    _ = state.handle(.gone(1, status: 0), now: 1_300)
    var now: Int64 = 1_300
    var pauses: [Double] = []
    for number in 2...10 {
      guard case .tell(let told)? = state.handle(.gone(number, status: 1), now: now).first else {
        Issue.record("nothing was told")
        return
      }
      #expect(told.kind == .failed && told.status == 1 && state.health == .failed)
      pauses.append(told.retry ?? 0)
      now += Int64((told.retry ?? 0) * 1000)
      #expect(state.handle(.timePassed, now: now) == [.start(number + 1)])
    }
    #expect(pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    _ = state.handle(.gone(11, status: 1), now: now)
    _ = state.handle(.changed(1), now: now + 100)
    #expect(state.handle(.timePassed, now: now + 300) == [.start(12)])
    guard case .tell(let told)? = state.handle(.gone(12, status: 1), now: now + 400).first else { return }
    #expect(told.retry == 0.5)
  }

  @Test func `what failed is not tried again with half of an agent's work`() {
    var state = Self.serving()
    _ = state.handle(.reloadAsked, now: 500)
    _ = state.handle(.gone(1, status: 0), now: 600)
    _ = state.handle(.gone(2, status: 1), now: 700)
    _ = state.handle(.held([Self.hold()]), now: 800)
    _ = state.handle(.changed(1), now: 900)
    #expect(state.handle(.timePassed, now: 1_300).isEmpty)
    #expect(state.handle(.held([]), now: 5_000) == [.start(3)])
  }

  @Test func `a server that ends by itself waits for a change, or is started again where that is wanted`() {
    var state = Self.serving()
    _ = state.handle(.gone(1, status: 0), now: 2_000)
    #expect(state.health == .ended && state.deadline == nil)
    _ = state.handle(.changed(1), now: 3_000)
    #expect(state.handle(.timePassed, now: 3_200) == [.start(2)])
    var rules = DevRules()
    rules.restartsOnExit = true
    var again = Self.serving(rules)
    _ = again.handle(.gone(1, status: 0), now: 2_000)
    #expect(again.deadline == 2_500)
    #expect(again.handle(.timePassed, now: 2_500) == [.start(2)])
  }

  @Test func `the old one serves until the new one is healthy where they can share the port`() {
    var rules = DevRules()
    rules.keepsLastGood = true
    var state = Self.serving(rules, sharing: true)
    _ = state.handle(.changed(1), now: 1_000)
    #expect(state.handle(.timePassed, now: 1_200) == [.start(2)])
    #expect(state.serving == 1 && state.health == .healthy)
    #expect(state.handle(.healthy(2, sharing: true), now: 1_500).first == .end(1))
    #expect(state.serving == 2)
    #expect(state.handle(.gone(1, status: 0), now: 1_600).isEmpty)
  }

  @Test func `a new one that fails leaves the old one serving, and the next change tries again`() {
    var rules = DevRules()
    rules.keepsLastGood = true
    var state = Self.serving(rules, sharing: true)
    _ = state.handle(.changed(1), now: 1_000)
    _ = state.handle(.timePassed, now: 1_200)
    guard case .tell(let told)? = state.handle(.gone(2, status: 1), now: 1_300).first else {
      Issue.record("nothing was told")
      return
    }
    #expect(told.kind == .failed && told.keepsLast && told.change == 1)
    #expect(state.serving == 1 && state.health == .healthy)
    _ = state.handle(.changed(1), now: 2_000)
    #expect(state.handle(.timePassed, now: 2_200) == [.start(3)])
  }

  @Test func `where the port cannot be shared the old one ends first`() {
    var rules = DevRules()
    rules.keepsLastGood = true
    var state = Self.serving(rules, sharing: false)
    _ = state.handle(.changed(1), now: 1_000)
    #expect(state.handle(.timePassed, now: 1_200) == [.end(1)])
  }

  @Test func `one that is not healthy in its time is said to be late, and may still become it`() {
    var state = DevState(DevRules())
    _ = state.handle(.begun, now: 0)
    #expect(state.deadline == 30_000)
    #expect(state.handle(.timePassed, now: 30_000).first == .tell(DevOutcome(.late, change: 0, isReload: false)))
    #expect(state.health == .late)
    _ = state.handle(.healthy(1, sharing: false), now: 40_000)
    #expect(state.health == .healthy)
  }

  @Test func `an end is waited for until nothing lives`() {
    var rules = DevRules()
    rules.keepsLastGood = true
    var state = Self.serving(rules, sharing: true)
    _ = state.handle(.reloadAsked, now: 1_000)
    #expect(state.handle(.stopAsked(status: 130), now: 1_100) == [.end(1), .end(2)])
    #expect(state.handle(.gone(2, status: 1), now: 1_200).isEmpty)
    #expect(state.handle(.gone(1, status: 0), now: 1_300) == [.leave(130)])
    #expect(state.handle(.changed(1), now: 1_400).isEmpty && state.deadline == nil)
  }

  @Test func `a file that changes after every start is named once, and one that a person saves is not`() {
    var echoes = DevEchoes()
    var now: Int64 = 0
    var named: [[String]] = []
    for round in 0..<6 {
      named.append(echoes.started(now: now))
      echoes.changed(["db"], now: now + 100)
      if round % 2 == 0 { echoes.changed(["main.py"], now: now + 200) }
      echoes.changed(["late.py"], now: now + 5_000)
      now += 10_000
    }
    #expect(named == [[], [], [], ["db"], [], []])
  }

  @Test func `in ten thousand random schedules no reload is inside a hold and no change is lost`() {
    var trials = DevTrials(seed: 0x5EED)
    trials.run(10_000)
    #expect(trials.violations.isEmpty, "\(trials.violations.prefix(5))")
    #expect(trials.schedules == 10_000 && trials.reloads > 10_000 && trials.held > 50_000)
  }
}
