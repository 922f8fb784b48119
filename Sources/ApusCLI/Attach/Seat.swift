import ApusCore
import ApusFrames
import ApusWire
import CSystem
import Glibc

/// What the commands that sit at terminals share.
enum Seat {
  /// The terminal an agent is to have: like the one this was called at, where there is one.
  static func wish() -> TerminalWish {
    guard let own = OwnTerminal() else { return TerminalWish(rows: 24, columns: 80) }
    let size = own.size
    return TerminalWish(rows: Int(size.rows), columns: Int(size.columns), settings: own.settings)
  }

  @discardableResult
  static func requireTerminal() throws(Failure) -> OwnTerminal {
    guard let own = OwnTerminal() else {
      throw Failure(
        .usage, "there is no terminal here to attach",
        hint: "`apus screen NAME` prints what the agent's shows, `apus type NAME TEXT` types at it")
    }
    return own
  }

  /// Sits at that session's terminal until it ends or the person leaves; the exit code.
  static func attach(_ name: String, _ context: Context, wish: View.Wish) throws(Failure) -> Int32 {
    let own = try requireTerminal()
    let keys = try DetachKeys(try context.settings[.detachKeys])
    let place = try RunFinder.find(name, context)
    let talk = try open(place)
    let isWatching = wish == .watch
    let notice =
      (isWatching ? "watching" : "attached to") + " \(place.name) (\(place.id)); \(keys.shown) detaches"
      + (isWatching ? "" : ", \(keys.shown.dropLast(1))l leads")
    let viewer = TerminalViewer(
      own, directory: place.directory, talk: talk,
      manner: .init(
        wish: wish, keys: keys, notice: notice,
        noticeMilliseconds: Int64(try context.settings.number(.noticeSeconds) * 1_000)))
    switch try viewer.sit(fromStart: false) {
    case .detached:
      context.output.note(
        "detached from \(place.name) (\(place.id)), which goes on; back with: apus attach \(place.name)")
      return 0
    case .hungUp: return 128 + SIGHUP
    case .ended(let ending):
      context.output.note("\(place.name) (\(place.id)) ended: \(words(ending))")
      return 0
    }
  }

  /// Connects to the keeper of a run with a terminal.
  static func open(_ place: RunPlace) throws(Failure) -> KeeperTalk {
    guard place.terminal else {
      throw Failure(
        .sessionNotRunning, "\(place.name) (\(place.id)) runs without a terminal",
        hint: "`apus logs -f \(place.name)` follows it, `apus send \(place.name) TEXT` talks to it")
    }
    guard place.isLive, let talk = try KeeperTalk.open(socket: place.socket) else {
      throw Failure(
        .sessionNotRunning, "\(place.name) (\(place.id)) is not running",
        hint: "`apus resume \(place.name) --terminal --attach` continues it")
    }
    return talk
  }

  private static func words(_ ending: KeptEnding) -> String {
    switch ending {
    case .exit(let code): "exit code \(code)"
    case .signal(let number): "signal \(number)"
    case .neverStarted(let code): "it could not be started: \(String(cString: apus_error_text(code)))"
    }
  }
}
