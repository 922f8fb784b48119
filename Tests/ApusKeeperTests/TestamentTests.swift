import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@Suite("what is done for a viewer that was killed") struct TestamentTests {
  private static let undoing = Array("\u{1B}[?1049l\u{1B}[?25h".utf8)

  private func testament(_ terminal: OwnPseudoTerminal) -> View.Testament {
    View.Testament(device: Array(terminal.device.utf8), settings: terminal.settings, bytes: Self.undoing)
  }

  /// What is typed before `ready` would be echoed.
  private func begin() throws -> Kept {
    let run = try Kept("stty -echo; echo ready; exec cat", terminal: .usual)
    _ = try run.attach().read(to: "ready\r\n")
    return run
  }

  private func isCooked(_ terminal: OwnPseudoTerminal) -> Bool {
    terminal.modes.c_lflag & tcflag_t(ICANON | ECHO | ISIG) == tcflag_t(ICANON | ECHO | ISIG)
  }

  @Test func `its terminal has its settings back and what was drawn is undone`() throws {
    let run = try begin()
    let terminal = try OwnPseudoTerminal()
    let settings = terminal.settings
    do {
      let viewer = try run.attach()
      let will = testament(terminal)
      terminal.makeRaw()
      try viewer.view(.lead, testament: will)
      #expect(terminal.next(seconds: 0) == nil && !isCooked(terminal))
    }
    #expect(terminal.next(seconds: 30) == Self.undoing)
    #expect(isCooked(terminal) && terminal.settings == settings)
  }

  @Test func `a viewer that breaks off in the middle of a word is one that was killed`() throws {
    let run = try begin()
    let terminal = try OwnPseudoTerminal()
    do {
      let viewer = try run.attach()
      try viewer.view(.lead, testament: testament(terminal))
      terminal.makeRaw()
      try viewer.send(bytes: Array(KeeperRequest.type(Array("never typed".utf8)).frame.encoded.dropLast(3)))
    }
    #expect(terminal.next(seconds: 30) == Self.undoing)
    #expect(isCooked(terminal))
    // Nothing of the half word is typed, and the agent is well.
    let program = try run.attach()
    try program.type("typed\r")
    #expect(try program.read(to: "typed\r\n") == "ready\r\ntyped\r\n")
  }

  @Test func `one that says farewell has put its terminal right itself`() throws {
    let run = try begin()
    let terminal = try OwnPseudoTerminal()
    let viewer = try run.attach()
    try viewer.view(.lead, testament: testament(terminal))
    terminal.makeRaw()
    try viewer.send(.leave)
    try viewer.waitForClose()
    try run.attach().settled()
    #expect(terminal.next(seconds: 0) == nil && !isCooked(terminal))
  }

  @Test func `the last testament counts, and none is a testament too`() throws {
    let run = try begin()
    let (first, second) = (try OwnPseudoTerminal(), try OwnPseudoTerminal())
    do {
      let viewer = try run.attach()
      try viewer.view(.lead, testament: testament(first))
      try viewer.view(.lead, testament: testament(second))
      let other = try run.attach()
      try other.view(.watch, testament: testament(first))
      try other.view(.watch)
    }
    #expect(second.next(seconds: 30) == Self.undoing)
    try run.attach().settled()
    #expect(first.next(seconds: 0) == nil)
  }

  @Test func `a device that is missing or no terminal is passed over and not written to`() throws {
    let run = try begin()
    let place = try TemporaryDirectory()
    try place.write("file", "as it was")
    #expect(mkfifo(place.path + "/pipe", 0o600) == 0)
    #expect(symlink(place.path + "/file", place.path + "/link") == 0)
    let devices = ["", "/nowhere", "/dev/null", "/", place.path + "/file", place.path + "/pipe", place.path + "/link"]
    for device in devices {
      let viewer = try run.attach()
      let viewing = try viewer.view(
        .lead, testament: .init(device: Array(device.utf8), settings: [], bytes: Self.undoing))
      #expect(viewing.leads, "\(device)")
    }
    try run.attach().settled()
    #expect(place.load("file") == Array("as it was".utf8))
    #expect(run.keeper.isAlive && run.agent.isAlive)
  }

  @Test func `settings of a wrong length leave the terminal's as they are, and the bytes are written`() throws {
    let run = try begin()
    let terminal = try OwnPseudoTerminal()
    terminal.makeRaw()
    let raw = terminal.settings
    do {
      let viewer = try run.attach()
      try viewer.view(
        .lead, testament: .init(device: Array(terminal.device.utf8), settings: [1, 2, 3], bytes: Self.undoing))
    }
    #expect(terminal.next(seconds: 30) == Self.undoing)
    #expect(terminal.settings == raw)
  }

  @Test func `a terminal that is held and full stalls nobody, and all is done once it has room`() throws {
    let run = try begin()
    let terminal = try OwnPseudoTerminal()
    let will = testament(terminal)
    terminal.makeRaw()
    do {
      let viewer = try run.attach()
      try viewer.view(.lead, testament: will)
      terminal.fill()
    }
    let program = try run.attach()
    for round in 1...20 {
      try program.type("\(round)\r")
      _ = try program.read(to: "\(round)\r\n")
    }
    #expect(isCooked(terminal))
    // It is let go on, and what is drawn is undone after all that was written before.
    var last: [UInt8] = []
    while last != Self.undoing, let more = terminal.next(seconds: 10) {
      last = (last + more).suffix(Self.undoing.count)
    }
    #expect(last == Self.undoing)
  }

  @Test func `a terminal that went away with its viewer harms nobody`() throws {
    let run = try begin()
    do {
      let terminal = try OwnPseudoTerminal()
      let viewer = try run.attach()
      try viewer.view(.lead, testament: testament(terminal))
    }
    let program = try run.attach()
    try program.type("fine\r")
    #expect(try program.read(to: "fine\r\n") == "ready\r\nfine\r\n")
  }
}
