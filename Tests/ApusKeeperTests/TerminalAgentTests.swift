import ApusFrames
import ApusTestKit
import CSystem
import Glibc
import Testing

@Suite("a program on a terminal of its own") struct TerminalAgentTests {
  private static let size = TerminalSize(31, 97)

  private func run(_ script: String, settings: [UInt8] = []) throws -> Kept {
    try Kept(script, terminal: Self.size, settings: settings)
  }

  @Test func `it has a terminal of the size that was asked for, which is its controlling one`() throws {
    let run = try run(
      """
      tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo three; echo word > /dev/tty; echo errors >&2
      ls -l /proc/self/fd | sed -n 's/.*\\([0-9]\\) -> \\(.dev.pts\\).*/\\1 \\2/p'
      """)
    let told = try run.finish()
    let lines = told.text.split(separator: "\r\n").map { String($0) }
    #expect(lines.first?.hasPrefix("/dev/pts/") == true)
    // Of `ls` the output is a pipe.
    #expect(
      Array(lines.dropFirst()) == ["31 97", "three", "word", "errors", "0 /dev/pts", "2 /dev/pts"], "\(told.text)")
    #expect(told.ending == .exit(0) && told.recorded == UInt64(told.output.count))
    #expect(run.recording == told.output && run.sizes == [SizeNote(offset: 0, size: Self.size)])
  }

  @Test func `it leads its process group, which is the terminal's foreground one, in the keeper's session`() throws {
    let run = try run("ps -o pid=,pgid=,sid=,tpgid= -p $$")
    let numbers = try run.finish().text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
    let agent = run.card.agent
    #expect(numbers == [agent, agent, run.card.keeper, agent])
  }

  @Test func `the welcome tells of the terminal`() throws {
    #expect(try run("exec cat").attach().hello().terminal == Self.size)
    #expect(try Kept("exec cat").attach().hello().terminal == nil)
  }

  @Test func `keys are echoed and read, and Ctrl-C interrupts`() throws {
    let run = try run("exec cat")
    let lead = try run.attach()
    try lead.view(.lead, Self.size)
    try lead.type("hello\r")
    #expect(try lead.read(to: "hello\r\nhello\r\n") == "hello\r\nhello\r\n")
    try lead.send(.type([3]))
    let told = try lead.followToEnd()
    #expect(told.ending == .signal(SIGINT))
    #expect(told.text == "hello\r\nhello\r\n^C")
    try run.finish()
  }

  @Test func `settings that were handed over arrive, but Ctrl-S holds nothing`() throws {
    let terminal = try OwnPseudoTerminal()
    var modes = terminal.modes
    withUnsafeMutableBytes(of: &modes.c_cc) { keys in
      keys[Int(VERASE)] = 8
      keys[Int(VINTR)] = 7
    }
    modes.c_iflag |= tcflag_t(IXON | IXOFF)
    terminal.modes = modes
    let script = "stty -a; stty -echo; echo ready; while read line; do echo \"got $line\"; done"
    let run = try run(script, settings: terminal.settings)
    let attached = try run.attach()
    let said = try attached.read(to: "ready\r\n")
    for word in ["erase = ^H;", "intr = ^G;", "-ixon", "-ixoff", "iutf8", "rows 31; columns 97;"] {
      #expect(said.contains(word), "\(word) in \(said)")
    }
    try attached.send(.type([19] + Array("abX".utf8) + [8] + Array("c\r".utf8)))
    #expect(try attached.read(from: UInt64(said.utf8.count), to: "c\r\n") == "got \u{13}abc\r\n")
    try attached.send(.type([7]))
    #expect(try run.finish().ending == .signal(SIGINT))
  }

  @Test(arguments: [1, 59, 61, 4096]) func `settings of another length are none`(_ length: Int) throws {
    let run = try run("stty -a", settings: [UInt8](repeating: 255, count: length))
    let said = try run.finish().text
    #expect(said.contains("erase = ^?;") && said.contains("intr = ^C;") && said.contains("isig icanon"))
  }

  @Test func `the agent cannot be started on a terminal either where there is none`() throws {
    let missing = try Kept(program: "/nowhere/agent", arguments: ["agent"], terminal: Self.size)
    #expect(try missing.finish().ending == .neverStarted(ENOENT))
    let noPlace = try Kept("true", working: "/nowhere", terminal: Self.size)
    #expect(try noPlace.finish().ending == .neverStarted(ENOENT))
  }

  @Test func `a terminal's input cannot be closed by itself`() throws {
    let run = try run("stty -echo; echo ready; exec cat")
    let attached = try run.attach()
    _ = try attached.read(to: "ready\r\n")
    try attached.send(.closeInput)
    try attached.type("still read\r")
    #expect(try attached.read(from: 7, to: "\n") == "still read\r\n")
    // The end of a file is typed.
    try attached.send(.type([4]))
    #expect(try run.finish().ending == .exit(0))
  }

  @Test func `numbered inputs are typed once, as on pipes`() throws {
    let run = try run("stty -echo; echo ready; exec cat")
    let attached = try run.attach()
    _ = try attached.read(to: "ready\r\n")
    for number: UInt64 in [1, 2, 2, 1, 3] {
      try attached.send(.input(number: number, bytes: Array("\(number)\n".utf8)))
    }
    try attached.taken(3)
    #expect(try attached.read(from: 7, to: "3\r\n") == "1\r\n2\r\n3\r\n")
  }

  @Test func `nothing of a terminal is said to an agent on pipes`() throws {
    let run = try Kept("exec cat")
    let attached = try run.attach()
    for request: KeeperRequest in [
      .view(View(wish: .lead, size: .usual)), .type([65, 10]), .size(.usual), .lead, .leave,
    ] {
      try attached.send(request)
      guard case .refused = try attached.next() else {
        Issue.record("\(request) was not refused")
        return
      }
    }
    try attached.send(.input(number: 1, bytes: Array("only this\n".utf8)))
    #expect(try attached.read(to: "\n") == "only this\n")
  }
}
