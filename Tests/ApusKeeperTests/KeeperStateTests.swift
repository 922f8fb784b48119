import ApusFrames
import ApusTestKit
import Testing

@testable import ApusKeeper

@Suite("the life of a run") struct KeeperStateTests {
  private let plan = [
    TeardownStep(.say(Array("stop\n".utf8)), milliseconds: 100), TeardownStep(.closeInput, milliseconds: 200),
    TeardownStep(.signal(15), milliseconds: 300),
  ]

  @Test func `nothing is awaited while the agent runs`() {
    var state = KeeperState()
    #expect(state.deadline == nil)
    #expect(state.handle(.timePassed, now: 1_000_000) == [])
    #expect(state.phase == .running)
  }

  @Test func `a plan is carried out step by step, each in its time, and ends in a kill`() {
    var state = KeeperState()
    #expect(state.handle(.endRequested(plan), now: 0) == [.say(Array("stop\n".utf8))])
    #expect(state.deadline == 100)
    #expect(state.handle(.timePassed, now: 99) == [])
    #expect(state.handle(.timePassed, now: 100) == [.closeInput])
    #expect(state.deadline == 300)
    #expect(state.handle(.timePassed, now: 300) == [.signalAgent(15)])
    #expect(state.handle(.timePassed, now: 600) == [.signalAgent(9)])
    // What does not die of it is killed again.
    #expect(state.handle(.timePassed, now: 620) == [.signalAgent(9)])
    #expect(state.handle(.timePassed, now: 640) == [.signalAgent(9)])
  }

  @Test func `an empty plan is a kill at once`() {
    var state = KeeperState()
    #expect(state.handle(.endRequested([]), now: 5) == [.signalAgent(9)])
  }

  @Test func `a shorter plan takes over, a longer one does not`() {
    var state = KeeperState()
    _ = state.handle(.endRequested(plan), now: 0)
    let longer = plan + plan
    #expect(state.handle(.endRequested(longer), now: 10) == [])
    #expect(state.deadline == 100)
    #expect(state.handle(.endRequested([TeardownStep(.signal(15), milliseconds: 50)]), now: 20) == [.signalAgent(15)])
    #expect(state.deadline == 70)
    #expect(state.handle(.endRequested([]), now: 30) == [.signalAgent(9)])
    #expect(state.handle(.endRequested(plan), now: 40) == [])
  }

  @Test func `the same request repeated does not begin the plan anew`() {
    var state = KeeperState()
    _ = state.handle(.endRequested(plan), now: 0)
    for now in stride(from: Int64(10), to: 100, by: 10) { #expect(state.handle(.endRequested(plan), now: now) == []) }
    #expect(state.deadline == 100)
  }

  @Test func `an agent that ends by itself takes its tools with it`() {
    var state = KeeperState()
    #expect(state.handle(.agentEnded(.exit(0)), now: 0) == [.signalTree(15)])
    #expect(state.handle(.treeSeenEmpty, now: 1) == [.announce(.exit(0))])
    #expect(state.phase == .over(.exit(0)))
    #expect(state.deadline == nil)
  }

  @Test func `an agent that ends in the middle of a plan ends the plan`() {
    var state = KeeperState()
    _ = state.handle(.endRequested(plan), now: 0)
    #expect(state.handle(.agentEnded(.signal(15)), now: 10) == [.signalTree(15)])
    #expect(state.handle(.timePassed, now: 100) == [])
    #expect(state.handle(.treeSeenEmpty, now: 101) == [.announce(.signal(15))])
  }

  @Test func `leftovers that ignore a polite word are killed until none is left`() {
    var state = KeeperState()
    _ = state.handle(.agentEnded(.exit(1)), now: 0)
    var now: Int64 = 0
    for _ in 0..<50 {
      guard let deadline = state.deadline else { break }
      now = deadline
      #expect(state.handle(.timePassed, now: now) == [.signalTree(9)])
    }
    #expect(now >= KeeperState.politeMilliseconds)
    #expect(state.handle(.treeSeenEmpty, now: now) == [.announce(.exit(1))])
  }

  @Test func `the first ending counts`() {
    var state = KeeperState()
    _ = state.handle(.agentEnded(.exit(3)), now: 0)
    #expect(state.handle(.agentEnded(.exit(4)), now: 1) == [])
    #expect(state.handle(.treeSeenEmpty, now: 2) == [.announce(.exit(3))])
    #expect(state.handle(.agentEnded(.exit(5)), now: 3) == [])
    #expect(state.phase == .over(.exit(3)))
  }

  @Test func `a tree that is empty while the agent runs means nothing`() {
    var state = KeeperState()
    #expect(state.handle(.treeSeenEmpty, now: 0) == [])
    _ = state.handle(.endRequested(plan), now: 0)
    #expect(state.handle(.treeSeenEmpty, now: 1) == [])
  }

  @Test func `an acknowledgement before the ending is none`() {
    var state = KeeperState()
    #expect(state.handle(.endingAcknowledged, now: 0) == [])
    _ = state.handle(.endRequested(plan), now: 0)
    #expect(state.handle(.endingAcknowledged, now: 0) == [])
    _ = state.handle(.agentEnded(.exit(0)), now: 0)
    #expect(state.handle(.endingAcknowledged, now: 0) == [])
    _ = state.handle(.treeSeenEmpty, now: 0)
    #expect(state.handle(.endingAcknowledged, now: 0) == [.leave])
    #expect(state.phase == .gone)
  }

  @Test func `whatever happens, the ending is announced once and nobody leaves before it was acknowledged`() {
    var random = Seeded(21)
    for _ in 0..<10_000 {
      var state = KeeperState()
      var now: Int64 = 0
      var announced = 0
      var left = 0
      var ended = false
      for _ in 0..<30 {
        now += Int64(random.below(400))
        let event = Self.event(&random)
        let before = state.phase
        let actions = state.handle(event, now: now)
        if case .agentEnded = event { ended = true }
        for action in actions {
          if case .announce = action {
            announced += 1
            #expect(ended && event == .treeSeenEmpty)
          }
          if action == .leave {
            left += 1
            #expect(event == .endingAcknowledged)
          }
        }
        if state.phase == .gone, before != .gone {
          #expect(announced == 1 && event == .endingAcknowledged)
        }
      }
      #expect(announced <= 1 && left <= 1 && left <= announced)
    }
  }

  @Test func `from wherever it is, a plan leads to a kill within the time it says`() {
    var random = Seeded(22)
    for _ in 0..<2_000 {
      var state = KeeperState()
      let steps = (0..<random.below(6)).map { _ in
        TeardownStep(random.pick([.closeInput, .signal(15), .say([1])]), milliseconds: UInt32(random.below(500)))
      }
      let allowed = steps.reduce(Int64(0)) { $0 + Int64($1.milliseconds) }
      var actions = state.handle(.endRequested(steps), now: 0)
      var now: Int64 = 0
      var rounds = 0
      while !actions.contains(.signalAgent(9)), rounds < 10, let deadline = state.deadline {
        now = deadline
        actions = state.handle(.timePassed, now: now)
        rounds += 1
      }
      #expect(actions.contains(.signalAgent(9)))
      #expect(now == allowed)
    }
  }

  private static func event(_ random: inout Seeded) -> KeeperState.Event {
    switch random.below(8) {
    case 0:
      .endRequested(
        (0..<random.below(4)).map { _ in TeardownStep(.closeInput, milliseconds: UInt32(random.below(300))) })
    case 1: .agentEnded(random.pick([.exit(0), .exit(1), .signal(9), .neverStarted(2)]))
    case 2, 3: .treeSeenEmpty
    case 4, 5: .endingAcknowledged
    default: .timePassed
    }
  }
}
