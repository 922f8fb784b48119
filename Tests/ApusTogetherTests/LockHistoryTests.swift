import ApusCore
import ApusLink
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Promise P1 of `reliability.md`: what sixteen processes see of four locks, while they and the daemon are killed and
/// held up, can all be true at once.
@Suite struct LockHistoryTests {
  private static let operations = getenv("APUS_SOAK") == nil ? 100_000 : 1_000_000
  private static let clients = 16

  @Test func `what sixteen processes see of four locks, killed and held up, can all be true`() async throws {
    try await TestHome.withLocks { home async throws in
      // A minute of two cores' work: other tests that run meanwhile come first.
      #expect(await home.shell("nice -n 19 apus lock list").status == 0)
      var clients = Clients(home)
      defer { clients.end() }
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      while clients.running.count < Self.clients { try clients.begin() }
      var nextDaemon = clock + 3
      while await clients.count() < Self.operations {
        // The moment is what is random here; nothing is waited for.
        await letOthersRun(milliseconds: 20 + random.below(300))
        switch random.below(10) {
        case 0...2:
          clients.kill(at: random.below(clients.running.count))
          try clients.begin()
        case 3...4: clients.stop(at: random.below(clients.running.count))
        case 5...7: clients.goOn()
        default: break
        }
        guard clock > nextDaemon else { continue }
        try home.killDaemon()
        #expect(await home.shell("nice -n 19 apus list").status == 0)
        nextDaemon = clock + 2 + Double(random.below(5))
      }
      clients.end()
      let history = try clients.history()
      let found = history.violations()
      #expect(found.isEmpty, "\(found.count) violations, the first: \(found.prefix(5))")
      let counts = Dictionary(grouping: history.lines, by: \.what).mapValues(\.count)
      for what in [LockHistory.What.granted, .released, .refused] {
        #expect(counts[what, default: 0] > 1000, "\(counts)")
      }
      #expect(counts[.granted, default: 0] - counts[.released, default: 0] < 5000, "\(counts)")
      // All of them are dead: nothing is held, nobody waits.
      #expect(try await eventually(seconds: 30) { try await home.json("lock", "list", as: [LockObject].self).isEmpty })
    }
  }

  /// A true history: three holders, one after the other.
  private static var sound: LockHistory {
    var history = LockHistory()
    for (client, start) in [(Int32(1), Int64(100)), (2, 200), (3, 300)] {
      let token = start
      history.lines += [
        .init(client: client, what: .granted, lock: "a", token: token, asked: start, at: start + 10),
        .init(client: client, what: .releasing, lock: "a", token: token, asked: start + 50, at: start + 50),
        .init(client: client, what: .released, lock: "a", token: token, asked: start + 50, at: start + 60),
      ]
    }
    return history
  }

  @Test func `a history that is true is found to be`() {
    #expect(Self.sound.violations().isEmpty)
    var waited = Self.sound
    // Asked for long before, granted in its turn.
    waited.lines[3].asked = 20
    #expect(waited.violations().isEmpty)
    // Who was held up may lose it and learn that late; another had it meanwhile.
    var stopped = Self.sound
    stopped.stopped = [1]
    stopped.lines[2] = .init(client: 1, what: .lost, lock: "a", token: 100, asked: 250, at: 255)
    stopped.lines[1].asked = 250
    #expect(stopped.violations().isEmpty)
  }

  @Test func `a grant that is given twice is noticed`() {
    var history = Self.sound
    for index in 3...5 { history.lines[index].token = 100 }
    #expect(history.violations().contains { $0.contains("granted to 1 and 2") })
  }

  @Test func `tokens that do not grow are noticed`() {
    var history = Self.sound
    for index in 3...5 { history.lines[index].token = 50 }
    #expect(history.violations().contains { $0.contains("a later grant had a smaller token") })
  }

  @Test func `two who have it at once are noticed`() {
    var history = Self.sound
    for index in 1...2 { history.lines[index].asked = 220 }
    #expect(history.violations().contains { $0.contains("2 had it while another did") })
    // One of them by its death only.
    var killed = Self.sound
    killed.lines.removeSubrange(1...2)
    killed.killed = [1: 205]
    #expect(killed.violations().isEmpty)
    killed.killed = [1: 215]
    #expect(killed.violations().contains { $0.contains("2 had it while another did") })
  }

  @Test func `a right that is lost for no reason, or given back without having been had, is noticed`() {
    var lost = Self.sound
    lost.lines[2] = .init(client: 1, what: .lost, lock: "a", token: 100, asked: 150, at: 160)
    #expect(lost.violations() == ["lost by one that was never held up: 1 a 100"])
    var given = Self.sound
    given.lines.removeFirst()
    #expect(given.violations().first == "releasing without a grant: 1 a 100")
  }

  @Test func `a true history of real processes is found false once it is falsified`() async throws {
    try await TestHome.withLocks { home async throws in
      #expect(await home.apus("lock", "list").status == 0)
      var clients = Clients(home)
      defer { clients.end() }
      while clients.running.count < 4 { try clients.begin() }
      while await clients.count() < 2000 { await letOthersRun(milliseconds: 20) }
      clients.end()
      let history = try clients.history()
      #expect(history.violations().isEmpty)
      var random = Seeded(7)
      let granted = history.lines.indices.filter { history.lines[$0].what == .granted }
      for _ in 0..<200 {
        // Of one lock, two that came one after the other: they change places, or one has what the other had.
        let (one, other) = (random.pick(granted), random.pick(granted))
        let (first, second) = (history.lines[one], history.lines[other])
        guard first.lock == second.lock, first.at < second.asked, first.client != second.client else { continue }
        var wrong = history
        for index in wrong.lines.indices where wrong.lines[index].lock == first.lock {
          if wrong.lines[index].token == first.token {
            wrong.lines[index].token = second.token
          } else if wrong.lines[index].token == second.token {
            wrong.lines[index].token = first.token
          }
        }
        #expect(!wrong.violations().isEmpty, "\(first) \(second)")
      }
    }
  }
}

/// Processes that have locks by chance (`Tests/Stub/lock-client`), each with a log of its own.
private struct Clients {
  private let home: TestHome
  private let logs: String
  private(set) var running: [(number: Int32, mark: ProcessMark)] = []
  private var begun: Int32 = 0
  private var stopped: Set<Int32> = []
  private var killed: [Int32: Int64] = [:]

  init(_ home: TestHome) {
    self.home = home
    logs = home.root + "/logs"
    mkdir(logs, 0o700)
  }

  mutating func begin() throws {
    let environment = home.environment
    begun += 1
    let pid = try Child.start(
      "/usr/bin/nice",
      [
        "-n", "19", "/usr/bin/python3", Checkout.root + "/Tests/Stub/lock-client", "history", home.daemonSocket,
        "\(logs)/\(begun)", "\(begun)", "4",
        "1000000000",
      ],
      environment: environment, directory: home.work)
    let mark = try #require(Processes.mark(of: pid))
    running.append((begun, mark))
  }

  mutating func kill(at index: Int) {
    let one = running.remove(at: index)
    killed[one.number] = Self.now
    Processes.signal(one.mark, SIGKILL)
    _ = Child.wait(one.mark.pid)
  }

  mutating func stop(at index: Int) {
    stopped.insert(running[index].number)
    Processes.signal(running[index].mark, SIGSTOP)
  }

  mutating func goOn() {
    for one in running where stopped.contains(one.number) { Processes.signal(one.mark, SIGCONT) }
  }

  mutating func end() { while !running.isEmpty { kill(at: running.count - 1) } }

  /// What was asked for and given back until now.
  func count() async -> Int {
    let counted = await home.shell("cat \(logs)/* 2>/dev/null | grep -c -v '^releasing'")
    return Int(counted.output.filter(\.isNumber)) ?? 0
  }

  func history() throws -> LockHistory {
    var history = LockHistory()
    (history.stopped, history.killed) = (stopped, killed)
    history.lease = 2_000_000_000
    for number in 1...max(1, begun) { try history.read(TestHome.text("\(logs)/\(number)"), of: number) }
    return history
  }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
