import ApusLoop
import CSystem
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
  private let descriptor: Descriptor
  private var frames = WebSocketFrames()
  private var outbox: [UInt8] = []
  private var isClosing = false
  private var unanswered = 0
  private var timer: UInt64?
  var onMessage: @LoopActor (WebSocketFrames.Message) -> Void = { _ in }
  var onRoom: @LoopActor () -> Void = {}
  /// Called once, when it is over.
  var onGone: @LoopActor () -> Void = {}

  init(_ upgraded: Upgraded) {
    self.upgraded = upgraded
    descriptor = Descriptor(upgraded.descriptor)
  }

  func begin() {
    descriptor.onReadable = { [weak self] in self?.receive() }
    descriptor.onWritable = { [weak self] in self?.flush() }
    descriptor.watch()
    watchLife()
    take(upgraded.early)
  }

  var hasRoom: Bool { outbox.count <= Self.comfortable }

  func say(text: [UInt8]) { send(WebSocketFrames.text(text)) }
  func say(bytes: [UInt8]) { send(WebSocketFrames.binary(bytes)) }

  /// Says why, and ends it once that is said.
  func close(_ code: UInt16, _ reason: String) {
    guard descriptor.isOpen, !isClosing else { return }
    outbox += WebSocketFrames.close(code, reason)
    isClosing = true
    flush()
  }

  /// The same, without waiting for whoever does not take it.
  func cutOff(_ code: UInt16, _ reason: String) {
    close(code, reason)
    end()
  }

  private func send(_ frame: [UInt8]) {
    guard descriptor.isOpen, !isClosing else { return }
    outbox += frame
    flush()
  }

  private func flush() {
    var done = 0
    while done < outbox.count {
      let got = apus_write_from(descriptor.number, outbox, outbox.count, done)
      if got < 0, errno == EAGAIN { break }
      guard got > 0 else { return end() }
      done += got
    }
    outbox.removeFirst(done)
    if isClosing, outbox.isEmpty { return end() }
    descriptor.watch(readable: true, writable: !outbox.isEmpty)
    if done > 0, outbox.count <= Self.relieved { onRoom() }
  }

  private static var chunk = [UInt8](repeating: 0, count: 1 << 16)

  private func receive() {
    while descriptor.isOpen {
      let got = read(descriptor.number, &Self.chunk, Self.chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return end() }
      take(Array(Self.chunk[..<got]))
      if got < Self.chunk.count { return }
    }
  }

  private func take(_ bytes: [UInt8]) {
    frames.feed(bytes)
    do {
      while descriptor.isOpen, !isClosing, let message = try frames.next() {
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
      guard let self, descriptor.isOpen else { return }
      unanswered += 1
      if unanswered > Self.patience || isClosing { return end() }
      send(WebSocketFrames.ping([]))
      watchLife()
    }
  }

  private func end() {
    guard descriptor.isOpen else { return }
    if let timer { Timers.shared.cancel(timer) }
    // Both hold the connection: it closes with the second.
    shutdown(descriptor.number, Int32(SHUT_RDWR))
    descriptor.close()
    upgraded.close()
    let told = onGone
    (onMessage, onRoom, onGone) = ({ _ in }, {}, {})
    told()
  }
}
