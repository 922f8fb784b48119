import ApusAgents
import ApusCore
import ApusFrames
import ApusLink

// How a run is ended, as a plan its keeper carries out.

extension LiveRun {
  /// Begins to end the run; the keeper carries the plan out, also without us.
  func end(now isNow: Bool, milliseconds: UInt32) {
    isStopping = true
    if run.isTerminal {
      let limit = isNow ? 1500 : milliseconds
      link?.send(
        .end([TeardownStep(.signal(15), milliseconds: limit), TeardownStep(.signal(1), milliseconds: min(limit, 1000))])
      )
      return
    }
    if isNow {
      link?.send(.end([TeardownStep(.signal(15), milliseconds: 1500)]))
      return
    }
    let quiet = [
      TeardownStep(.closeInput, milliseconds: milliseconds), TeardownStep(.signal(15), milliseconds: milliseconds),
    ]
    guard turn.isMidTurn, turn.isReady else {
      link?.send(.end(quiet))
      return
    }
    do { try advance([]) { $0.stop() } } catch { log.error("run \(run.holder): \(error)") }
    // The turn is interrupted; when the agent has come to rest the rest of the plan follows at once, not after the limit.
    endWhenIdle = quiet
    let interrupt = ClaudeAgent.interrupt(id: "apus-stop", withQueued: true)
    link?.send(.end([TeardownStep(.say(interrupt), milliseconds: milliseconds)] + quiet))
  }
}
