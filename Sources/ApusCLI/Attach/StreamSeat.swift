import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc

/// Finds the agent a program wants to speak stream-json with, and takes the seat of the one client that does.
enum StreamSeat {
  private static let again = 200
  private static let pauseMilliseconds: Int32 = 20

  /// `ask` has the daemon start the agent, or say which lives.
  static func sit(
    _ parent: Parent, persists: Bool, ask: () throws(Failure) -> RunPlace
  ) throws(Failure) -> StreamProxy.Outcome {
    for _ in 0..<again {
      let place = try ask()
      if let talk = try take(place) {
        return try StreamProxy(talk, place, parent: parent, persists: persists).run()
      }
      // Over before we came: what it said is to be heard all the same.
      if place.isNew, let ending = RunRecord.ending(place.directory) {
        Output.bytes(RunRecord.text(place.directory + "/" + RunFile.recording))
        Output.errors(RunRecord.text(place.directory + "/" + RunFile.errors))
        return .ended(ending)
      }
      guard !place.isNew else { throw KeeperTalk.gone }
      poll(nil, 0, pauseMilliseconds)
    }
    throw Failure(
      .conversationHeld, "the conversation's agent is ending and does not end", hint: "`apus list` says what it does")
  }

  /// Nil where the agent is just ending or gone.
  private static func take(_ place: RunPlace) throws(Failure) -> KeeperTalk? {
    guard var talk = try KeeperTalk.open(socket: place.socket) else { return nil }
    guard talk.welcome.version >= KeeperProtocol.speakers else {
      throw Failure(
        .daemonVersion, "that run was started by an older apus, which knew no clients",
        hint: "it ends as always: `apus stop \(place.name)`")
    }
    for _ in 0..<again {
      try talk.send(.speak(process: getpid()))
      guard
        let replies = try talk.wait(for: {
          switch $0 {
          case .speaker, .refused: true
          case .welcome, .output, .taken, .ending, .trouble, .viewing, .leads, .sized, .stopped, .viewed: false
          }
        })
      else { return nil }
      var other: Int32?
      for reply in replies {
        switch reply {
        case .speaker(getpid()): return talk
        case .speaker(let process): other = process
        // Its input is closed. If it was started for us, what it says is ours to hear.
        case .refused:
          if place.isNew { return talk }
          _ = try talk.wait { _ in false }
          return nil
        case .welcome, .output, .taken, .ending, .trouble, .viewing, .leads, .sized, .stopped, .viewed: break
        }
      }
      if let other, other != 0, isThere(other) {
        throw Failure(
          .conversationHeld,
          "another client speaks with that conversation: process \(other), session \(place.name) (\(place.id))",
          hint: "close that one first, or continue a copy: add --fork-session")
      }
      // Killed, and the keeper has not seen it yet.
      poll(nil, 0, pauseMilliseconds)
    }
    return nil
  }

  private static func isThere(_ process: Int32) -> Bool {
    var start: UInt64 = 0
    var program: UInt64 = 0
    return apus_process_program(process, &start, &program) == 0
      && apus_process_is_leaving(process, start, program) == 0
  }
}
