import ApusFrames
import ApusTestKit
import Testing

@Suite("what an agent is told through its keeper") struct KeeperInputTests {
  private func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

  @Test func `an input number is taken once, however often and by whomever it is sent`() throws {
    let run = try Kept("cat")
    let first = try run.attach()
    try first.send(.input(number: 1, bytes: line("a")))
    try first.send(.input(number: 1, bytes: line("a")))
    try first.taken(1)
    try first.taken(1)
    let second = try Attached(run.socket)
    #expect(try second.hello().lastInput == 1)
    try second.send(.input(number: 1, bytes: line("a")))
    try second.send(.input(number: 2, bytes: line("b")))
    try second.send(.input(number: 1, bytes: line("a")))
    try second.send(.input(number: 5, bytes: line("c")))
    try second.send(.input(number: 4, bytes: line("late")))
    try second.taken(4)
    try second.send(.closeInput)
    let told = try run.finish()
    #expect(told.text == "a\nb\nc\n")
    #expect(told.ending == .exit(0))
  }

  @Test func `what was taken stays taken when its sender is gone`() throws {
    let run = try Kept("read one; cat")
    do {
      let sender = try run.attach()
      try sender.send(.input(number: 1, bytes: line("swallowed")))
      try sender.send(.input(number: 2, bytes: line("kept")))
      try sender.taken(2)
    }
    let later = try run.attach()
    #expect(try later.read(to: "kept\n") == "kept\n")
  }

  @Test func `all that was said arrives before the input is closed`() throws {
    let run = try Kept("wc -c")
    let attached = try run.attach()
    for number: UInt64 in 1...5 {
      try attached.send(.input(number: number, bytes: [UInt8](repeating: 120, count: 1_000_000)))
    }
    try attached.send(.closeInput)
    let told = try attached.followToEnd()
    #expect(told.text.split(separator: " ").joined() == "5000000\n")
    #expect(told.ending == .exit(0))
  }

  @Test func `an agent that does not listen makes nobody wait`() throws {
    let run = try Kept("echo deaf; exec tail -f /dev/null")
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: [UInt8](repeating: 120, count: 5_000_000)))
    try attached.taken(1)
    #expect(try attached.read(to: "deaf\n") == "deaf\n")
    #expect(try Attached(run.socket).hello().lastInput == 1)
    try attached.send(.end([]))
    #expect(try run.finish().ending == .signal(9))
  }

  @Test func `an agent that closed its input hears nothing more and goes on`() throws {
    let run = try Kept("exec 0<&-; echo closed; exec tail -f /dev/null")
    let attached = try run.attach()
    _ = try attached.read(to: "closed\n")
    try attached.send(.input(number: 1, bytes: line("nobody reads this")))
    try attached.send(.input(number: 2, bytes: line("nor this")))
    try attached.taken(2)
    try attached.send(.end([TeardownStep(.signal(15), milliseconds: 60_000)]))
    #expect(try run.finish().ending == .signal(15))
  }

  @Test func `empty input is taken and changes nothing`() throws {
    let run = try Kept("cat")
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: []))
    try attached.send(.input(number: 2, bytes: line("x")))
    try attached.taken(2)
    try attached.send(.closeInput)
    #expect(try run.finish().text == "x\n")
  }
}
