import ApusFrames
import ApusTestKit
import Glibc
import Testing

@Suite("who leads at an agent's terminal") struct TerminalLeadTests {
  private static let small = TerminalSize(20, 60)
  private static let large = TerminalSize(50, 150)

  private func begin() throws -> Kept {
    let run = try Kept(
      "stty -echo; echo ready; while read line; do echo \"$line $(stty size)\"; done", terminal: .usual)
    _ = try run.attach().read(to: "ready\r\n")
    return run
  }

  @Test func `the first that would leads and is told, the next follows`() throws {
    let run = try begin()
    let first = try run.attach()
    let second = try run.attach()
    let viewing = try first.view(.follow, Self.small)
    #expect(viewing.leads && viewing.size == Self.small && viewing.available == 7)
    #expect(viewing.before == [.leads(true), .sized(Self.small)])
    let other = try second.view(.follow, Self.large)
    #expect(!other.leads && other.size == Self.small && other.before == [])
    #expect(try first.settled() == [])
  }

  @Test func `who wants to lead leads at once, and who did is told`() throws {
    let run = try begin()
    let first = try run.attach()
    let second = try run.attach()
    try first.view(.lead, Self.small)
    let viewing = try second.view(.lead, Self.large)
    #expect(viewing.leads && viewing.size == Self.large)
    #expect(viewing.before == [.leads(true), .sized(Self.large)])
    #expect(try first.settled() == [.leads(false), .sized(Self.large)])
    // And back again.
    try first.send(.lead)
    #expect(try first.settled() == [.leads(true), .sized(Self.small)])
    #expect(try second.settled() == [.leads(false), .sized(Self.small)])
  }

  @Test func `only the lead's keys and a program's are typed`() throws {
    let run = try begin()
    let (lead, follower, watcher) = (try run.attach(), try run.attach(), try run.attach())
    try lead.view(.lead, Self.small)
    try follower.view(.follow, Self.large)
    try watcher.view(.watch, Self.large)
    for one in [follower, watcher] {
      try one.type("unheard\r")
      try one.send(.lead)
      let told = try one.settled()
      #expect(one === follower ? told.contains(.leads(true)) : !told.contains(.leads(true)))
    }
    // The follower took the lead when it asked for it.
    try lead.type("too late\r")
    try lead.settled()
    try follower.type("typed\r")
    try follower.settled()
    let program = try run.attach()
    try program.type("by a program\r")
    #expect(
      try program.read(from: 7, to: "program 50 150\r\n") == "typed 50 150\r\nby a program 50 150\r\n")
  }

  @Test(arguments: [true, false]) func `when the lead goes, the longest there leads with its own size`(
    _ farewell: Bool
  ) throws {
    let run = try begin()
    let (watcher, next, last) = (try run.attach(), try run.attach(), try run.attach())
    try watcher.view(.watch, .usual)
    do {
      let lead = try run.attach()
      try lead.view(.lead, Self.small)
      try next.view(.follow, Self.large)
      try last.view(.follow, TerminalSize(5, 5))
      if farewell {
        try lead.send(.leave)
        try lead.waitForClose()
      }
    }
    try next.waitFor(.leads(true))
    try next.type("mine\r")
    #expect(try next.read(from: 7, to: "\n") == "mine 50 150\r\n")
    #expect(try last.settled() == [.sized(Self.large)])
    #expect(try watcher.settled() == [.sized(Self.small), .sized(Self.large)])
  }

  @Test func `with nobody left to lead the terminal keeps its size, and whoever comes next leads`() throws {
    let run = try begin()
    do {
      let lead = try run.attach()
      try lead.view(.lead, Self.small)
      try lead.send(.leave)
      try lead.waitForClose()
    }
    let watcher = try run.attach()
    #expect(try watcher.view(.watch, Self.large).size == Self.small)
    let next = try run.attach()
    #expect(try next.view(.follow, Self.large).leads)
  }

  @Test func `a program that asks for the lead does not get it`() throws {
    let run = try begin()
    let lead = try run.attach()
    try lead.view(.lead, Self.small)
    let program = try run.attach()
    try program.send(.lead)
    #expect(try program.settled() == [] && lead.settled() == [])
  }

  @Test func `a client of the first version reads the welcome of a terminal's keeper and follows it`() throws {
    let run = try begin()
    let old = try Attached(run.socket)
    try old.send(.hello(version: 1))
    guard case .welcome(let welcome) = try old.next() else {
      Issue.record("no welcome")
      return
    }
    // It reads the six numbers it knows, and passes over what is behind them.
    var reader = ByteReader(KeeperReply.welcome(welcome).frame.body)
    #expect(try reader.number(UInt16.self) == KeeperProtocol.version)
    #expect(try reader.number(Int32.self) == run.card.keeper && reader.number(Int32.self) == run.card.agent)
    #expect(try reader.number(UInt64.self) == run.card.agentStart && reader.number(UInt64.self) == 7)
    #expect(try reader.number(UInt64.self) == 0)
    try old.send(.input(number: 1, bytes: Array("old\n".utf8)))
    try old.taken(1)
    #expect(try old.read(to: "old 24 80\r\n") == "ready\r\nold 24 80\r\n")
    // What belongs to viewing alone is never said to it.
    try run.attach().view(.lead, Self.large)
    #expect(try old.settled() == [])
    try old.send(.end([TeardownStep(.closeInput, milliseconds: 1)]))
    #expect(try run.finish().ending == .signal(SIGKILL))
  }
}
