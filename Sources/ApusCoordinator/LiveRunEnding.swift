import ApusAgents
import ApusCore
import ApusFrames
import ApusLink

// How a run is ended, as a plan its keeper carries out.

extension LiveRun {
  /// Has the keeper end it like that.
  func order(_ steps: [TeardownStep]) {
    teardown = steps
    link?.send(.end(steps))
  }

  /// Begins to end the run; the keeper carries the plan out, also without us.
  func end(now isNow: Bool, milliseconds: UInt32) {
    if run.isTerminal {
      let limit = isNow ? 1500 : milliseconds
      return order([
        TeardownStep(.signal(15), milliseconds: limit), TeardownStep(.signal(1), milliseconds: min(limit, 1000)),
      ])
    }
    if isNow { return order([TeardownStep(.signal(15), milliseconds: 1500)]) }
    let quiet = [
      TeardownStep(.closeInput, milliseconds: milliseconds), TeardownStep(.signal(15), milliseconds: milliseconds),
    ]
    guard turn.isMidTurn, turn.isReady else { return order(quiet) }
    do { try advance([]) { $0.stop() } } catch { log.error("run \(run.holder): \(error)") }
    // The turn is interrupted; when the agent has come to rest the rest of the plan follows at once, not after the limit.
    endWhenIdle = quiet
    let interrupt = ClaudeAgent.interrupt(id: "apus-stop", withQueued: true)
    order([TeardownStep(.say(interrupt), milliseconds: milliseconds)] + quiet)
  }

  /// Ends it as an agent ends whose client is gone: once its turn is over.
  func endAfterTurn() {
    order([TeardownStep(.closeInput, milliseconds: .max), TeardownStep(.signal(15), milliseconds: 2000)])
  }
}
