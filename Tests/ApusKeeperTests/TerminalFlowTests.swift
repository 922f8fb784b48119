import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@Suite("who waits for whom at an agent's terminal") struct TerminalFlowTests {
  @Test func `a viewer that stops reading makes nobody wait, whatever the agent writes`() throws {
    let run = try Kept(
      "stty raw -echo; echo ready; head -c 1 > /dev/null; head -c 50000000 /dev/zero; echo end", terminal: .usual)
    let idle = try run.attach()
    _ = try idle.read(to: "ready\n")
    try idle.view(.watch)
    let lead = try run.attach()
    try lead.view(.lead)
    try lead.type("x")
    let told = try lead.followToEnd(from: 6)
    #expect(told.output.count == 50_000_004 && told.output.suffix(4).elementsEqual("end\n".utf8))
    #expect(told.output.prefix(50_000_000).allSatisfy { $0 == 0 })
    #expect(told.ending == .exit(0) && told.recorded == 50_000_010)
    #expect(run.recordingSize == 50_000_010)
    // It cost nobody memory, and the idle one misses nothing when it reads again.
    var facts = apus_process()
    #expect(apus_process_look(run.card.keeper, &facts) == 0)
    #expect(facts.resident_pages * Int(getpagesize()) < 32 << 20)
    #expect(try idle.followToEnd(from: 6, asks: false).recorded == 50_000_010)
  }

  @Test func `a viewer killed in the middle of a frame of output changes nothing`() throws {
    let run = try Kept(
      "stty raw -echo; echo ready; head -c 1 > /dev/null; seq 1 300000; echo end", terminal: .usual)
    let steady = try run.attach()
    _ = try steady.read(to: "ready\n")
    for wish in [View.Wish.watch, .lead, .lead] {
      let leaving = try run.attach()
      try leaving.view(wish)
      try leaving.send(.follow(offset: 0))
      if wish == .lead { try leaving.type("x") }
      // Not even a frame's head.
      var few = [UInt8](repeating: 0, count: 3)
      guard Wait.readable(leaving.descriptor, seconds: 30), read(leaving.descriptor, &few, 3) > 0 else {
        Issue.record("nothing came")
        return
      }
    }
    let told = try steady.followToEnd(from: 6, asks: false)
    #expect(told.output == Array(((1...300_000).map { "\($0)\n" }.joined() + "end\n").utf8))
    #expect(told.ending == .exit(0))
  }

  /// An agent that reads nothing before `go` is written to.
  private func deaf() throws -> (run: Kept, typist: Attached, place: TemporaryDirectory) {
    let place = try TemporaryDirectory()
    let run = try Kept(
      """
      stty raw -echo; mkfifo go; exec 3<>go; echo ready; read word <&3
      head -c 5000000 > got; echo all; exec cat
      """, working: place.path, terminal: .usual)
    let typist = try run.attach()
    _ = try typist.read(to: "ready\n")
    try typist.view(.lead)
    return (run, typist, place)
  }

  private static func keys(_ bytes: ArraySlice<UInt8>) -> [UInt8] { KeeperRequest.type(Array(bytes)).frame.encoded }

  /// Types as much as is taken without waiting; how much of the frames that was.
  private func typeUnheard(_ frames: [UInt8], at typist: Attached) throws -> Int {
    var at = 0
    while at < frames.count {
      let got = frames[at...].withUnsafeBytes { send(typist.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      if got > 0 {
        at += got
      } else if errno == EAGAIN {
        // The keeper may just be about to take more.
        if !Wait.writable(typist.descriptor, seconds: 0.3) { return at }
      } else {
        throw TestFailure("typing: errno \(errno)")
      }
    }
    return at
  }

  @Test func `who types at an agent that does not read is held back, nobody else waits, and no key is lost`() throws {
    let (run, typist, place) = try deaf()
    var random = Seeded(61)
    let keys = random.bytes(5_000_000)
    let frames = stride(from: 0, to: keys.count, by: 10_000).flatMap { Self.keys(keys[$0..<($0 + 10_000)]) }
    let taken = try typeUnheard(frames, at: typist)
    #expect(taken < 2 << 20, "\(taken) bytes were taken for an agent that reads none")
    let other = try run.attach()
    #expect(try !other.view(.watch).leads)
    try other.send(.size(.usual))
    #expect(try other.settled() == [])
    var facts = apus_process()
    #expect(apus_process_look(run.card.keeper, &facts) == 0)
    #expect(facts.resident_pages * Int(getpagesize()) < 32 << 20)
    try Kept.save(Array("go\n".utf8), place.path + "/go")
    try typist.send(bytes: Array(frames[taken...]))
    _ = try other.read(from: 6, to: "all\n")
    #expect(place.load("got") == keys)
    // And it goes on as before.
    try typist.type("more")
    #expect(try other.read(from: 6, to: "more") == "all\nmore")
  }

  @Test func `while a typist is held back, the agent can be ended and a typist may go`() throws {
    let (run, typist, _) = try deaf()
    let frames = (0..<500).flatMap { _ in Self.keys([UInt8](repeating: 65, count: 10_000)[...]) }
    #expect(try typeUnheard(frames, at: typist) < 2 << 20)
    do {
      let second = try run.attach()
      try second.view(.lead)
      _ = try typeUnheard(frames, at: second)
    }
    let other = try run.attach()
    try other.send(.end([TeardownStep(.signal(SIGTERM), milliseconds: 3_600_000)]))
    #expect(try other.followToEnd(from: 6).ending == .signal(SIGTERM))
    try run.finish()
  }

  @Test func `a keeper whose run has ended rests until it is asked`() throws {
    // Enough output for a screen, and no quiet moment to draw it in.
    let run = try Kept("stty raw; head -c 6000000 /dev/zero", terminal: .usual)
    let attached = try run.attach()
    #expect(try attached.followToEnd().recorded == 6_000_000)
    func ticks() -> UInt64 {
      var facts = apus_process()
      return apus_process_look(run.card.keeper, &facts) == 0 ? facts.ticks : .max
    }
    let before = ticks()
    #expect(!Wait.readable(attached.descriptor, seconds: 1))
    #expect(ticks() - before < 10)
    try run.finish()
  }

  @Test func `an agent that never stops writing is ended in the time its plan says`() throws {
    for terminal in [TerminalSize.usual, nil] {
      let run = try Kept("trap '' TERM HUP; yes", terminal: terminal)
      let attached = try run.attach()
      _ = try attached.read { $0.count > 1_000_000 }
      let other = try run.attach()
      let before = apus_monotonic_milliseconds()
      try other.send(.end([TeardownStep(.signal(SIGTERM), milliseconds: 100)]))
      try run.agent.waitForEnd()
      let passed = apus_monotonic_milliseconds() - before
      #expect(passed < 2_000, "\(passed) ms")
      #expect(try other.followToEnd(from: .max).ending == .signal(SIGKILL))
    }
  }
}
