import ApusFrames
import ApusTestKit
import Glibc
import Testing

@Suite("how a kept run ends") struct KeeperEndingTests {
  @Test(arguments: [0, 1, 42, 255]) func `an exit code is told and kept`(_ code: Int32) throws {
    let run = try Kept("exit \(code)")
    let told = try run.attach().followToEnd()
    #expect(told.ending == .exit(code))
    #expect(run.note == EndingNote(ending: .exit(code), recorded: 0))
  }

  @Test(arguments: [SIGKILL, SIGTERM, SIGSEGV, SIGHUP]) func `a signal is told and kept`(_ signal: Int32) throws {
    let run = try Kept("echo up; kill -\(signal) $$")
    let told = try run.attach().followToEnd()
    #expect(told.ending == .signal(signal))
    #expect(told.text == "up\n")
    #expect(run.note == EndingNote(ending: .signal(signal), recorded: 3))
  }

  @Test func `an agent that cannot be started is an ending with the reason`() throws {
    let missing = try Kept(program: "/nowhere/agent", arguments: ["agent"])
    #expect(try missing.attach().followToEnd().ending == .neverStarted(ENOENT))
    #expect(missing.card.agent == 0)
    #expect(try missing.finish().ending == .neverStarted(ENOENT))

    let noProgram = try Kept(program: "/etc/passwd", arguments: ["agent"])
    #expect(try noProgram.finish().ending == .neverStarted(EACCES))

    let noPlace = try Kept("true", working: "/nowhere")
    #expect(try noPlace.finish().ending == .neverStarted(ENOENT))
  }

  @Test func `the ending is on disk and told only after the last byte`() throws {
    let run = try Kept("head -c 5000000 /dev/zero; echo last; exit 7")
    let attached = try run.attach()
    let told = try attached.followToEnd()
    #expect(told.recorded == 5_000_005)
    #expect(told.output.count == 5_000_005)
    #expect(told.text.hasSuffix("last\n"))
    #expect(run.note == EndingNote(ending: .exit(7), recorded: 5_000_005))
    #expect(run.recordingSize == 5_000_005)
  }

  @Test func `the last words of a tool that outlives the agent are recorded before the ending`() throws {
    let run = try Kept("(trap 'echo tool ends; exit' TERM; echo tool; tail -f /dev/null & wait) & read x; exit 3")
    let attached = try run.attach()
    _ = try attached.read(to: "tool\n")
    try attached.send(.input(number: 1, bytes: [10]))
    let told = try run.finish()
    #expect(told.text == "tool\ntool ends\n")
    #expect(told.ending == .exit(3))
  }

  @Test func `the keeper stays until the ending was acknowledged, then nothing is left`() throws {
    let run = try Kept("echo hello; exit 4")
    for _ in 0..<3 {
      let told = try run.attach().followToEnd()
      #expect(told.text == "hello\n" && told.ending == .exit(4))
      #expect(run.keeper.isAlive)
    }
    try run.attach().send(.acknowledgeEnding)
    try run.keeper.waitForEnd()
    #expect(access(run.socket, F_OK) != 0)
    // What it wrote down stays for whoever comes later.
    #expect(run.note == EndingNote(ending: .exit(4), recorded: 6))
    #expect(run.recording == Array("hello\n".utf8))
  }

  @Test func `an acknowledgement while the agent runs is none`() throws {
    let run = try Kept("cat")
    let attached = try run.attach()
    try attached.send(.acknowledgeEnding)
    try attached.send(.input(number: 1, bytes: Array("x\n".utf8)))
    #expect(try attached.read(to: "x\n") == "x\n")
    #expect(run.keeper.isAlive && run.agent.isAlive)
  }

  @Test func `a plan's steps are taken one after another, and who ignores them all is killed`() throws {
    let run = try Kept(
      """
      trap 'echo asked' TERM; echo ready
      while read word; do echo "said $word"; done; echo closed
      while :; do tail -f /dev/null & wait; done
      """)
    let attached = try run.attach()
    _ = try attached.read(to: "ready\n")
    try attached.send(
      .end([
        TeardownStep(.say(Array("stop\n".utf8)), milliseconds: 300), TeardownStep(.closeInput, milliseconds: 300),
        TeardownStep(.signal(SIGTERM), milliseconds: 300),
      ]))
    let told = try run.finish()
    #expect(told.text == "ready\nsaid stop\nclosed\nasked\n")
    #expect(told.ending == .signal(SIGKILL))
  }

  @Test func `an agent that heeds the first step does not wait for the others`() throws {
    let run = try Kept("cat; echo bye; exit 9")
    let hour: UInt32 = 3_600_000
    let attached = try run.attach()
    try attached.send(
      .end([TeardownStep(.closeInput, milliseconds: hour), TeardownStep(.signal(9), milliseconds: hour)]))
    let told = try run.finish()
    #expect(told.ending == .exit(9) && told.text == "bye\n")
  }

  @Test func `a plan goes on when the one who asked for it is gone`() throws {
    let run = try Kept("trap '' TERM; echo ready; exec tail -f /dev/null")
    do {
      let asking = try run.attach()
      _ = try asking.read(to: "ready\n")
      try asking.send(.end([TeardownStep(.signal(SIGTERM), milliseconds: 50)]))
      try asking.send(.input(number: 1, bytes: []))
      try asking.taken(1)
    }
    #expect(try run.finish().ending == .signal(SIGKILL))
  }

  @Test func `a shorter plan takes over a longer one`() throws {
    let run = try Kept("trap '' TERM; echo ready; exec tail -f /dev/null")
    let attached = try run.attach()
    _ = try attached.read(to: "ready\n")
    let hour: UInt32 = 3_600_000
    try attached.send(
      .end([TeardownStep(.signal(SIGTERM), milliseconds: hour), TeardownStep(.closeInput, milliseconds: hour)]))
    try attached.send(.end([]))
    #expect(try run.finish().ending == .signal(SIGKILL))
  }

  @Test func `a keeper that is asked to end by a signal ends its agent and keeps the ending`() throws {
    for signal in [SIGTERM, SIGINT] {
      let run = try Kept("cat; echo orderly")
      run.keeper.signal(signal)
      let told = try run.attach().followToEnd()
      #expect(told.ending == .exit(0) && told.text == "orderly\n")
      #expect(run.keeper.isAlive)
      try run.finish()
    }
  }

  @Test func `a hang-up is no reason to end`() throws {
    let run = try Kept("cat")
    run.keeper.signal(SIGHUP)
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("here\n".utf8)))
    #expect(try attached.read(to: "here\n") == "here\n")
  }

  @Test func `a keeper whose run's directory was removed leaves when the agent has ended`() throws {
    let place = try TemporaryDirectory()
    let directory = place.path + "/run"
    #expect(mkdir(directory, 0o700) == 0)
    let run = try Kept("cat", place: place, directory: directory)
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("before\n".utf8)))
    #expect(try attached.read(to: "before\n") == "before\n")
    #expect(try Child.run("/bin/rm", ["-r", directory]) == 0)
    // Not a reason to end by itself.
    try attached.send(.input(number: 2, bytes: Array("after\n".utf8)))
    #expect(try attached.read(to: "after\n") == "before\nafter\n")
    try attached.send(.closeInput)
    try run.keeper.waitForEnd()
    #expect(!run.agent.isAlive)
  }
}
