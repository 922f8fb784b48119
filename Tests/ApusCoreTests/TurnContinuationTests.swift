import ApusCore
import Testing

@Suite("turns that are taken up again") struct TurnContinuationTests {
  private func result(_ prompts: [String]) -> AgentEvent {
    .turnEnded(TurnResult(text: "", prompts: prompts, failure: nil, cost: nil, tokens: Tokens()))
  }

  private func resumed() -> TurnState {
    TurnState(since: 0, continuing: true, carried: ["cut"], waiting: ["next"])
  }

  @Test func `a turn taken up again works from the first moment`() {
    let turn = resumed()
    #expect(turn.activity == .working && turn.isMidTurn && !turn.takesPrompts && !turn.mustBeToldToContinue)
    #expect(turn.open == ["cut", "next"] && turn.started == ["cut"])
  }

  @Test func `an agent that takes it up by itself is not told to`() {
    var turn = resumed()
    // It runs before it answers the greeting (measured).
    turn.handle(.modeChanged(.running), now: 1)
    #expect(!turn.mustBeToldToContinue)
    turn.handle(.promptStarted(id: "unknown to us"), now: 1)
    turn.handle(.ready(version: nil), now: 2)
    turn.handle(.modeChanged(.running), now: 2)
    #expect(!turn.mustBeToldToContinue && turn.activity == .working && !turn.takesPrompts)
  }

  @Test func `an agent that waits for an answer has taken it up`() {
    var turn = resumed()
    turn.handle(.modeChanged(.waiting), now: 1)
    turn.handle(.ready(version: nil), now: 1)
    #expect(!turn.mustBeToldToContinue)
  }

  @Test func `an agent that answers and does nothing must be told`() {
    var turn = resumed()
    turn.handle(.ready(version: nil), now: 1)
    turn.handle(.modeChanged(.idle), now: 1)
    #expect(turn.mustBeToldToContinue)
    // Idle is no end of what it has not begun.
    #expect(turn.activity == .working && !turn.takesPrompts && turn.open == ["cut", "next"])
    #expect(!turn.isFinished("cut"))
    turn.handle(.modeChanged(.running), now: 2)
    #expect(!turn.mustBeToldToContinue)
  }

  @Test func `who is not ready is told nothing`() {
    var turn = resumed()
    turn.handle(.modeChanged(.idle), now: 1)
    #expect(!turn.mustBeToldToContinue)
  }

  @Test func `where nothing was cut off nobody is told to continue`() {
    var turn = TurnState(since: 0)
    turn.handle(.ready(version: nil), now: 1)
    #expect(!turn.mustBeToldToContinue && turn.takesPrompts)
  }

  @Test func `a completion said at once is no end of the turn that is taken up`() {
    // With our own id sent again the agent says `completed` long before it answers (measured).
    var turn = resumed()
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.ready(version: nil), now: 1)
    turn.handle(.promptFinished(id: "cut", withdrawn: false), now: 1)
    #expect(!turn.isFinished("cut") && turn.activity == .working && !turn.takesPrompts)
    turn.handle(result(["cut"]), now: 2)
    #expect(turn.isFinished("cut") && turn.takesPrompts)
  }

  @Test func `its end finishes what was cut, whatever ids it names, and lets the next in`() {
    for named in [["cut"], ["unknown to us"], []] {
      var turn = resumed()
      turn.handle(.modeChanged(.running), now: 1)
      turn.handle(.ready(version: nil), now: 1)
      turn.handle(result(named), now: 2)
      #expect(turn.open == ["next"] && turn.takesPrompts && !turn.continuing && turn.isFinished("cut"))
      #expect(turn.activity == .working)
      turn.handle(.modeChanged(.idle), now: 3)
      #expect(turn.activity == .working && !turn.isFinished("next"))
      turn.handle(.promptStarted(id: "next"), now: 4)
      turn.handle(result(["next"]), now: 5)
      turn.handle(.modeChanged(.idle), now: 6)
      #expect(turn.activity == .idle && turn.isFinished("next"))
    }
  }

  @Test func `messages accepted meanwhile wait and are not taken for answered`() {
    var turn = resumed()
    turn.acceptPrompt("later", now: 1)
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.ready(version: nil), now: 1)
    turn.handle(result(["cut"]), now: 2)
    #expect(turn.open == ["next", "later"])
    turn.handle(.modeChanged(.idle), now: 3)
    #expect(turn.open == ["next", "later"] && turn.activity == .working)
  }

  @Test func `a permission asked while it is taken up needs you, through an idle word too`() {
    var turn = resumed()
    turn.handle(.modeChanged(.running), now: 1)
    turn.handle(.permissionAsked(PermissionRequest(id: "1", tool: "Bash", input: .null)), now: 1)
    #expect(turn.activity == .needsYou)
    turn.handle(.permissionWithdrawn(id: "1"), now: 1)
    #expect(turn.activity == .working)
  }
}
