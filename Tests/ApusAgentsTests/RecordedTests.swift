import ApusAgents
import ApusCore
import ApusTestKit
import Testing

@Suite("recorded streams") struct RecordedTests {
  /// `NAME.events` was read against the recording by eye; a difference is a change of what people see.
  @Test(arguments: Recorded.names) func `a recorded stream is exactly these events`(_ name: String) throws {
    let events = Recorded.events(of: try Recorded.load(name + ".jsonl"))
    let expected = try Recorded.load(name + ".events").split(separator: "\n").map { String($0) }
    #expect(try events.map { try Recorded.line($0) } == expected)
  }

  @Test(arguments: Recorded.names) func `reading goes on where it stopped, at any line`(_ name: String) throws {
    let text = try Recorded.load(name + ".jsonl")
    let whole = Recorded.events(of: text)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for cut in 0...lines.count {
      var stream = ClaudeStream()
      var events = Recorded.events(of: lines[..<cut].joined(separator: "\n"), &stream)
      stream = try JSONText.decode(ClaudeStream.self, from: JSONText.encode(stream))
      events += Recorded.events(of: lines[cut...].joined(separator: "\n"), &stream)
      #expect(events == whole, "cut at line \(cut)")
    }
  }

  @Test(arguments: Recorded.names) func `a stream cut or spoilt anywhere never brings the reader down`(_ name: String)
    throws
  {
    let bytes = Array(try Recorded.load(name + ".jsonl").utf8)
    var random = Seeded(91)
    for _ in 0..<100 {
      var spoilt = Array(bytes[random.below(bytes.count)...].prefix(random.below(3_000)))
      for _ in 0..<random.below(6) where !spoilt.isEmpty {
        spoilt[random.below(spoilt.count)] = UInt8(random.below(256))
      }
      var stream = ClaudeStream()
      for line in spoilt.split(separator: 10) { _ = stream.read(line: line, at: 0) }
    }
  }

  /// What a turn's state makes of them: the streams of whole conversations end at rest.
  @Test(arguments: [
    "session_state_events", "measured_turn", "measured_merged", "measured_taken_in", "measured_interrupt",
    "measured_interrupt_permission",
  ])
  func `after a whole conversation nothing is open`(_ name: String) throws {
    var turn = TurnState(since: 0)
    turn.handle(.ready(version: nil), now: 0)
    for event in Recorded.events(of: try Recorded.load(name + ".jsonl")) {
      if case .promptStarted(let id) = event { turn.acceptPrompt(id, now: 0) }
      turn.handle(event, now: 1)
    }
    #expect(turn.activity == .idle && turn.open.isEmpty && turn.pending.isEmpty)
  }
}
