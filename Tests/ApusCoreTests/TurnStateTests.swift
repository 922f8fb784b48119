import ApusCore
import ApusTestKit
import Testing

@Suite("turns") struct TurnStateTests {
  private func result(_ prompts: [String], failure: Failure? = nil) -> AgentEvent {
    .turnEnded(TurnResult(text: "", prompts: prompts, failure: failure, cost: nil, tokens: Tokens()))
  }

  private func ready(_ mode: AgentMode = .idle) -> TurnState {
    var turn = TurnState(since: 0)
    turn.handle(.ready(version: "2.1.329"), now: 0)
    turn.handle(.modeChanged(mode), now: 0)
    return turn
  }

  private func ask(_ id: String) -> AgentEvent {
    .permissionAsked(PermissionRequest(id: id, tool: "Bash", input: .object([:])))
  }

  @Test func `where a client speaks with the agent, what it is told is seen by what it does`() {
    var turn = TurnState(since: 0, isSpoken: true)
    #expect(turn.activity == .unknown && turn.takesPrompts)
    turn.handle(.ready(version: nil), now: 1)
    #expect(turn.activity == .idle)
    turn.handle(.modeChanged(.running), now: 2)
    turn.handle(ask("a"), now: 3)
    turn.handle(.modeChanged(.waiting), now: 3)
    #expect(turn.activity == .needsYou)
    turn.handle(.modeChanged(.running), now: 4)
    #expect(turn.activity == .working && turn.pending.isEmpty, "its client answered")
    turn.handle(result([]), now: 5)
    #expect(turn.activity == .working, "it says itself when it rests")
    turn.handle(.modeChanged(.idle), now: 6)
    #expect(turn.activity == .idle)
  }

  @Test func `an agent of a client's that does not say what it does works from a turn's beginning to its end`() {
    var turn = TurnState(since: 0, isSpoken: true)
    turn.handle(.turnBegan(conversationID: "c", model: nil), now: 1)
    #expect(turn.activity == .working && turn.isReady)
    turn.handle(ask("a"), now: 2)
    turn.handle(.said(Utterance(role: .tool, text: "", id: "t", tool: "Bash")), now: 3)
    #expect(turn.activity == .needsYou)
    turn.handle(.said(Utterance(role: .tool, text: "", id: "t/result", tool: "Bash", isError: false)), now: 4)
    #expect(turn.activity == .working)
    turn.handle(result([]), now: 5)
    #expect(turn.activity == .idle)
  }

  @Test func `before the agent answered nothing is known`() {
    let turn = TurnState(since: 5)
    #expect(turn.activity == .unknown && !turn.takesPrompts && !turn.isMidTurn)
    #expect(ready().activity == .idle && ready().takesPrompts)
  }

  @Test func `an agent that answers without saying what it does is idle`() {
    var turn = TurnState(since: 0)
    turn.handle(.ready(version: nil), now: 1)
    #expect(turn.activity == .idle)
  }

  /// The order is that of claude 2.1.329 where a message comes while a tool runs.
  @Test func `a message taken into a running turn is finished with that turn, not before`() {
    var turn = ready()
    for id in ["p", "q"] { turn.acceptPrompt(id, now: 1) }
    for event in [AgentEvent.modeChanged(.running), .promptStarted(id: "p"), .promptStarted(id: "q")] {
      turn.handle(event, now: 2)
    }
    turn.handle(.promptFinished(id: "q", withdrawn: false), now: 3)
    #expect(!turn.isFinished("q") && turn.activity == .working)
    turn.handle(result(["p", "q"]), now: 4)
    turn.handle(.promptFinished(id: "p", withdrawn: false), now: 5)
    turn.handle(.modeChanged(.idle), now: 6)
    #expect(turn.isFinished("q") && turn.isFinished("p") && turn.activity == .idle)

    // Taken back, there is nothing to wait for.
    for id in ["r", "s"] { turn.acceptPrompt(id, now: 7) }
    turn.handle(.modeChanged(.running), now: 7)
    turn.handle(.promptStarted(id: "r"), now: 7)
    turn.handle(.promptFinished(id: "s", withdrawn: true), now: 8)
    #expect(turn.isFinished("s"))
    // Where the turn ends without a word of how, at rest there is nothing to wait for either.
    turn.acceptPrompt("u", now: 9)
    turn.handle(.promptStarted(id: "u"), now: 9)
    turn.handle(.promptFinished(id: "u", withdrawn: false), now: 9)
    turn.handle(.modeChanged(.idle), now: 10)
    #expect(turn.isFinished("u"))
  }

  @Test func `a simple turn works from acceptance to rest`() {
    var turn = ready()
    turn.acceptPrompt("p", now: 1)
    let events: [AgentEvent] = [
      .modeChanged(.running), .promptStarted(id: "p"), .turnBegan(conversationID: "c", model: "m"),
      .said(Utterance(role: .assistant, text: "x")), result(["p"]), .promptFinished(id: "p", withdrawn: false),
    ]
    for event in events {
      #expect(turn.activity == .working && turn.isMidTurn && !turn.isFinished("p"), "before \(event)")
      turn.handle(event, now: 2)
    }
    // Answered, but the agent has not come to rest.
    #expect(turn.activity == .working && !turn.isFinished("p"))
    turn.handle(.modeChanged(.idle), now: 3)
    #expect(turn.activity == .idle && turn.isFinished("p") && !turn.isMidTurn)
  }

  @Test func `idle is not believed while an accepted prompt was not taken up`() {
    var turn = ready()
    turn.acceptPrompt("p", now: 1)
    for _ in 0..<3 {
      turn.handle(.modeChanged(.idle), now: 2)
      #expect(turn.activity == .working && !turn.isFinished("p"))
    }
  }

  @Test func `what was taken up and left idle is over, also where nobody said so`() {
    var turn = ready()
    turn.acceptPrompt("p", now: 1)
    turn.handle(.promptStarted(id: "p"), now: 1)
    turn.handle(.modeChanged(.idle), now: 2)
    #expect(turn.isFinished("p") && turn.activity == .idle)
  }

  @Test func `three messages queued while busy are answered by one turn`() {
    var turn = ready()
    for id in ["a", "q1", "q2", "q3"] { turn.acceptPrompt(id, now: 1) }
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.promptStarted(id: "a"), now: 1)
    turn.handle(result(["a"]), now: 2)
    turn.handle(.promptFinished(id: "a", withdrawn: false), now: 2)
    // No rest in between: the next ones are at hand.
    #expect(turn.isFinished("a") && turn.activity == .working && turn.open == ["q1", "q2", "q3"])
    for id in ["q1", "q2", "q3"] { turn.handle(.promptStarted(id: id), now: 3) }
    #expect(turn.activity == .working)
    turn.handle(result(["q1", "q2", "q3"]), now: 4)
    for id in ["q1", "q2", "q3"] {
      turn.handle(.promptFinished(id: id, withdrawn: false), now: 4)
      #expect(turn.activity == .working)
    }
    turn.handle(.modeChanged(.idle), now: 5)
    for id in ["a", "q1", "q2", "q3"] { #expect(turn.isFinished(id)) }
    #expect(turn.activity == .idle)
  }

  @Test func `an interrupt with a message queued goes on with the message, without a rest`() {
    var turn = ready()
    turn.acceptPrompt("a", now: 1)
    turn.acceptPrompt("b", now: 1)
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.promptStarted(id: "a"), now: 1)
    let events: [AgentEvent] = [
      result(["a"], failure: Failure(.turnInterrupted, "the turn was interrupted")),
      .promptFinished(id: "a", withdrawn: true), .promptStarted(id: "b"),
    ]
    for event in events {
      turn.handle(event, now: 2)
      #expect(turn.activity == .working && !turn.isFinished("b"))
    }
    #expect(turn.isFinished("a"))
    #expect(turn.lastResult?.failure?.code == .turnInterrupted)
    turn.handle(result(["b"]), now: 3)
    turn.handle(.modeChanged(.idle), now: 4)
    #expect(turn.isFinished("b") && turn.activity == .idle && turn.lastResult?.failure == nil)
  }

  @Test func `a message withdrawn from the queue is done with while another runs`() {
    var turn = ready()
    turn.acceptPrompt("a", now: 1)
    turn.acceptPrompt("b", now: 1)
    turn.handle(.promptStarted(id: "a"), now: 1)
    turn.handle(.promptFinished(id: "b", withdrawn: true), now: 1)
    #expect(turn.isFinished("b") && !turn.isFinished("a") && turn.activity == .working)
  }

  @Test func `a permission asked needs you, until it is answered, withdrawn or moot`() {
    var turn = ready()
    turn.acceptPrompt("p", now: 1)
    turn.handle(.promptStarted(id: "p"), now: 1)
    turn.handle(.modeChanged(.waiting), now: 1)
    #expect(turn.activity == .working)
    turn.handle(ask("1"), now: 1)
    turn.handle(ask("2"), now: 1)
    turn.handle(ask("2"), now: 1)
    #expect(turn.activity == .needsYou && turn.isMidTurn && turn.pending.map(\.id) == ["1", "2"])
    turn.answerPermission("1", now: 2)
    #expect(turn.activity == .needsYou)
    turn.handle(.permissionWithdrawn(id: "2"), now: 3)
    #expect(turn.activity == .working && turn.pending.isEmpty)
    turn.handle(ask("3"), now: 4)
    turn.handle(result(["p"]), now: 5)
    #expect(turn.pending.isEmpty && turn.activity == .working)
  }

  @Test func `an answer to what was not asked changes nothing`() {
    var turn = ready()
    turn.handle(ask("1"), now: 1)
    turn.answerPermission("nope", now: 2)
    #expect(turn.activity == .needsYou)
  }

  @Test func `a prompt accepted twice is one prompt`() {
    var turn = ready()
    turn.acceptPrompt("p", now: 1)
    turn.acceptPrompt("p", now: 1)
    turn.handle(.promptStarted(id: "p"), now: 1)
    turn.handle(.promptStarted(id: "p"), now: 1)
    #expect(turn.open == ["p"] && turn.started == ["p"])
  }

  @Test func `prompts of others leave no trace`() {
    var turn = ready()
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.promptStarted(id: "theirs"), now: 1)
    #expect(turn.open.isEmpty && turn.started.isEmpty && turn.activity == .working)
    turn.handle(.modeChanged(.idle), now: 1)
    #expect(turn.activity == .idle)
  }

  @Test func `what is kept in the middle goes on as if it had never been put away`() throws {
    var random = Seeded(51)
    for _ in 0..<300 {
      var straight = TurnState(since: 0, continuing: random.chance(30), carried: ["p0"], waiting: ["p1"])
      var broken = straight
      for n in 0..<25 {
        let event = anyEvent(&random)
        straight.handle(event, now: Double(n))
        broken = try JSONText.decode(TurnState.self, from: JSONText.encode(broken))
        broken.handle(event, now: Double(n))
        #expect(straight == broken)
      }
    }
  }

  private func anyEvent(_ random: inout Seeded) -> AgentEvent {
    let id = "p\(random.below(4))"
    return switch random.below(10) {
    case 0: .ready(version: nil)
    case 1: .modeChanged(random.pick([.idle, .running, .waiting, .unknown]))
    case 2: .promptStarted(id: id)
    case 3: .promptFinished(id: id, withdrawn: random.chance(50))
    case 4: ask(id)
    case 5: .permissionWithdrawn(id: id)
    case 6: result([id])
    case 7: .said(Utterance(role: .tool, text: "é\u{0}", id: id, tool: "Bash", isError: true))
    case 8: .retrying(Failure(.agentOverloaded, "busy"))
    default: .turnBegan(conversationID: "c", model: nil)
    }
  }
}

@Suite("a turn that is silent for too long") struct StalledTurnTests {
  @Test func `it needs you until its next word`() {
    var turn = TurnState(since: 0)
    turn.handle(.ready(version: nil), now: 1)
    turn.stall()
    #expect(!turn.isStalled && turn.activity == .idle)
    turn.acceptPrompt("p", now: 2)
    #expect(turn.activity == .working)
    turn.stall()
    #expect(turn.isStalled && turn.activity == .needsYou && turn.isMidTurn && turn.since == 2)
    turn.handle(.said(Utterance(role: .assistant, text: "still here")), now: 3)
    #expect(!turn.isStalled && turn.activity == .working)
  }

  @Test func `an agent in a terminal stalls as any other`() {
    var turn = TurnState(since: 0, isTerminal: true)
    turn.see(Sighting(mode: .idle, waitingFor: nil, isForTool: false, at: 1))
    turn.stall()
    #expect(!turn.isStalled && turn.activity == .idle)
    turn.see(Sighting(mode: .running, waitingFor: nil, isForTool: false, at: 2))
    turn.stall()
    #expect(turn.isStalled && turn.activity == .needsYou && turn.isMidTurn)
    turn.see(Sighting(mode: .idle, waitingFor: nil, isForTool: false, at: 3))
    #expect(!turn.isStalled && turn.activity == .idle)
  }

  @Test func `a permission that is asked for is what it needs`() {
    var turn = TurnState(since: 0)
    turn.acceptPrompt("p", now: 1)
    turn.stall()
    turn.handle(.permissionAsked(PermissionRequest(id: "1", tool: "Bash", input: .null)), now: 2)
    turn.stall()
    #expect(!turn.isStalled && turn.activity == .needsYou)
  }

  @Test func `records of versions that knew no such thing are read`() throws {
    var turn = TurnState(since: 1)
    turn.acceptPrompt("p", now: 2)
    #expect(try JSONText.decode(TurnState.self, from: JSONText.encode(turn)) == turn)
    #expect(!String(decoding: try JSONText.encode(turn), as: UTF8.self).contains("stalledSince"))
  }
}
