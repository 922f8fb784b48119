import ApusCore
import ApusTestKit
import Testing

/// An agent as Claude Code was measured to behave: queues while busy, merges, takes in mid-turn, asks, is interrupted.
private struct Model {
  var turn = TurnState(since: 0)
  var random: Seeded
  var accepted = 0
  var queued: [String] = []
  var running: [String] = []
  var finished: Set<String> = []
  var asked: [String] = []
  var busy = false

  init(seed: UInt64) {
    random = Seeded(seed)
    tell(.ready(version: nil))
    tell(.modeChanged(.idle))
  }

  mutating func tell(_ event: AgentEvent) { turn.handle(event, now: 1) }

  mutating func step() {
    switch random.below(busy ? 9 : 3) {
    case 0:
      accepted += 1
      let id = "p\(accepted)"
      turn.acceptPrompt(id, now: 1)
      queued.append(id)
    case 1: if !busy { tell(.modeChanged(.idle)) }
    case 2: if !busy, !queued.isEmpty { begin() }
    case 3: takeIn()
    case 4:
      asked.append("r\(random.next())")
      tell(.modeChanged(.waiting))
      tell(.permissionAsked(PermissionRequest(id: asked[asked.count - 1], tool: "T", input: .null)))
    case 5:
      guard let id = asked.popLast() else { return }
      if random.chance(50) { tell(.permissionWithdrawn(id: id)) } else { turn.answerPermission(id, now: 1) }
      tell(.modeChanged(.running))
    case 6:
      guard let id = queued.popLast() else { return }
      tell(.promptFinished(id: id, withdrawn: true))
      finished.insert(id)
    case 7: end()
    default: tell(.said(Utterance(role: .assistant, text: "…")))
    }
  }

  private mutating func begin() {
    if !busy { tell(.modeChanged(.running)) }
    busy = true
    running = queued
    queued = []
    for id in running { tell(.promptStarted(id: id)) }
    tell(.turnBegan(conversationID: "c", model: nil))
  }

  private mutating func takeIn() {
    guard let id = queued.first else { return }
    queued.removeFirst()
    tell(.promptStarted(id: id))
    tell(.promptFinished(id: id, withdrawn: false))
    finished.insert(id)
  }

  private mutating func end() {
    let interrupted = random.chance(30)
    for id in asked { tell(.permissionWithdrawn(id: id)) }
    asked = []
    tell(
      .turnEnded(
        TurnResult(
          text: "", prompts: running, failure: interrupted ? Failure(.turnInterrupted, "interrupted") : nil, cost: nil,
          tokens: Tokens())))
    for id in running { tell(.promptFinished(id: id, withdrawn: interrupted)) }
    finished.formUnion(running)
    running = []
    if queued.isEmpty {
      busy = false
      tell(.modeChanged(.idle))
    } else {
      begin()
    }
  }
}

@Suite("turns of any course") struct TurnModelTests {
  @Test func `idle shows exactly when nothing is asked and nothing runs`() {
    for seed in 0..<300 {
      var model = Model(seed: UInt64(seed))
      for _ in 0..<120 {
        model.step()
        let working = model.busy || !model.queued.isEmpty
        let expected: Activity = !model.asked.isEmpty ? .needsYou : working ? .working : .idle
        #expect(model.turn.activity == expected, "seed \(seed)")
        #expect(model.turn.isMidTurn == working)
        #expect(model.turn.open.count == model.queued.count + model.running.count)
        for n in 1...max(1, model.accepted) where model.accepted > 0 {
          let id = "p\(n)"
          let isDone = model.finished.contains(id)
          if !isDone { #expect(!model.turn.isFinished(id), "seed \(seed): \(id)") }
          if isDone, !model.busy { #expect(model.turn.isFinished(id), "seed \(seed): \(id)") }
        }
      }
    }
  }
}
