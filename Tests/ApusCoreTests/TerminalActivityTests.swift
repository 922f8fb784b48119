import ApusCore
import ApusTestKit
import Testing

@Suite("agents in terminals") struct TerminalActivityTests {
  private static let input: JSON = .object(["command": .string("rm -r build")])
  private static let asked = HookReport.Fact.permissionAsked(PermissionRequest(id: "", tool: "Bash", input: input))
  private static let began = HookReport.Fact.toolBegan(tool: "Bash", input: input, id: "t1")
  private static let stopped = HookReport.Fact.turnEnded(text: "done", isAtRest: true)

  private func turn(_ facts: (Moment, HookReport.Fact)...) -> TurnState {
    var turn = TurnState(since: 0, isTerminal: true)
    for (at, fact) in facts { hear(&turn, fact, at) }
    return turn
  }

  private func hear(_ turn: inout TurnState, _ fact: HookReport.Fact, _ at: Moment, isSubagent: Bool = false) {
    let report = HookReport(conversationID: "c", transcript: nil, isSubagent: isSubagent, fact: fact)
    turn.hear(report, id: "\(at) \("\(fact)".hashValue)", at: at, prompt: "p\(at)")
  }

  private func sighting(_ mode: AgentMode, _ at: Moment, _ what: String? = nil) -> Sighting {
    Sighting(mode: mode, waitingFor: what, isForTool: what == "permission prompt", at: at)
  }

  @Test func `nothing is guessed before anything was said`() {
    #expect(turn().activity == .unknown && turn().source == "process" && !turn().isReady)
    // Whether a prompt came along with the start is not known yet.
    let started = turn((1, .started(.startup)))
    #expect(started.activity == .unknown && started.source == "hook SessionStart" && started.isReady)
  }

  static let facts: [(HookReport.Fact, Activity, String)] = [
    (.started(.clear), .idle, "hook SessionStart"), (.prompted(text: "x"), .working, "hook UserPromptSubmit"),
    (.wentOn, .working, "hook UserPromptSubmit"), (began, .working, "hook PreToolUse"),
    (asked, .needsYou, "hook PermissionRequest"),
    (.toolEnded(tool: "Bash", id: "t1", failed: false), .working, "hook PostToolUse"),
    (.toolEnded(tool: "Bash", id: "t1", failed: true), .working, "hook PostToolUseFailure"),
    (stopped, .idle, "hook Stop"), (.turnEnded(text: nil, isAtRest: false), .working, "hook Stop"),
    (.turnFailed(Failure(.agentError, "x")), .idle, "hook StopFailure"),
    (.ended(reason: "other", isFollowed: false), .unknown, "hook SessionEnd"),
  ]

  @Test(arguments: facts.indices) func `a hook tells the activity`(_ n: Int) {
    let (fact, activity, source) = Self.facts[n]
    let turn = turn((1, .prompted(text: "first")), (2, fact))
    #expect(turn.activity == activity && turn.source == source && turn.since == 2)
  }

  @Test func `a permission names the tool and its input until it is answered`() {
    var turn = turn((1, .prompted(text: "x")), (2, Self.began), (3, Self.asked))
    #expect(turn.pending.map(\.brief) == [#"Bash "rm -r build""#])
    turn.see(sighting(.waiting, 2.99, "permission prompt"))
    #expect(turn.pending.first?.input == Self.input && turn.source == "hook PermissionRequest")
    turn.see(sighting(.running, 4))
    #expect(turn.activity == .working && turn.pending.isEmpty && turn.source == "sessions file")
  }

  @Test func `where no hook asked, the one tool that began is what it asks for`() {
    var turn = turn((1, .prompted(text: "x")), (2, Self.began))
    turn.see(sighting(.waiting, 3, "permission prompt"))
    #expect(turn.activity == .needsYou && turn.pending.map(\.brief) == [#"Bash "rm -r build""#])
    hear(&turn, .toolBegan(tool: "Read", input: .null, id: "t2"), 2.5)
    turn.see(sighting(.waiting, 4, "input needed"))
    #expect(turn.pending.map(\.brief) == ["input needed"])
  }

  @Test func `a tool that ends takes its own request away, and another's stays`() {
    let other: JSON = .object(["command": .string("ls")])
    var turn = turn(
      (1, .prompted(text: "x")), (2, Self.began), (2.1, .toolBegan(tool: "Bash", input: other, id: "t2")),
      (3, Self.asked), (3.1, .permissionAsked(PermissionRequest(id: "", tool: "Bash", input: other))))
    #expect(turn.pending.count == 2)
    hear(&turn, .toolEnded(tool: "Bash", id: "t1", failed: false), 4)
    #expect(turn.activity == .needsYou && turn.pending.map(\.input) == [other])
    hear(&turn, .toolEnded(tool: "Bash", id: "t2", failed: false), 5)
    #expect(turn.activity == .working && turn.pending.isEmpty)
  }

  @Test func `a turn left with Esc is told by the list alone`() {
    var turn = turn((1, .prompted(text: "x")), (2, Self.began), (3, Self.asked))
    turn.see(sighting(.idle, 4))
    #expect(turn.activity == .idle && turn.pending.isEmpty && turn.isLeft && !turn.isMidTurn)
    // The tool that was cut off may still say that it ended.
    hear(&turn, .toolEnded(tool: "Bash", id: "t1", failed: true), 4.1)
    #expect(turn.activity == .idle)
    turn.leave(
      TurnResult(text: "", prompts: turn.started, failure: Failure(.turnInterrupted, ""), cost: nil, tokens: Tokens()))
    #expect(!turn.isLeft && turn.isFinished("p1.0"))
  }

  @Test func `a dialog that a person opens after it does not keep a left turn open, and a next turn does`() {
    var turn = turn((1, .prompted(text: "x")))
    turn.see(sighting(.idle, 2))
    turn.see(sighting(.waiting, 3, "dialog open"))
    #expect(turn.isLeft && turn.activity == .needsYou)
    turn.see(sighting(.running, 4))
    #expect(!turn.isLeft)
    turn.see(sighting(.waiting, 5, "permission prompt"))
    #expect(!turn.isLeft)
  }

  @Test func `an end that is told a moment late is an orderly end`() {
    var turn = turn((1, .prompted(text: "x")))
    turn.see(sighting(.idle, 3))
    #expect(turn.isLeft)
    hear(&turn, Self.stopped, 2.9)
    #expect(!turn.isLeft && turn.activity == .idle && turn.lastResult?.text == "done")
    #expect(turn.lastResult?.prompts == ["p1.0"])
  }

  @Test func `an end that is told after the next prompt ends the turn before`() {
    var turn = turn((1, .prompted(text: "x")), (5, .prompted(text: "y")))
    hear(&turn, Self.stopped, 4)
    #expect(turn.lastResult?.prompts == ["p1.0"] && turn.started == ["p5.0"] && turn.activity == .working)
    hear(&turn, Self.stopped, 6)
    #expect(turn.lastResult?.prompts == ["p5.0"] && turn.activity == .idle)
  }

  @Test func `a prompt that is told after its end is answered, and one told after it was left is left`() {
    var turn = turn((4, Self.stopped))
    hear(&turn, .prompted(text: "x"), 1)
    #expect(turn.open.isEmpty && !turn.isLeft && turn.activity == .idle)
    turn.see(sighting(.idle, 9))
    hear(&turn, .prompted(text: "y"), 8)
    #expect(turn.isLeft && turn.started == ["p8.0"])
  }

  @Test func `what the list said before the hook does not count`() {
    var turn = turn((5, .prompted(text: "x")))
    turn.see(sighting(.idle, 4.9))
    #expect(turn.activity == .working && !turn.isNews(sighting(.idle, 4.9)) && turn.isNews(sighting(.idle, 5.1)))
    turn.see(sighting(.unknown, 6))
    #expect(turn.activity == .working)
  }

  @Test func `subagents in the background keep it working, and wake nobody after the end`() {
    var turn = turn((1, .prompted(text: "x")), (2, .turnEnded(text: "main", isAtRest: false)))
    hear(&turn, Self.began, 3, isSubagent: true)
    #expect(turn.activity == .working)
    turn.see(sighting(.idle, 4))
    hear(&turn, .toolBegan(tool: "Read", input: .null, id: "t2"), 5, isSubagent: true)
    #expect(turn.activity == .idle)
  }

  @Test func `a shortened conversation goes on as it was`() {
    #expect(turn((1, .prompted(text: "x")), (2, .started(.compact))).activity == .working)
    #expect(turn((1, Self.stopped), (2, .started(.compact))).activity == .idle)
  }

  @Test func `what was heard is heard once`() {
    var turn = turn()
    let report = HookReport(conversationID: "c", transcript: nil, isSubagent: false, fact: .prompted(text: "x"))
    for _ in 0..<3 { turn.hear(report, id: "1-1", at: 1, prompt: "p") }
    #expect(turn.open == ["p"] && turn.hasHeard("1-1") && !turn.hasHeard("1-2"))
  }

  @Test func `it says what it does in one line`() {
    var turn = turn((1, .prompted(text: "\n fix the parser \nplease")))
    #expect(turn.doing == " fix the parser ")
    hear(&turn, Self.began, 2)
    #expect(turn.doing == #"Bash "rm -r build""#)
    hear(&turn, .turnEnded(text: "Fixed.\nMore", isAtRest: true), 3)
    #expect(turn.doing == "Fixed.")
  }

  @Test func `a megabyte to be written is not kept with every change`() throws {
    let large: JSON = .object(["content": .string(String(repeating: "é", count: 1 << 20)), "n": .integer(1)])
    let turn = turn(
      (1, .toolBegan(tool: "Write", input: large, id: "t")),
      (2, .permissionAsked(PermissionRequest(id: "", tool: "Write", input: large))))
    #expect(turn.pending.first?.input["n"]?.integer == 1)
    let size = try JSONText.encode(turn).count
    #expect(size < 20_000)
  }

  @Test func `a process that left the list is unknown`() {
    var turn = turn((1, Self.stopped))
    turn.vanish(now: 2)
    #expect(turn.activity == .unknown && turn.source == "process")
  }

  @Test func `a turn is kept and read back whole`() throws {
    var turn = turn((1, .prompted(text: "x")), (2, Self.began), (3, Self.asked))
    turn.see(sighting(.waiting, 4, "permission prompt"))
    let read: TurnState = try JSONText.decode(from: try JSONText.encode(turn))
    #expect(read == turn)
    // As versions wrote it that knew streams alone.
    let old = TurnState(since: 1)
    let readOld: TurnState = try JSONText.decode(from: try JSONText.encode(old))
    #expect(old.terminal == nil && readOld == old)
  }

  @Test func `a start says nothing about what goes on`() {
    // Its process may be held up until after the list was written.
    var turn = turn()
    turn.see(sighting(.idle, 2))
    hear(&turn, .started(.startup), 3)
    #expect(turn.activity == .idle && turn.source == "sessions file" && turn.since == 2)
    hear(&turn, .started(.resume), 4)
    #expect(turn.activity == .idle)
  }

  @Test func `what is told late still says what is asked, and what was done`() {
    var turn = turn((1, .prompted(text: "x")))
    turn.see(sighting(.running, 1.1))
    turn.see(sighting(.waiting, 3, "input needed"))
    hear(&turn, Self.began, 2)
    hear(&turn, Self.asked, 2.9)
    #expect(turn.pending.map(\.tool) == ["Bash"] && turn.doing == #"Bash "rm -r build""# && turn.since == 3)
    turn.see(sighting(.running, 4))
    hear(&turn, Self.asked, 3.9)
    #expect(turn.pending.isEmpty && turn.activity == .working)
    hear(&turn, .prompted(text: "old"), 0.5)
    #expect(turn.doing == #"Bash "rm -r build""#)
  }

  /// In whatever order reports and sightings arrive, the newest of those that tell an activity decides it.
  @Test func `the order of arrival does not decide`() {
    var random = Seeded(7)
    let facts: [HookReport.Fact] = [.prompted(text: "x"), .wentOn, Self.stopped, .started(.clear)]
    let expected: [Activity] = [.working, .working, .idle, .idle]
    for _ in 0..<2000 {
      var evidence: [(at: Moment, index: Int)] = []
      for at in 1...6 { evidence.append((Moment(at), Int.random(in: 0..<(facts.count + 2), using: &random))) }
      let newest = evidence[evidence.count - 1].index
      var turn = TurnState(since: 0, isTerminal: true)
      for (at, index) in evidence.shuffled(using: &random) {
        switch index {
        case facts.count: turn.see(sighting(.idle, at))
        case facts.count + 1: turn.see(sighting(.running, at))
        default: hear(&turn, facts[index], at)
        }
      }
      let activity = newest < facts.count ? expected[newest] : newest == facts.count ? .idle : .working
      #expect(turn.activity == activity && turn.since == 6, "\(evidence)")
      #expect(turn.pending.isEmpty || turn.activity == .needsYou)
    }
  }
}
