import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@Suite("an agent stopped as by Ctrl-Z") struct TerminalStopTests {
  /// Stops itself and its whole group at every line it reads.
  private static let script =
    "stty -echo; echo ready; while read line; do kill -TSTP 0; echo \"goes on after $line\"; done"

  private func begin(_ script: String = script) throws -> (Kept, Attached) {
    let run = try Kept(script, terminal: .usual)
    let viewer = try run.attach()
    _ = try viewer.read(to: "ready\r\n")
    return (run, viewer)
  }

  @Test func `with somebody there it stays stopped until it is told to go on`() throws {
    let (run, viewer) = try begin()
    try viewer.view(.lead)
    for round in 1...3 {
      try viewer.type("\(round)\r")
      try viewer.waitFor(.stopped(true))
      #expect(run.isStopped(run.card.agent))
      // Who comes now is told.
      let other = try run.attach()
      try other.view(.watch)
      #expect(try other.next() == .stopped(true))
      try viewer.send(.signal(SIGCONT))
      try viewer.waitFor(.stopped(false))
      try other.waitFor(.stopped(false))
      _ = try viewer.read(from: 7, to: "after \(round)\r\n")
    }
  }

  @Test func `with nobody there it goes on at once`() throws {
    let (_, program) = try begin()
    for round in 1...3 { try program.type("\(round)\r") }
    #expect(
      try program.read(from: 7, to: "after 3\r\n")
        == (1...3).map { "goes on after \($0)\r\n" }.joined())
  }

  @Test(arguments: [true, false]) func `when the last viewer goes while it is stopped, it goes on`(
    _ farewell: Bool
  ) throws {
    let (run, program) = try begin()
    do {
      let (first, second) = (try run.attach(), try run.attach())
      try first.view(.lead)
      try second.view(.watch)
      try first.type("x\r")
      try first.waitFor(.stopped(true))
      try second.waitFor(.stopped(true))
      try second.send(.leave)
      try second.waitForClose()
      try program.settled()
      // One is still there.
      #expect(run.isStopped(run.card.agent))
      if farewell {
        try first.send(.leave)
        try first.waitForClose()
      }
    }
    #expect(try program.read(from: 7, to: "\n") == "goes on after x\r\n")
  }

  @Test func `its whole group goes on with it`() throws {
    let place = try TemporaryDirectory()
    let run = try Kept(
      """
      stty -echo; mkfifo p; exec 3<>p; (while read word <&3; do echo "child $word"; done) &
      echo ready; read x; kill -TSTP 0; wait
      """, working: place.path, terminal: .usual)
    let viewer = try run.attach()
    _ = try viewer.read(to: "ready\r\n")
    try viewer.view(.lead)
    try viewer.type("x\r")
    try viewer.waitFor(.stopped(true))
    try viewer.send(.signal(SIGCONT))
    try viewer.waitFor(.stopped(false))
    try Kept.save(Array("there\n".utf8), place.path + "/p")
    #expect(try viewer.read(from: 7, to: "\n") == "child there\r\n")
  }

  @Test(arguments: [
    [TeardownStep(.signal(SIGTERM), milliseconds: 3_600_000)], [TeardownStep(.signal(SIGHUP), milliseconds: 3_600_000)],
    [],
  ]) func `one that is stopped can be ended`(_ plan: [TeardownStep]) throws {
    let (run, viewer) = try begin()
    try viewer.view(.lead)
    try viewer.type("x\r")
    try viewer.waitFor(.stopped(true))
    try run.attach().send(.end(plan))
    var wanted = SIGKILL
    if case .signal(let signal)? = plan.first?.act { wanted = signal }
    let told = try viewer.followToEnd()
    #expect(told.ending == .signal(wanted))
    try run.finish()
  }

  @Test func `a child that is stopped is the agent's affair`() throws {
    // Going on before it has stopped would leave it stopped for good.
    let (run, program) = try begin(
      """
      stty -echo; sh -c 'kill -STOP $$; echo child goes on' &
      until grep -q '^State:.T' /proc/$!/status; do :; done; echo ready; read x; kill -CONT $!; wait; echo both
      """)
    let viewer = try run.attach()
    try viewer.view(.lead)
    try viewer.settled()
    try viewer.type("x\r")
    #expect(try program.read(from: 7, to: "both\r\n") == "child goes on\r\nboth\r\n")
    #expect(try !viewer.settled().contains(.stopped(true)))
  }
}
