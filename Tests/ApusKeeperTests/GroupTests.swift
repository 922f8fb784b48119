import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@testable import ApusKeeper

@Suite("every process of a run is accounted for") struct GroupTests {
  /// `APUS_SOAK=1` makes it a thousand.
  private static let cycles = getenv("APUS_SOAK") == nil ? 25 : 1000
  private static let together = 5

  /// Three ways to get away, and one who is none of the run's. Each says its name and pid; the end comes with a line
  /// read. (`tail` ends by itself when nobody reads its output any more.)
  private static let script = """
    stay='trap "" TERM HUP INT; echo escapee $$; exec tail -f /dev/null'
    setsid sh -c "$stay" &
    (setsid sh -c "(setsid sh -c '$stay' &)" &)
    (sh -c "$stay" &)
    APUS_ROLE=stranger setsid sh -c 'echo stranger $$; env -i tail -f /dev/null > /dev/null & echo below $!; wait' &
    read go
    exit 5
    """

  private struct Cycle {
    var run: Kept
    var attached: Attached
    var escapees: [ProcessID] = []
    var strangers: [ProcessID] = []
  }

  private func begin(_ terminal: TerminalSize?) throws -> Cycle {
    let run = try Kept(Self.script, terminal: terminal)
    var cycle = Cycle(run: run, attached: try run.attach())
    let text = try cycle.attached.read { $0.filter { $0 == 10 }.count >= 5 }
    for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
      let words = line.split(separator: " ")
      guard words.count == 2, let pid = Int32(words[1]), let process = ProcessID(pid: pid) else { continue }
      if words[0] == "escapee" { cycle.escapees.append(process) } else { cycle.strangers.append(process) }
    }
    return cycle
  }

  @Test func `a stop leaves no escapee, harms no stranger and takes the group along, every time`() throws {
    var random = Seeded(62)
    var done = 0
    while done < Self.cycles {
      let round = try (0..<Self.together).map { n in try begin(n % 2 == 0 ? .usual : nil) }
      defer { for process in round.flatMap(\.strangers) { process.signal(SIGKILL) } }
      for cycle in round {
        #expect(cycle.escapees.count == 3 && cycle.strangers.count == 2)
        if let group = cycle.run.group {
          let members = Groups.members(group)
          #expect(members.contains(cycle.run.card.agent) && !members.contains(cycle.run.card.keeper))
          #expect(cycle.escapees.allSatisfy { members.contains($0.pid) })
        }
        // Ended by itself, politely, or at once.
        switch random.below(3) {
        case 0: try cycle.attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
        case 1: try cycle.attached.send(.end([TeardownStep(.signal(SIGTERM), milliseconds: 3_600_000)]))
        default: try cycle.attached.send(.end([]))
        }
      }
      for cycle in round {
        _ = try cycle.run.attach().followToEnd()
        // At the moment the ending is told.
        #expect(cycle.escapees.filter(\.isAlive).isEmpty)
        #expect(cycle.strangers.filter(\.isAlive).count == 2)
        if let group = cycle.run.group {
          #expect(access(group, F_OK) != 0, "\(group) has \(Groups.members(group))")
        }
        try cycle.attached.send(.acknowledgeEnding)
        try cycle.run.keeper.waitForEnd()
        #expect(cycle.strangers.filter(\.isAlive).count == 2)
      }
      done += Self.together
    }
  }

  @Test(.enabled(if: Groups.areOurs, "control groups are not ours to divide here"))
  func `each run has a group of its own, and a keeper is in none`() throws {
    let runs = try (0..<3).map { _ in try Kept("tail -f /dev/null & exec cat") }
    let groups = try runs.map { try #require($0.group) }
    #expect(Set(groups).count == 3)
    for (run, group) in zip(runs, groups) {
      #expect(Groups.find(of: run.card.agent) == group)
      #expect(!Groups.members(group).contains(run.card.keeper))
    }
    // What is done to one is done to no other.
    try runs[0].attach().send(.end([]))
    try runs[0].finish()
    #expect(runs[1].agent.isAlive && runs[2].agent.isAlive && Groups.members(groups[1]).count == 2)
  }

  @Test(.enabled(if: Groups.areOurs, "control groups are not ours to divide here"))
  func `a keeper started from inside a run is no part of it, and its agent neither`() throws {
    let place = try TemporaryDirectory()
    let inner = place.path
    let order = Kept.order(socket: inner + "/s", program: "/bin/cat", arguments: ["cat"])
    try Kept.save(order.encoded, inner + "/" + RunFile.launch)
    let keeper = try Built.program("apus-keeper")
    let run = try Kept(
      """
      mkfifo said; APUS_ROLE=keeper '\(keeper)' . 3>said < /dev/null > /dev/null 2>&1 &
      head -c 1 said; echo " is what it said"; read go
      """, working: inner)
    let attached = try run.attach()
    #expect(try attached.read(to: "\n") == "R is what it said\n")
    let card = try KeeperCard(try #require(place.load(RunFile.keeper)))
    let processes = try [card.keeper, card.agent].map { try #require(ProcessID(pid: $0)) }
    let own = try #require(Groups.find(of: run.card.keeper))
    #expect(Groups.find(of: card.keeper) == own)
    #expect(Groups.find(of: card.agent) == own + "/" + Tree.groupName(directory: [UInt8(ascii: ".")]))
    try attached.send(.end([]))
    try run.finish()
    #expect(processes.filter(\.isAlive).count == 2)
    let other = try Attached(inner + "/s")
    try other.hello()
    try other.send(.end([]))
    #expect(try other.followToEnd().ending == .signal(SIGKILL))
    try other.send(.acknowledgeEnding)
    try processes[0].waitForEnd()
    #expect(processes.filter(\.isAlive).isEmpty)
  }
}
