import ApusFrames
import ApusTestKit
import Testing

@Suite("who speaks with an agent of pipes") struct SpeakerTests {
  private func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

  private func speaker(_ attached: Attached) throws -> Int32 {
    while true {
      if case .speaker(let process) = try attached.next() { return process }
    }
  }

  @Test func `one speaks at a time, all are told who, and the next may when that one is gone`() throws {
    let run = try Kept("cat")
    let daemon = try run.attach()
    do {
      let first = try Attached(run.socket)
      try first.hello()
      try first.send(.speak(process: 11))
      #expect(try speaker(first) == 11 && speaker(daemon) == 11)
      let second = try Attached(run.socket)
      try second.hello()
      #expect(try speaker(second) == 11, "with the welcome")
      try second.send(.speak(process: 22))
      #expect(try speaker(second) == 11, "refused")
      try second.send(.type(line("not heard")))
      guard case .refused = try second.next() else { throw TestFailure("it was heard") }
      try first.send(.type(line("one")))
      #expect(try first.read(to: "one\n") == "one\n")
    }
    #expect(try speaker(daemon) == 0)
    let third = try Attached(run.socket)
    try third.hello()
    try third.send(.speak(process: 33))
    #expect(try speaker(third) == 33 && speaker(daemon) == 33)
    try third.send(.type(line("three")))
    try third.send(.closeInput)
    let told = try run.finish()
    #expect(told.text == "one\nthree\n" && told.ending == .exit(0))
  }

  @Test func `of one who dies in the middle of a word nothing is left, and nobody's words stand within another's`()
    throws
  {
    let run = try Kept("cat")
    let daemon = try run.attach()
    do {
      let first = try Attached(run.socket)
      try first.hello()
      try first.send(.speak(process: 11))
      try first.send(.type(line("whole")))
      let torn = KeeperRequest.type([UInt8](repeating: 120, count: 100_000)).frame.encoded
      try first.send(bytes: Array(torn.dropLast(1)))
      #expect(try speaker(daemon) == 11)
      try daemon.send(.input(number: 2, bytes: line("another's")))
      try daemon.taken(2)
    }
    #expect(try speaker(daemon) == 0)
    let next = try Attached(run.socket)
    try next.hello()
    try next.send(.speak(process: 22))
    try next.send(.type(line("next")))
    try next.send(.closeInput)
    #expect(try run.finish().text.split(separator: "\n").sorted() == ["another's", "next", "whole"])
  }

  @Test func `an agent whose input is closed, and one on a terminal, is spoken with by nobody`() throws {
    let run = try Kept("cat >/dev/null; exec sleep 60")
    let attached = try run.attach()
    try attached.send(.closeInput)
    try attached.send(.speak(process: 11))
    guard case .refused(let why) = try attached.next() else { throw TestFailure("it may speak") }
    #expect(String(decoding: why, as: UTF8.self) == "the agent's input is closed")
    let terminal = try Kept("exec sleep 60", terminal: TerminalSize(rows: 24, columns: 80))
    let other = try terminal.attach()
    try other.send(.speak(process: 11))
    guard case .refused = try other.next() else { throw TestFailure("it may speak") }
  }

  @Test func `one who says more than the agent reads is not listened to`() throws {
    let run = try Kept("exec sleep 60")
    let attached = try run.attach()
    try attached.send(.speak(process: 11))
    let piece = [UInt8](repeating: 120, count: 65_535) + [10]
    // As much as socket, queue and pipe hold, and not more, is taken of it.
    var sent = 0
    do {
      while sent < 1024 {
        try attached.send(bytes: KeeperRequest.type(piece).frame.encoded, seconds: 1)
        sent += 1
      }
    } catch is TestFailure {}
    #expect(sent < 64, "\(sent)")
  }
}
