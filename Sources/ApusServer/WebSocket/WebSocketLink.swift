import ApusLoop
import Glibc

/// One WebSocket on the loop. What is said to it waits here until the other side takes it: whoever says much asks
/// whether there is room.
@LoopActor
final class WebSocketLink {
  /// More than this on its way to somebody who does not read: say no more until `onRoom`.
  private static let comfortable = 1 << 18
  private static let relieved = 1 << 16
  private static let pingMilliseconds = 20_000
  /// So many signs of life may stay away.
  private static let patience = 2

  private let upgraded: Upgraded
  private let link: ByteLink
  private var frames = WebSocketFrames()
  private var isClosing = false
  private var unanswered = 0
  private var timer: UInt64?
  var onMessage: @LoopActor (WebSocketFrames.Message) -> Void = { _ in }
  var onRoom: @LoopActor () -> Void = {}
  /// Called once, when it is over.
  var onGone: @LoopActor () -> Void = {}

  init(_ upgraded: Upgraded) {
    self.upgraded = upgraded
    link = ByteLink(upgraded.descriptor)
  }

  func begin() {
    link.onBytes = { [weak self] bytes in self?.take(bytes) }
    link.onTaken = { [weak self] in self?.taken() }
    link.onGone = { [weak self] in self?.end() }
    link.begin()
    watchLife()
    take(upgraded.early[...])
  }

  var hasRoom: Bool { link.waiting <= Self.comfortable }

  func say(text: [UInt8]) { send(WebSocketFrames.text(text)) }
  func say(bytes: [UInt8]) { send(WebSocketFrames.binary(bytes)) }

  /// Says why, and ends it once that is said.
  func close(_ code: UInt16, _ reason: String) {
    guard link.isOpen, !isClosing else { return }
    isClosing = true
    link.send(WebSocketFrames.close(code, reason))
    if link.waiting == 0 { end() }
  }

  /// The same, without waiting for whoever does not take it.
  func cutOff(_ code: UInt16, _ reason: String) {
    close(code, reason)
    end()
  }

  private func send(_ frame: [UInt8]) {
    if !isClosing { link.send(frame) }
  }

  private func taken() {
    if isClosing, link.waiting == 0 { return end() }
    if link.waiting <= Self.relieved { onRoom() }
  }

  private func take(_ bytes: ArraySlice<UInt8>) {
    frames.feed(bytes)
    do {
      while link.isOpen, !isClosing, let message = try frames.next() {
        unanswered = 0
        switch message {
        case .ping(let bytes): send(WebSocketFrames.pong(bytes))
        case .pong: break
        case .close(let code): close(code ?? 1000, "")
        case .text, .binary: onMessage(message)
        }
      }
    } catch { close(error.code, error.reason) }
  }

  private func watchLife() {
    timer = Timers.shared.after(Self.pingMilliseconds) { [weak self] in
      guard let self, link.isOpen || isClosing else { return }
      unanswered += 1
      if unanswered > Self.patience || isClosing { return end() }
      send(WebSocketFrames.ping([]))
      watchLife()
    }
  }

  private var isOver = false

  private func end() {
    guard !isOver else { return }
    isOver = true
    if let timer { Timers.shared.cancel(timer) }
    // Both hold the connection: it closes with the second.
    if link.isOpen { shutdown(link.number, Int32(SHUT_RDWR)) }
    link.close()
    upgraded.close()
    let told = onGone
    (onMessage, onRoom, onGone) = ({ _ in }, {}, {})
    told()
  }
}
