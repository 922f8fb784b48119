import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row F11: clients of an agent that are killed. `APUS_SOAK=1` makes it fifty rounds.
@Suite struct KilledClientTests {
  private static let rounds = getenv("APUS_SOAK") == nil ? 5 : 50

  @Test func `a client killed in the middle of a turn loses nothing, and the next is given the same agent`()
    async throws
  {
    try await TestHome.with { home in
      var conversation = ""
      var agent: ProcessMark?
      var expected: [String] = []
      for round in 0..<Self.rounds {
        let options = conversation.isEmpty ? "{}" : #"{"resume": "\#(conversation)"}"#
        try await Backend.with(home, options) { backend in
          let heard = try await backend.ask("say: round \(round)")
          let session = try await home.only()
          conversation = session.conversationID
          #expect(heard.allSatisfy { $0.session_id ?? conversation == conversation })
          // Nothing of the turn that was cut is among it.
          #expect(heard.compactMap(\.text) == ["round \(round)"], "\(heard)")
          #expect(session.run == 1)
          if let agent { #expect(session.agentMark == agent) } else { agent = session.agentMark }
          await backend.program.say("slow 1: finished alone \(round)")
          try await backend.hear("SystemMessage") { $0.subtype == "init" }
          // The client alone, the backend alone (whose end is no deliberate close), or both at once.
          if round % 3 != 1 { Processes.signal(backend.client, SIGKILL) }
          if round % 3 != 0 { backend.program.kill() }
          expected += [
            "say: round \(round)", "round \(round)", "slow 1: finished alone \(round)", "finished alone \(round)",
          ]
        }
        // Half of the next ones come while the turn is still under way.
        if round % 2 == 0 { #expect(try await home.wait(conversation, .idle).state == .running) }
      }
      _ = try await home.wait(conversation, .idle)
      #expect(try home.chain(conversation) == expected)
    }
  }
}
