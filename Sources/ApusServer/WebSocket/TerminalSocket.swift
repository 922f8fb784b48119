import ApusCore
import ApusFrames
import ApusLink
import ApusLoop
import ApusTerminal
import ApusWire

/// A person's or program's terminal on the other end of a WebSocket, at an agent's. It is one viewer among others, of the
/// keeper itself: what `apus attach` is, over HTTP.
///
/// Bytes are binary messages in both directions. Everything else is a text, one JSON object with a `type`: `viewing`
/// (first: size, whether it leads), `reset` (what follows is to be shown on a terminal as if just switched on), `leads`,
/// `sized`, `ended`; and from the other side `size` (columns, rows) and `lead`.
@LoopActor
final class TerminalSocket {
  /// Who fell so far behind is shown the screen as it is instead of all that went by.
  private static let tooFarBehind: UInt64 = 4 << 20

  private let socket: WebSocketLink
  private let place: RunPlace
  /// Nil while nobody is there: the keeper lets go of who took nothing for long.
  private var keeper: KeeperLink?
  private var directory: String { place.directory }
  private let mayType: Bool
  private var wish: View.Wish
  private var size: TerminalSize
  private var filter = PassFilter()
  private var position: UInt64 = 0
  private var isPainting = false
  private var isHeld = false
  private var isBegun = false

  init(_ socket: WebSocketLink, _ place: RunPlace, wish: View.Wish, size: TerminalSize) {
    self.socket = socket
    self.place = place
    self.wish = wish
    self.size = size
    mayType = wish != .watch
  }

  func begin() {
    socket.onMessage = { [unowned self] message in take(message) }
    socket.onRoom = { [unowned self] in goOn() }
    view()
  }

  func end() {
    keeper?.send(.leave)
    keeper?.close()
  }

  private func view() {
    guard let keeper = KeeperLink.connect(socket: place.socket) else {
      return socket.close(1011, "the keeper does not answer")
    }
    self.keeper = keeper
    keeper.onReply = { [unowned self] reply in hear(reply) }
    keeper.onGone = { [unowned self] in
      self.keeper = nil
      // Held up by its own other side it comes back; otherwise there is nobody any more.
      if !isHeld { socket.close(1011, "the keeper went away") }
    }
    keeper.send(.hello(version: KeeperProtocol.version))
    keeper.send(.view(View(wish: wish, size: size)))
  }

  // MARK: from the agent

  private func hear(_ reply: KeeperReply) {
    switch reply {
    case .welcome(let welcome):
      if welcome.version < KeeperProtocol.terminals || welcome.terminal == nil {
        socket.close(1008, "that run has no terminal")
      }
    case .viewing(let available, let size, let leads):
      if isBegun { return paint(until: available) }
      isBegun = true
      // Whoever led before, who comes back does not take the lead again.
      if wish == .lead { wish = .follow }
      say(
        "viewing",
        [
          "columns": .integer(Int64(size.columns)), "rows": .integer(Int64(size.rows)), "leads": .bool(leads),
          "version": .string(Version.text),
        ])
      paint(until: available)
    case .output(let offset, let bytes): took(bytes, at: offset)
    case .leads(let leads):
      // Before the greeting it is part of that.
      guard isBegun else { return }
      say("leads", ["leads": .bool(leads)])
      if leads { keeper?.send(.size(size)) }
    case .sized(let size):
      say("sized", ["columns": .integer(Int64(size.columns)), "rows": .integer(Int64(size.rows))])
    case .ending(let ending, _):
      say("ended", Self.words(ending))
      socket.close(1000, "the run ended")
    case .refused(let reason): socket.close(1008, String(decoding: reason, as: UTF8.self))
    case .taken, .trouble, .stopped, .viewed, .speaker: break
    }
  }

  private func took(_ bytes: [UInt8], at offset: UInt64) {
    let end = offset + UInt64(bytes.count)
    guard !isPainting, end > position else { return }
    // The oldest part of the recording went before we came to it.
    guard offset <= position else { return paint(until: nil) }
    let passed = filter.pass(bytes[Int(position - offset)...])
    position = end
    if !passed.isEmpty { socket.say(bytes: passed) }
    if !socket.hasRoom, !isHeld {
      isHeld = true
      keeper?.pause()
    }
  }

  private func goOn() {
    guard isHeld else { return }
    isHeld = false
    guard keeper != nil else { return view() }
    let directory = directory
    LoopActor.begin { [weak self] in
      let end = await Offload.run { RecordedScreen.end(directory: directory) }
      guard let self else { return }
      if end > position + Self.tooFarBehind { paint(until: nil) }
      keeper?.resume()
    }
  }

  /// Shows the screen as it was at that offset (nil: is now), and goes on from there.
  private func paint(until offset: UInt64?) {
    isPainting = true
    let directory = directory
    LoopActor.begin { [weak self] in
      let drawn = await Offload.run { () -> (bytes: [UInt8], end: UInt64)? in
        guard let drawn = RecordedScreen.load(directory: directory, until: offset) else { return nil }
        return (drawn.screen.paint(), drawn.end - UInt64(drawn.screen.pendingBytes))
      }
      guard let self else { return }
      isPainting = false
      guard let drawn else { return socket.close(1011, "the recording cannot be read") }
      say("reset", [:])
      socket.say(bytes: drawn.bytes)
      filter = PassFilter()
      position = drawn.end
      keeper?.send(.follow(offset: position))
    }
  }

  private static func words(_ ending: KeptEnding) -> [String: JSON] {
    switch ending {
    case .exit(let code): ["exit": .integer(Int64(code))]
    case .signal(let number): ["signal": .integer(Int64(number))]
    case .neverStarted(let code): ["error": .integer(Int64(code))]
    }
  }

  private func say(_ type: String, _ fields: [String: JSON]) {
    let object = JSON.object(fields.merging(["type": .string(type)]) { $1 })
    socket.say(text: (try? JSONText.encode(object)) ?? [])
  }

  // MARK: from the person

  private func take(_ message: WebSocketFrames.Message) {
    switch message {
    case .binary(let keys):
      guard mayType else { return socket.close(1008, "this one only watches") }
      keeper?.send(.type(keys))
    case .text(let text):
      guard let asked = try? JSONText.decode(JSON.self, from: Array(text.utf8)), let type = asked["type"]?.string else {
        return socket.close(1007, "a text is one JSON object with a type")
      }
      switch type {
      case "size":
        guard let size = Self.size(asked) else { return socket.close(1008, "columns and rows are 1 to 1000") }
        self.size = size
        keeper?.send(.size(size))
      case "lead":
        guard mayType else { return socket.close(1008, "this one only watches") }
        keeper?.send(.lead)
      default: break  // Of a later version's.
      }
    case .ping, .pong, .close: break
    }
  }

  private static func size(_ asked: JSON) -> TerminalSize? {
    guard let columns = asked["columns"]?.integer, let rows = asked["rows"]?.integer, (1...1000).contains(columns),
      (1...1000).contains(rows)
    else { return nil }
    return TerminalSize(rows: UInt16(rows), columns: UInt16(columns))
  }
}
