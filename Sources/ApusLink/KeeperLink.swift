import ApusCore
import ApusFrames
import ApusLoop
import CSystem
import Glibc

/// A connection to one keeper, on the daemon's loop.
@LoopActor
package final class KeeperLink {
  private let descriptor: Descriptor
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  /// Called for every reply, in order.
  package var onReply: @LoopActor (KeeperReply) -> Void = { _ in }
  /// Called once, when the keeper is gone or speaks nonsense.
  package var onGone: @LoopActor () -> Void = {}

  /// Nil when nobody listens there.
  package static func connect(socket: String) -> KeeperLink? {
    let number = apus_unix_connect(socket, 1)
    guard number >= 0 else { return nil }
    var user: uid_t = 0
    guard apus_peer_user(number, &user) == 0, user == getuid() else {
      Glibc.close(number)
      return nil
    }
    return KeeperLink(number)
  }

  private init(_ number: Int32) {
    descriptor = Descriptor(number)
    descriptor.onReadable = { [unowned self] in receive() }
    descriptor.onWritable = { [unowned self] in flush() }
    descriptor.watch()
  }

  package func send(_ request: KeeperRequest) {
    guard descriptor.isOpen else { return }
    outbox += request.frame.encoded
    flush()
  }

  package func close() {
    onGone = {}
    onReply = { _ in }
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
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // A bounded share per call: a keeper with a long recording must not keep the loop from everybody else.
    for _ in 0..<16 {
      let got = read(descriptor.number, &chunk, chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return gone() }
      reader.feed(chunk[..<got])
      do {
        while descriptor.isOpen, let frame = try reader.next() {
          if let reply = try KeeperReply(frame) { onReply(reply) }
        }
      } catch { return gone() }
      guard descriptor.isOpen, got == chunk.count else { return }
    }
  }

  private func gone() {
    guard descriptor.isOpen else { return }
    descriptor.close()
    let told = onGone
    onGone = {}
    onReply = { _ in }
    told()
  }
}
