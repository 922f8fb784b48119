import ApusCore
import ApusTestKit
import Testing

/// The rule with a lock of its own: first come, first served.
private struct Watched {
  var state = DeployState(seed: "s")
  var now: Moment = 100
  /// Tickets, the first of which has the lock.
  var line: [String] = []
  var owners: [String: String] = [:]
  var heard: [String] = []
  var looks = 0

  var fixer: String? { state.fixer }

  mutating func join(
    _ id: String, session: Bool = true, attended: Bool = true, stays: Bool = false, for seconds: Double = 100
  ) {
    happen(
      .joined(
        DeployWatcher(id: id, isSession: session, isAttended: attended, stays: stays, deadline: now + seconds)))
  }

  mutating func read(_ state: DeployReading.State, _ identity: String, began: Moment? = nil) {
    happen(.read(DeployReading(state: state, identity: identity, text: "\(identity) is \(state)"), began: began ?? now))
  }

  /// Gives the lock back, or loses it, as its own book would.
  mutating func free() {
    guard !line.isEmpty else { return }
    let ticket = line.removeFirst()
    happen(.lost(ticket: ticket))
    serve()
  }

  mutating func end(_ id: String) {
    let had = state.watcher(id)?.ticket
    happen(.ended(id))
    if let had { drop(had) }
  }

  mutating func happen(_ event: DeployEvent) {
    now += 1
    perform(state.handle(event, now: now))
  }

  private mutating func perform(_ actions: [DeployAction]) {
    for action in actions {
      switch action {
      case .ask(let ticket, let watcher, let note):
        owners[ticket] = watcher
        line.append(ticket)
        heard.append("note \(watcher): \(note)")
        if line.count == 1 { happen(.took(ticket: ticket, waited: false)) }
      case .leave(let ticket): drop(ticket)
      case .note(_, let text): heard.append("note: \(text)")
      case .settle: happen(.settled)
      case .look: looks += 1
      case .answer(let id, let word): heard.append("\(id) answered \(Self.text(word))")
      case .say(let id, let word): heard.append("\(id) hears \(Self.text(word))")
      case .tell(let id, let word, let wakes): heard.append("\(id) \(wakes ? "woken" : "told") \(Self.text(word))")
      }
    }
  }

  private mutating func drop(_ ticket: String) {
    let had = line.first == ticket
    line.removeAll { $0 == ticket }
    if had { serve() }
  }

  private mutating func serve() {
    if let next = line.first { happen(.took(ticket: next, waited: true)) }
  }

  static func text(_ word: DeployWord) -> String {
    switch word {
    case .ready: "ready"
    case .job: "job"
    case .failed(let fixer): "failed \(fixer ?? "nobody")"
    case .building: "building"
    case .unknown: "unknown"
    case .awaited: "awaited"
    case .timedOut: "late"
    }
  }

  mutating func takeHeard() -> [String] {
    defer { heard = [] }
    return heard.filter { !$0.hasPrefix("note") }
  }
}

@Suite("who fixes a deployment") struct DeployStateTests {
  @Test func `of those who watch, the first has the job, and the others hear who`() {
    var it = Watched()
    it.join("a")
    it.join("b")
    it.join("c", attended: false, stays: true)
    it.join("p", session: false)
    it.read(.error, "one")
    #expect(it.fixer == "a" && it.line.map { it.owners[$0] } == ["a", "b", "c"])
    #expect(it.heard.contains("note a: one is error"))
    #expect(it.takeHeard() == ["a answered job", "b hears failed a", "c told failed a", "p answered failed a"])
    it.read(.error, "one")
    #expect(it.takeHeard() == [])
    #expect(it.state.watcher("p") == nil)
  }

  @Test func `ready is heard by all, frees the lock, and ends the watch`() {
    var it = Watched()
    for id in ["a", "b"] { it.join(id) }
    it.join("c", attended: false, stays: true)
    it.read(.error, "one")
    it.read(.building, "two")
    #expect(it.fixer == "a" && it.line.count == 1)
    _ = it.takeHeard()
    it.read(.error, "two")
    #expect(it.line.count == 3)
    _ = it.takeHeard()
    let looks = it.looks
    it.read(.ready, "two")
    // Nobody was given the lock in passing.
    #expect(it.looks == looks)
    #expect(it.takeHeard() == ["a woken ready", "b answered ready", "c woken ready"])
    #expect(it.line.isEmpty && !it.state.isWatched && it.fixer == nil)
  }

  @Test func `the next in line has the job only after a look that still finds the failure`() {
    var it = Watched()
    for id in ["a", "b", "c"] { it.join(id) }
    it.read(.error, "one")
    _ = it.takeHeard()
    let looks = it.looks
    it.free()
    #expect(it.looks == looks + 1 && it.fixer == nil)
    it.read(.error, "one", began: it.now - 10)
    #expect(it.fixer == nil)
    it.read(.error, "one")
    #expect(it.fixer == "b" && it.takeHeard() == ["b answered job", "c hears failed b"])
    it.end("b")
    it.read(.ready, "two")
    #expect(it.fixer == nil && it.takeHeard() == ["c answered ready"])
  }

  @Test func `while a newer deployment is being built nobody is given the older one's failure`() {
    var it = Watched()
    for id in ["a", "b"] { it.join(id) }
    it.read(.error, "one")
    it.read(.building, "two")
    it.free()
    #expect(it.fixer == nil && it.line.isEmpty)
    _ = it.takeHeard()
    it.read(.error, "two")
    #expect(it.fixer == "b" && it.takeHeard() == ["b answered job"])
  }

  @Test func `who fixes and watches again waits for what is newer, and keeps the lock`() {
    var it = Watched()
    it.join("a")
    it.read(.error, "one")
    it.join("a")
    it.read(.error, "one")
    it.read(.building, "two")
    #expect(it.takeHeard() == ["a answered job", "a hears awaited", "a hears building"])
    it.read(.error, "two")
    #expect(it.takeHeard() == ["a answered job"] && it.line.count == 1 && it.fixer == "a")
    // The same where a look shows nothing but a word.
    it.read(.building, "")
    it.read(.error, "")
    #expect(it.takeHeard() == ["a woken job"])
  }

  @Test func `who gave the job back is not asked for that failure again, unless it comes back`() {
    var it = Watched()
    it.join("a", attended: false, stays: true)
    it.read(.error, "one")
    it.free()
    it.read(.error, "one")
    #expect(it.takeHeard() == ["a woken job", "a told failed nobody"] && it.fixer == nil)
    it.join("a")
    it.read(.error, "one")
    #expect(it.fixer == "a" && it.takeHeard() == ["a answered job"])
  }

  @Test func `time runs out for who watches, and not for who has the job`() {
    var it = Watched()
    it.join("a", for: 50)
    it.join("b", for: 60)
    it.join("c", attended: false, stays: true, for: 70)
    #expect(it.state.nextDeadline == 150)
    it.read(.error, "one")
    _ = it.takeHeard()
    it.now = 400
    it.happen(.ticked)
    #expect(it.takeHeard() == ["b answered late", "c woken late"] && it.fixer == "a" && it.line.count == 1)
    #expect(it.state.nextDeadline == nil && it.state.isWatched)
  }

  @Test func `who leaves stands in no line, and who has the job stays`() {
    var it = Watched()
    for id in ["a", "b"] { it.join(id) }
    it.read(.error, "one")
    it.happen(.left("b"))
    it.happen(.left("a"))
    #expect(it.state.watchers.map(\.id) == ["a"] && it.line.count == 1 && it.fixer == "a")
    it.free()
    #expect(!it.state.isWatched)
  }

  @Test func `a lock that somebody else has is no job yet`() {
    var it = Watched()
    it.line = ["other"]
    it.join("a")
    it.join("p", session: false)
    it.read(.error, "one")
    #expect(it.fixer == nil && it.takeHeard() == ["a hears failed nobody", "p answered failed nobody"])
    it.free()
    it.read(.error, "one")
    #expect(it.fixer == "a" && it.takeHeard() == ["a answered job"])
  }

  @Test func `what is not known is said once, and changes nothing`() {
    var it = Watched()
    it.join("a")
    it.join("b", attended: false, stays: true)
    it.read(.unknown, "x")
    it.read(.unknown, "y")
    #expect(it.takeHeard() == ["a hears unknown", "b told unknown"])
    it.read(.error, "one")
    it.read(.unknown, "x")
    it.read(.error, "one")
    #expect(it.takeHeard() == ["a answered job", "b told failed a"] && it.fixer == "a")
  }

  @Test func `a new daemon finds the jobs and those who are told later`() {
    var it = Watched()
    for id in ["a", "b", "gone"] { it.join(id) }
    it.join("c", attended: false, stays: true)
    it.join("p", session: false)
    it.read(.error, "one")
    it.join("p", session: false)
    it.state.restart { $0 != "gone" }
    #expect(it.state.watchers.map(\.id) == ["a", "b", "c"] && it.fixer == "a")
    it.happen(.left("b"))
    it.happen(.left("c"))
    #expect(it.state.watchers.map(\.id) == ["a", "c"])
  }

  @Test(arguments: 0..<40) func `whatever happens, at most one fixes, and it is the one who has the lock`(_ seed: Int) {
    var random = Seeded(UInt64(seed))
    var it = Watched()
    let ids = ["a", "b", "c", "d", "e"]
    for step in 0..<2000 {
      switch random.below(9) {
      case 0, 1: it.join(random.pick(ids), attended: random.chance(60), stays: random.chance(50), for: 40)
      case 2: it.happen(.left(random.pick(ids)))
      case 3: it.end(random.pick(ids))
      case 4: it.free()
      case 5:
        it.now += Double(random.below(30))
        it.happen(.ticked)
      case 6: it.join("p\(random.below(3))", session: false)
      default:
        it.read(
          random.pick(DeployReading.State.allCases), "d\(random.below(3))", began: it.now - Double(random.below(4)))
      }
      let fixers = it.state.watchers.filter(\.hasJob)
      #expect(fixers.count <= 1, "step \(step)")
      if let fixer = fixers.first {
        #expect(it.line.first == fixer.ticket && fixer.isSession, "step \(step)")
        #expect(it.state.known?.state == .error || it.state.known?.state == .building, "step \(step)")
      }
      #expect(Set(it.line) == Set(it.state.tickets) && it.line.count == it.state.tickets.count, "step \(step)")
    }
    // And once it is ready nothing of all that is left.
    it.read(.ready, "last")
    #expect(it.line.isEmpty && !it.state.isWatched)
  }
}
