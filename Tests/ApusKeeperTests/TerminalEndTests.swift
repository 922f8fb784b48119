import ApusFrames
import ApusTestKit
import Glibc
import Testing

@Suite("how a run on a terminal ends") struct TerminalEndTests {
  @Test(arguments: [0, 1, 42, 255]) func `its exit code is told, and a terminal nobody has open is no trouble`(
    _ code: Int32
  ) throws {
    let run = try Kept("printf last; exit \(code)", terminal: .usual)
    let told = try run.finish()
    #expect(told.ending == .exit(code) && told.text == "last" && told.troubles == [])
    #expect(run.note == EndingNote(ending: .exit(code), recorded: 4))
  }

  @Test func `what is written just before the end is recorded, every time`() throws {
    let words = String(repeating: "0123456789", count: 300)
    for round in 0..<20 {
      let run = try Kept("printf '\(words)'; exec printf 'the last word'", terminal: .usual)
      #expect(try run.finish().text == words + "the last word", "round \(round)")
    }
  }

  @Test func `a signal of its own is told`() throws {
    let run = try Kept("echo up; kill -SEGV $$", terminal: .usual)
    let told = try run.finish()
    #expect(told.ending == .signal(SIGSEGV) && told.text == "up\r\n")
  }

  @Test func `a child that keeps the terminal open is ended, and its words are recorded`() throws {
    let run = try Kept(
      """
      stty -echo; setsid sh -c 'trap "echo late words; exit" TERM HUP; echo up; tail -f /dev/null & wait' &
      read x; exit 3
      """, terminal: .usual)
    let attached = try run.attach()
    _ = try attached.read(to: "up\r\n")
    try attached.type("\r")
    let told = try attached.followToEnd()
    #expect(told.text == "up\r\nlate words\r\n" && told.ending == .exit(3))
    #expect(run.note?.recorded == told.recorded && run.recording == told.output)
    try run.finish()
  }

  @Test func `a terminal that was closed by all and opened again is the same one`() throws {
    let place = try TemporaryDirectory()
    for name in ["closed", "go"] { #expect(mkfifo(place.path + "/" + name, 0o600) == 0) }
    let run = try Kept(
      """
      stty -echo; echo before; exec 0<&- 1>&- 2>&-; echo > closed; read word < go
      exec 0</dev/tty 1>/dev/tty 2>&1; echo opened again; read line; echo "read $line"
      """, working: place.path, terminal: .usual)
    let attached = try run.attach()
    #expect(Kept.load(place.path + "/closed") == [10])
    // The keeper has seen it by then.
    for _ in 0..<3 { try attached.settled() }
    try Kept.save([10], place.path + "/go")
    _ = try attached.read(to: "again\r\n")
    try attached.type("typed\r")
    let told = try attached.followToEnd()
    #expect(told.text == "before\r\nopened again\r\nread typed\r\n" && told.ending == .exit(0))
  }

  @Test func `a keeper asked to end by a signal ends an agent on a terminal too`() throws {
    let run = try Kept("trap 'echo orderly; exit 7' TERM; echo ready; tail -f /dev/null & wait", terminal: .usual)
    _ = try run.attach().read(to: "ready\r\n")
    run.keeper.signal(SIGTERM)
    let told = try run.finish()
    #expect(told.ending == .exit(7) && told.text == "ready\r\norderly\r\n")
  }

  @Test func `the last word of a daemon that hung up is heard, whatever it could not be told any more`() throws {
    let run = try Kept("read x", terminal: .usual)
    let viewer = try run.attach()
    try viewer.view(.lead)
    // More than are dealt with at a time, so that the word comes after what the daemon is told.
    let others = try (0..<80).map { _ in try run.attach() }
    do {
      let daemon = try run.attach()
      try daemon.send(.follow(offset: .max))
      try viewer.type("\r")
      _ = try viewer.followToEnd()
      try daemon.waitFor(.ending(.exit(0), recorded: run.note?.recorded ?? 0))
      run.keeper.signal(SIGSTOP)
      while !run.isStopped(run.keeper.pid) {}
      try viewer.send(.leave)
      for other in others { try other.send(.hello(version: KeeperProtocol.version)) }
      try daemon.send(.acknowledgeEnding)
    }
    run.keeper.signal(SIGCONT)
    try run.keeper.waitForEnd()
  }

  @Test func `viewers are told the ending after the last byte, and those who come later too`() throws {
    let run = try Kept("stty -echo; echo ready; read x; seq 1 20000; exit 4", terminal: .usual)
    let viewers = try (0..<10).map { _ in try run.attach() }
    _ = try run.attach().read(to: "ready\r\n")
    for viewer in viewers {
      try viewer.view(.follow)
      try viewer.send(.follow(offset: 0))
    }
    try viewers[0].type("\r")
    let wanted = "ready\r\n" + (1...20_000).map { "\($0)\r\n" }.joined()
    for viewer in viewers {
      let told = try viewer.followToEnd(asks: false)
      #expect(told.text == wanted && told.ending == .exit(4))
    }
    let late = try run.attach()
    let viewing = try late.view(.follow, TerminalSize(50, 50))
    #expect(viewing.available == UInt64(wanted.utf8.count))
    #expect(try late.followToEnd().text == wanted)
    try run.finish()
  }
}
