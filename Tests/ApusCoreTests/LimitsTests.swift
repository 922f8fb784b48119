import ApusCore
import ApusTestKit
import Testing

@Suite("limits and the queue") struct LimitsTests {
  private func limits(_ change: (inout Limits) -> Void) -> Limits {
    var limits = Limits()
    change(&limits)
    return limits
  }

  private func run(_ session: String, _ change: (inout Limits.RunView) -> Void = { _ in }) -> Limits.RunView {
    var view = Limits.RunView(session: session)
    change(&view)
    return view
  }

  private static let megabyte = 1 << 20

  @Test func `settings of zero are no limits, and decimals count`() throws {
    func limits(_ text: String) throws -> Limits {
      try Limits(
        Settings(
          environment: [:], dotenv: nil, dotenvPath: "", repository: nil,
          person: .init(path: "/p", bytes: Array(text.utf8))))
    }
    #expect(try limits("{}") == Limits())
    let some = try limits(
      #"{"maxSessions": 2.9, "maxRunMemoryMB": 0.5, "maxTotalMemoryMB": 3, "idleMinutes": 0.1, "stalledMinutes": 2}"#)
    #expect(some.sessions == 2 && some.runMemory == 524_288 && some.totalMemory == 3 << 20)
    #expect(some.idleSeconds == 6 && some.stalledSeconds == 120)
    #expect(try limits(#"{"maxSessions": 0.5}"#).sessions == 1)
    #expect(throws: Failure.self) { try limits(#"{"maxSessions": "many"}"#) }
  }

  @Test func `without a limit everything starts`() {
    let decisions = Limits().decide(runs: [run("a"), run("b")], queue: ["c", "d"], now: 1e9)
    #expect(decisions == [.start("c"), .start("d")])
  }

  @Test func `what finds no place waits, each in its place and with the reason`() {
    let two = limits { $0.sessions = 2 }
    #expect(
      two.decide(runs: [run("a")], queue: ["b", "c", "d"], now: 0) == [
        .start("b"), .wait("c", place: 1, reason: "2 of 2 sessions run"),
        .wait("d", place: 2, reason: "2 of 2 sessions run"),
      ])
    // More than are allowed, since the limit was lowered: none is ended for that.
    #expect(
      two.decide(runs: [run("a"), run("b"), run("c")], queue: ["d"], now: 0) == [
        .wait("d", place: 1, reason: "3 of 2 sessions run")
      ])
  }

  @Test func `above the memory for all nothing more starts, and below it one after another`() {
    let some = limits { $0.totalMemory = 100 * Self.megabyte }
    let full = [run("a") { $0.memory = 60 * Self.megabyte }, run("b") { $0.memory = 40 * Self.megabyte }]
    #expect(
      some.decide(runs: full, queue: ["c"], now: 0) == [
        .wait("c", place: 1, reason: "100 of 100 MB of memory are taken")
      ])
    let waiting = "another session is just being started"
    #expect(
      some.decide(runs: [full[0]], queue: ["c", "d"], now: 0) == [
        .start("c"), .wait("d", place: 1, reason: waiting),
      ])
    let starting = [full[0], run("c") { $0.isStarting = true }]
    #expect(some.decide(runs: starting, queue: ["d"], now: 0) == [.wait("d", place: 1, reason: waiting)])
    // A limit that no session fits below still lets one run.
    #expect(limits { $0.totalMemory = 1 }.decide(runs: [], queue: ["a"], now: 0) == [.start("a")])
  }

  @Test func `a run is ended for its memory only when it took too much twice`() {
    let some = limits { $0.runMemory = 10 * Self.megabyte }
    let much = 11 * Self.megabyte
    func decide(_ now: Int?, _ before: Int?) -> [Limits.Decision] {
      let run = run("a") {
        $0.memory = now
        $0.memoryBefore = before
      }
      return some.decide(runs: [run], queue: [], now: 0)
    }
    #expect(decide(much, much) == [.end("a", .memory(bytes: much, limit: 10 * Self.megabyte))])
    #expect(decide(much, nil).isEmpty && decide(nil, much).isEmpty)
    #expect(decide(much, 10 * Self.megabyte).isEmpty && decide(10 * Self.megabyte, much).isEmpty)
  }

  @Test func `only what idles is ended for idling, and not where somebody counts on it`() {
    let some = limits { $0.idleSeconds = 60 }
    let idle = run("a") {
      $0.activity = .idle
      $0.since = 100
    }
    func decide(_ now: Moment, _ change: (inout Limits.RunView) -> Void = { _ in }) -> [Limits.Decision] {
      var run = idle
      change(&run)
      return some.decide(runs: [run], queue: [], now: now)
    }
    #expect(decide(160) == [.end("a", .idle(seconds: 60, limit: 60))])
    #expect(decide(159).isEmpty)
    #expect(decide(1e9) { $0.persists = true }.isEmpty)
    #expect(decide(1e9) { $0.hasViewers = true }.isEmpty)
    #expect(decide(1e9) { $0.hasOpen = true }.isEmpty)
    #expect(decide(1e9) { $0.isStopping = true }.isEmpty)
    for activity in [Activity.working, .needsYou, .unknown] {
      #expect(decide(1e9) { $0.activity = activity }.isEmpty, "\(activity)")
    }
  }

  @Test func `silence at work is told and never ended`() {
    let some = limits { $0.stalledSeconds = 60 }
    func decide(_ activity: Activity, _ now: Moment, isStarting: Bool = false) -> [Limits.Decision] {
      let run = run("a") {
        $0.activity = activity
        $0.isStarting = isStarting
      }
      return some.decide(runs: [run], queue: [], now: now)
    }
    #expect(decide(.working, 60) == [.stalled("a", seconds: 60)])
    #expect(decide(.working, 59).isEmpty && decide(.working, 60, isStarting: true).isEmpty)
    for activity in [Activity.idle, .needsYou, .unknown] { #expect(decide(activity, 1e9).isEmpty) }
  }

  @Test func `nothing has to be looked at where nothing is limited`() {
    #expect(Limits().interval(queueIsEmpty: false) == nil)
    #expect(limits { $0.sessions = 3 }.interval(queueIsEmpty: false) == nil)
    #expect(limits { $0.totalMemory = 3 }.interval(queueIsEmpty: true) == nil)
    #expect(limits { $0.totalMemory = 3 }.interval(queueIsEmpty: false) == 10)
    #expect(limits { $0.runMemory = 3 }.interval(queueIsEmpty: true) == 10)
    #expect(limits { $0.idleSeconds = 3600 }.interval(queueIsEmpty: true) == 10)
    #expect(limits { $0.stalledSeconds = 3 }.interval(queueIsEmpty: true) == 1.5)
    #expect(limits { $0.idleSeconds = 0.001 }.interval(queueIsEmpty: true) == 0.2)
  }

  @Test func `places have their ordinals`() {
    #expect(
      [1, 2, 3, 4, 11, 12, 13, 21, 22, 101, 111].map(Ordinal.text) == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "101st", "111th",
      ])
  }

  /// A machine on which sessions come, run, take memory, rest and end at random, and every decision is carried out.
  private struct Machine {
    var limits: Limits
    var runs: [Limits.RunView] = []
    var queue: [String] = []
    var arrived: [String] = []
    var started: [String] = []
    var now: Moment = 0

    mutating func step(_ dice: inout Seeded) {
      now += Double(dice.below(30))
      if dice.chance(40) {
        arrived.append("s\(arrived.count)")
        queue.append(arrived[arrived.count - 1])
      }
      for index in runs.indices {
        runs[index].isStarting = runs[index].isStarting && dice.chance(50)
        runs[index].memoryBefore = runs[index].memory
        runs[index].memory = dice.below(100)
        if dice.chance(40) {
          runs[index].activity = dice.pick([.idle, .working, .needsYou, .unknown])
          runs[index].since = now
          runs[index].hasOpen = dice.chance(20)
          runs[index].hasViewers = dice.chance(20)
        }
      }
      if dice.chance(25), !runs.isEmpty { runs.remove(at: dice.below(runs.count)) }
    }

    mutating func perform(_ dice: inout Seeded) {
      let before = runs
      for decision in limits.decide(runs: runs, queue: queue, now: now) {
        switch decision {
        case .start(let id):
          #expect(queue.first == id)
          queue.removeFirst()
          started.append(id)
          var run = Limits.RunView(session: id)
          (run.isStarting, run.since, run.persists) = (true, now, dice.chance(30))
          runs.append(run)
          #expect(runs.count <= limits.sessions ?? .max)
          let taken = before.reduce(0) { $0 + ($1.memory ?? 0) }
          if let total = limits.totalMemory { #expect(before.isEmpty || taken < total) }
        case .wait(let id, let place, _): #expect(queue[place - 1] == id)
        case .end(let id, let excess):
          let run = runs.first { $0.session == id }
          switch excess {
          case .memory(let bytes, let limit): #expect(bytes > limit && run?.memoryBefore ?? 0 > limit)
          case .idle:
            #expect(run?.activity == .idle && run?.persists == false && run?.hasOpen == false)
            #expect(run?.hasViewers == false && now - (run?.since ?? now) >= limits.idleSeconds ?? .infinity)
          }
          runs.removeAll { $0.session == id }
        case .stalled(let id, _):
          #expect(runs.first { $0.session == id }?.activity == .working)
          for index in runs.indices where runs[index].session == id { runs[index].activity = .needsYou }
        }
      }
    }
  }

  @Test(arguments: 1...40)
  func `never more than may run at once, first come first served, and nobody starves`(seed: Int) {
    var dice = Seeded(UInt64(seed))
    var machine = Machine(
      limits: limits {
        if dice.chance(70) { $0.sessions = 1 + dice.below(4) }
        if dice.chance(50) { $0.totalMemory = 50 + dice.below(200) }
        if dice.chance(50) { $0.runMemory = 30 + dice.below(60) }
        if dice.chance(50) { $0.idleSeconds = Double(20 + dice.below(100)) }
        if dice.chance(50) { $0.stalledSeconds = Double(20 + dice.below(100)) }
      })
    for _ in 0..<300 {
      machine.step(&dice)
      machine.perform(&dice)
    }
    // Nobody comes any more, and whatever runs ends at some time.
    var rounds = 0
    while !machine.queue.isEmpty, rounds < 10_000 {
      rounds += 1
      if !machine.runs.isEmpty { machine.runs.removeFirst() }
      machine.perform(&dice)
    }
    #expect(machine.started == machine.arrived)
  }
}
