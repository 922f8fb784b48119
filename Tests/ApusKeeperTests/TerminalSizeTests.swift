import ApusFrames
import ApusTestKit
import Testing

@Suite("the size of an agent's terminal") struct TerminalSizeTests {
  /// Says its size once it was told of another one, and whenever it is another again. (A shell that only waits may miss
  /// a signal just before it does; one at work on a trap misses the next.)
  private static let script = """
    stty -echo; trap 'told=1' WINCH; echo ready
    while :; do
      read -t 0.1 x; now=$(stty size)
      [ -z "$told" ] || [ "$now" = "$last" ] || { last=$now; echo "now $now"; }
    done
    """
  private static let asked = "stty -echo; echo ready; while read line; do stty size; done"

  private func begin(_ script: String, bash: Bool = false) throws -> (Kept, Attached) {
    let shell = bash ? "/bin/bash" : "/bin/sh"
    let run = try Kept(script, program: shell, terminal: .usual)
    let attached = try run.attach()
    #expect(try attached.read(to: "ready\r\n") == "ready\r\n")
    return (run, attached)
  }

  @Test func `a size from a program is the agent's at once, and the agent is told`() throws {
    let (run, program) = try begin(Self.script, bash: true)
    try program.send(.size(TerminalSize(40, 132)))
    #expect(try program.read(from: 7, to: "\n") == "now 40 132\r\n")
    #expect(run.sizes == [SizeNote(offset: 0, size: .usual), SizeNote(offset: 7, size: TerminalSize(40, 132))])
    #expect(try Attached(run.socket).hello().terminal == TerminalSize(40, 132))
  }

  @Test func `the lead's size is the agent's, a watcher's is nobody's, and all viewers are told`() throws {
    let (run, program) = try begin(Self.script, bash: true)
    let lead = try run.attach()
    let watcher = try run.attach()
    #expect(try lead.view(.lead, TerminalSize(30, 90)).size == TerminalSize(30, 90))
    let viewing = try watcher.view(.watch, TerminalSize(10, 20))
    #expect(viewing.size == TerminalSize(30, 90) && !viewing.leads && viewing.before == [])
    try watcher.send(.size(TerminalSize(11, 21)))
    #expect(try watcher.settled() == [])
    try lead.send(.size(TerminalSize(33, 99)))
    #expect(try lead.settled() == [.sized(TerminalSize(33, 99))])
    #expect(try watcher.settled() == [.sized(TerminalSize(33, 99))])
    let text = try program.read(from: 7, to: "now 33 99\r\n")
    #expect(!text.contains("10 20") && !text.contains("11 21"))
    #expect(run.sizes.map(\.size).last == TerminalSize(33, 99))
    #expect(!run.sizes.contains { $0.size == TerminalSize(10, 20) || $0.size == TerminalSize(11, 21) })
  }

  @Test func `a lead that views again with another size gives it to the agent`() throws {
    let (run, _) = try begin(Self.asked)
    let lead = try run.attach()
    try lead.view(.lead, TerminalSize(30, 90))
    let again = try lead.view(.follow, TerminalSize(35, 95))
    #expect(again.leads && again.size == TerminalSize(35, 95))
    try lead.type("x\r")
    #expect(try lead.read(from: 7, to: "\n") == "35 95\r\n")
  }

  @Test func `a size that is none or no other changes nothing`() throws {
    let (run, program) = try begin(Self.asked)
    let lead = try run.attach()
    try lead.view(.lead, .usual)
    for size in [TerminalSize(0, 80), TerminalSize(24, 0), TerminalSize(0, 0), .usual] {
      try program.send(.size(size))
      try program.settled()
      try lead.send(.size(size))
      #expect(try lead.settled() == [], "\(size)")
    }
    #expect(run.sizes == [SizeNote(offset: 0, size: .usual)])
  }

  @Test func `each size is noted with the output from which it holds`() throws {
    let (run, program) = try begin(Self.asked)
    var expected = [SizeNote(offset: 0, size: .usual)]
    var at: UInt64 = 7
    for columns: UInt16 in 100..<120 {
      let size = TerminalSize(24, columns)
      try program.send(.size(size))
      expected.append(SizeNote(offset: at, size: size))
      try program.type("x\r")
      let said = try program.read(from: at, to: "\n")
      #expect(said == "24 \(columns)\r\n")
      at += UInt64(said.utf8.count)
    }
    #expect(run.sizes == expected)
  }

  @Test func `ten thousand sizes stall nobody, and the last one holds`() throws {
    let (run, program) = try begin(Self.asked)
    let lead = try run.attach()
    try lead.view(.lead, .usual)
    let idle = try run.attach()
    try idle.view(.watch, .usual)
    let sizes: [TerminalSize] = (0..<10_000).map { (n: Int) in
      TerminalSize(rows: UInt16(2 + n % 100), columns: UInt16(2 + n % 301))
    }
    try lead.send(bytes: sizes.flatMap { KeeperRequest.size($0).frame.encoded })
    let told = try lead.settled()
    #expect(told == sizes.map { KeeperReply.sized($0) })
    let last = try #require(sizes.last)
    #expect(run.sizes == [SizeNote(offset: 0, size: .usual), SizeNote(offset: 7, size: last)])
    try program.type("x\r")
    #expect(try program.read(from: 7, to: "\n") == "\(last.words)\r\n")
  }
}
