import ApusCore
import ApusTestKit

/// Random schedules of edits, turns, servers that come up, fail or hang, and people who ask: what `DevState` does in them
/// is held against the two promises of a hold, written down another way.
package struct DevTrials {
  package private(set) var violations: [String] = []
  package private(set) var schedules = 0
  package private(set) var reloads = 0
  package private(set) var held = 0
  private var random: Seeded

  package init(seed: UInt64) { random = Seeded(seed) }

  package mutating func run(_ count: Int) {
    for _ in 0..<count {
      schedules += 1
      var schedule = DevSchedule(&random)
      schedule.run(&random)
      violations += schedule.violations.map { "schedule \(schedules): \($0)" }
      reloads += schedule.reloads
      held += schedule.heldSteps
      if violations.count > 20 { return }
    }
  }
}

/// One schedule: a state, and the little of the world it needs.
private struct DevSchedule {
  var violations: [String] = []
  var reloads = 0
  var heldSteps = 0
  private let rules: DevRules
  private var state: DevState
  private var now: Int64 = 1_000
  private var holds: [Hold] = []
  /// When the oldest change that no start has came; nil: there is none.
  private var oldest: Int64?
  private var changes = 0
  /// What the newest start has.
  private var has = 0
  /// Processes that live, and what becomes of each when.
  private var processes: [Int: (at: Int64, fate: Fate)] = [:]
  private var isAsked = false
  /// Up to which change the last start that did not replace the one before it had.
  private var refused = -1

  private enum Fate { case healthy, fails, hangs, serves, ends }

  init(_ random: inout Seeded) {
    var rules = DevRules()
    rules.settle = Int64(random.below(400))
    rules.maxHold = Int64(500 + random.below(5_000))
    rules.startLimit = 3_000
    rules.keepsLastGood = random.below(2) == 0
    rules.restartsOnExit = random.below(3) == 0
    self.rules = rules
    state = DevState(rules)
  }

  mutating func run(_ random: inout Seeded) {
    give(.begun, &random)
    for _ in 0..<(20 + random.below(60)) {
      pass(Int64(random.below(300)), &random)
      switch random.below(10) {
      case 0...4: edit(1 + random.below(3), &random)
      case 5...6: beginHold(&random)
      case 7...8: endHold(&random)
      default: if random.below(4) == 0 { ask(&random) }
      }
      if !holds.isEmpty { heldSteps += 1 }
    }
    // All is quiet in the end: whatever changed is loaded, once.
    holds = []
    give(.held([]), &random)
    pass(200_000, &random)
    switch state.phase {
    case .serving(let process), .starting(let process), .replacing(_, let process):
      // What did not come up was said, and the one before it serves.
      if process.change != changes, refused != changes {
        violations.append("\(changes - process.change) changes were lost")
      }
    case .down(_, let retryAt):
      // What ended by itself waits for the next change; all there were it had.
      if retryAt == nil, has != changes { violations.append("\(changes - has) changes wait for nothing") }
    case .idle, .ending, .leaving, .left: violations.append("it ends as \(state.phase)")
    }
    if state.change != changes { violations.append("it counted \(state.change) of \(changes) changes") }
  }

  private mutating func edit(_ count: Int, _ random: inout Seeded) {
    if oldest == nil { oldest = now }
    changes += count
    give(.changed(count), &random)
  }

  private mutating func beginHold(_ random: inout Seeded) {
    let reason: Hold.Reason = [.turn, .turn, .edit, .vcs, .asked][random.below(5)]
    holds.append(Hold(reason, id: String(random.below(4)), name: "n", since: 0))
    give(.held(holds), &random)
  }

  private mutating func endHold(_ random: inout Seeded) {
    if holds.isEmpty { return }
    holds.remove(at: random.below(holds.count))
    give(.held(holds), &random)
  }

  private mutating func ask(_ random: inout Seeded) {
    isAsked = true
    give(.reloadAsked, &random)
  }

  /// Time passes; what is due meanwhile happens when it is.
  private mutating func pass(_ milliseconds: Int64, _ random: inout Seeded) {
    let until = now + milliseconds
    while true {
      let fate = processes.min { ($0.value.at, $0.key) < ($1.value.at, $1.key) }
      let next = min(state.deadline ?? .max, fate?.value.at ?? .max)
      guard next <= until else { break }
      now = max(now, next)
      if let fate, fate.value.at == next {
        become(fate.key, fate.value.fate, &random)
      } else {
        give(.timePassed, &random)
        if let again = state.deadline, again <= now { return violations.append("its deadline \(again) is not served") }
      }
    }
    now = until
  }

  private mutating func become(_ number: Int, _ fate: Fate, _ random: inout Seeded) {
    switch fate {
    case .healthy:
      let lives = random.below(8) == 0
      processes[number] = (lives ? now + Int64(random.below(5_000)) : .max, .ends)
      give(.healthy(number, sharing: random.below(2) == 0), &random)
    case .fails, .ends:
      processes[number] = nil
      give(.gone(number, status: fate == .fails ? 1 : 0), &random)
    case .hangs, .serves: processes[number]?.at = .max
    }
  }

  private mutating func give(_ event: DevState.Event, _ random: inout Seeded) {
    let before = state.phase
    let actions = state.handle(event, now: now)
    for action in actions {
      switch action {
      case .start(let number):
        check(event, before)
        reloads += number > 1 ? 1 : 0
        (oldest, isAsked, has) = (nil, false, changes)
        let fates: [Fate] = [.healthy, .healthy, .healthy, .healthy, .fails, .hangs]
        // Once all is quiet every server comes up: only then is nothing lost.
        let fate = now > 100_000 ? .healthy : fates[random.below(fates.count)]
        processes[number] = (now + 1 + Int64(random.below(800)), fate)
      case .end(let number):
        if case .healthy = event {} else { check(event, before) }
        guard processes[number] != nil else { return violations.append("it ends \(number), which does not live") }
        processes[number] = (now + Int64(random.below(300)), .ends)
      case .tell(let outcome): if outcome.keepsLast { refused = outcome.change }
      case .leave: break
      }
    }
  }

  /// A reload is begun: nobody may be at work, unless somebody asked or it was held as long as it may be.
  private mutating func check(_ event: DevState.Event, _ before: DevState.Phase) {
    switch before {
    case .serving, .down: break
    case .idle, .starting, .replacing, .ending, .leaving, .left: return
    }
    guard !holds.isEmpty, !isAsked, let oldest else { return }
    if now < oldest + rules.maxHold || holds.contains(where: { $0.reason == .asked }) {
      violations.append("a reload inside a hold, by \(event) at \(now)")
    }
  }
}
