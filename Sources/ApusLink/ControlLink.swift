import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// A connection to the daemon for programs that live on the loop: requests go out in order, replies come as they are
/// given. Never waits, and never starts a daemon.
@LoopActor
package final class ControlLink {
  private let descriptor: Descriptor
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  package var onItem: @LoopActor ([UInt8]) -> Void = { _ in }
  /// A request was answered: its reply, or why it failed.
  package var onReply: @LoopActor (Result<[UInt8], Failure>) -> Void = { _ in }
  /// Called once, when the daemon is gone or speaks nonsense.
  package var onGone: @LoopActor () -> Void = {}

  /// Nil where no daemon of this user's listens.
  package static func connect(_ places: Places) -> ControlLink? {
    let number = apus_unix_connect_at_once(places.daemonSocket)
    guard number >= 0 else { return nil }
    var user: uid_t = 0
    guard apus_peer_user(number, &user) == 0, user == getuid() else {
      Glibc.close(number)
      return nil
    }
    return ControlLink(number)
  }

  private init(_ number: Int32) {
    descriptor = Descriptor(number)
    descriptor.onReadable = { [weak self] in self?.receive() }
    descriptor.onWritable = { [weak self] in self?.flush() }
    descriptor.watch()
  }

  package func send(_ verb: Verb, _ body: some Encodable) {
    guard descriptor.isOpen, let frame = try? Control.request(verb, body) else { return }
    outbox += frame.encoded
    flush()
  }

  package func close() {
    (onItem, onReply, onGone) = ({ _ in }, { _ in }, {})
    descriptor.close()
  }

  private func flush() {
    var done = 0
    while done < outbox.count {
      let got = apus_write_from(descriptor.number, outbox, outbox.count, done)
      if got <= 0 { break }
      done += got
    }
    outbox.removeFirst(done)
    descriptor.watch(readable: true, writable: !outbox.isEmpty)
  }

  private func receive() {
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while descriptor.isOpen {
      let got = read(descriptor.number, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return gone() }
      reader.feed(chunk[..<got])
      do { while descriptor.isOpen, let frame = try reader.next() { take(frame) } } catch { return gone() }
    }
  }

  private func take(_ frame: Frame) {
    switch frame.kind {
    case Control.Kind.item: onItem(frame.body)
    case Control.Kind.done: onReply(.success(frame.body))
    case Control.Kind.failed:
      let failure = try? JSONText.decode(Failure.self, from: frame.body)
      onReply(.failure(failure ?? Failure(.internalError, "the daemon failed without a word")))
    default: break
    }
  }

  private func gone() {
    guard descriptor.isOpen else { return }
    descriptor.close()
    let told = onGone
    (onItem, onReply, onGone) = ({ _ in }, { _ in }, {})
    told()
  }
}
