import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@Suite("who is attached to a keeper") struct KeeperViewerTests {
  @Test func `fifty viewers see the same, whenever they came`() throws {
    let run = try Kept("read go; seq 1 50000")
    let viewers = try (0..<50).map { _ in try run.attach() }
    for viewer in viewers.prefix(25) { try viewer.send(.follow(offset: 0)) }
    try viewers[0].send(.input(number: 1, bytes: Array("go\n".utf8)))
    let wanted = Array((1...50_000).map { "\($0)\n" }.joined().utf8)
    for (n, viewer) in viewers.enumerated() {
      let told = try viewer.followToEnd(asks: n >= 25)
      #expect(told.output == wanted && told.ending == .exit(0))
    }
  }

  @Test func `a viewer that never reads does not delay the agent, costs no memory and misses nothing`() throws {
    let run = try Kept("read go; head -c 200000000 /dev/zero; echo end")
    let idle = try run.attach()
    try idle.send(.follow(offset: 0))
    try idle.send(.input(number: 1, bytes: Array("go\n".utf8)))
    try run.agent.waitForEnd(seconds: 120)
    // From the end on: told as soon as the ending is kept.
    let other = try run.attach()
    let told = try other.followToEnd(from: 200_000_000)
    #expect(told.text == "end\n")
    #expect(told.recorded == 200_000_004)
    var facts = apus_process()
    #expect(apus_process_look(run.card.keeper, &facts) == 0)
    #expect(facts.resident_pages * Int(getpagesize()) < 32 << 20)
    var seen: UInt64 = 0
    while seen < told.recorded {
      guard case .output(let offset, let bytes) = try idle.next() else { continue }
      #expect(offset == seen)
      seen += UInt64(bytes.count)
    }
    guard case .ending(.exit(0), _) = try idle.next() else {
      Issue.record("no ending after the last byte")
      return
    }
  }

  @Test func `a viewer that leaves after the first line changes nothing`() throws {
    let run = try Kept("echo first; read go; seq 1 100000; echo last")
    do {
      let leaving = try run.attach()
      _ = try leaving.read(to: "first\n")
      try leaving.send(.input(number: 1, bytes: Array("go\n".utf8)))
      try leaving.taken(1)
    }
    let told = try run.attach().followToEnd()
    #expect(told.output.count == 588_895 + 6 + 5)
    #expect(told.text.hasSuffix("100000\nlast\n"))
    #expect(told.ending == .exit(0))
  }

  @Test func `viewers that come and go in the middle of output change nothing`() throws {
    let run = try Kept("read go; seq 1 400000; echo last")
    let steady = try run.attach()
    try steady.send(.input(number: 1, bytes: Array("go\n".utf8)))
    for _ in 0..<40 {
      let passing = try run.attach()
      _ = try passing.read { !$0.isEmpty }
    }
    let told = try steady.followToEnd()
    #expect(told.text.hasSuffix("400000\nlast\n") && told.ending == .exit(0))
  }

  @Test func `garbage drops only the one who said it`() throws {
    let run = try Kept("cat")
    let fine = try run.attach()
    var random = Seeded(31)
    for n in 0..<40 {
      let bad = n % 2 == 0 ? try run.attach() : try Attached(run.socket)
      let bytes: [UInt8] = [1, 0, 0, 0, 200] + random.bytes(random.below(200))
      try? bad.send(bytes: n % 3 == 0 ? [0, 0, 0, 0] + bytes : bytes)
      try bad.waitForClose()
    }
    try fine.send(.input(number: 1, bytes: Array("still here\n".utf8)))
    #expect(try fine.read(to: "here\n") == "still here\n")
    #expect(run.keeper.isAlive && run.agent.isAlive)
  }

  @Test func `who does not greet first is not heard`() throws {
    let run = try Kept("cat")
    for request: KeeperRequest in [.end([]), .input(number: 1, bytes: [65, 10]), .follow(offset: 0), .closeInput] {
      let rude = try Attached(run.socket)
      try rude.send(request)
      try rude.waitForClose()
    }
    #expect(run.agent.isAlive)
    #expect(try Attached(run.socket).hello().lastInput == 0)
  }

  @Test(arguments: [0, 2, UInt16.max]) func `a greeting of another version is answered with the keeper's own`(
    _ version: UInt16
  ) throws {
    let run = try Kept("cat")
    let attached = try Attached(run.socket)
    let welcome = try attached.hello(version: version)
    #expect(welcome.version == KeeperProtocol.version)
    #expect(welcome.keeper == run.card.keeper && welcome.agent == run.card.agent)
    #expect(welcome.agentStart == run.card.agentStart)
    try attached.send(.input(number: 1, bytes: Array("a\n".utf8)))
    #expect(try attached.read(to: "a\n") == "a\n")
  }

  @Test func `requests that arrive in pieces are understood`() throws {
    let run = try Kept("cat")
    let attached = try Attached(run.socket)
    let requests: [KeeperRequest] = [
      .hello(version: 1), .input(number: 1, bytes: Array("one\n".utf8)), .input(number: 2, bytes: Array("two\n".utf8)),
    ]
    for byte in requests.flatMap(\.frame.encoded) { try attached.send(bytes: [byte]) }
    try attached.taken(2)
    #expect(try attached.read(to: "two\n") == "one\ntwo\n")
  }

  @Test func `a request half said by one who leaves is no request`() throws {
    let run = try Kept("cat")
    do {
      let leaving = try run.attach()
      let whole = KeeperRequest.input(number: 1, bytes: Array("never\n".utf8)).frame.encoded
      try leaving.send(bytes: Array(whole.dropLast()))
    }
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("said\n".utf8)))
    #expect(try attached.read(to: "said\n") == "said\n")
  }
}
