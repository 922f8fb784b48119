import ApusFrames
import ApusLoop
import CSystem
import Glibc

/// A connection to one of our own processes on the loop: frames go out in order, and come as they are sent.
@LoopActor
final class FrameLink {
  private let descriptor: Descriptor
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  private var isPaused = false
  /// Throws what makes the other side one that speaks nonsense.
  var onFrame: @LoopActor (Frame) throws -> Void = { _ in }
  /// Called once, when the other side is gone or speaks nonsense.
  var onGone: @LoopActor () -> Void = {}

  var isOpen: Bool { descriptor.isOpen }

  /// `number` is a socket that was just connected, non-blocking; nil, and closed, where another user is at its other end.
  init?(_ number: Int32) {
    guard number >= 0 else { return nil }
    var user: uid_t = 0
    guard apus_peer_user(number, &user) == 0, user == getuid() else {
      Glibc.close(number)
      return nil
    }
    descriptor = Descriptor(number)
    descriptor.onReadable = { [weak self] in self?.receive() }
    descriptor.onWritable = { [weak self] in self?.flush() }
    descriptor.watch()
  }

  func send(_ frame: Frame) {
    guard descriptor.isOpen else { return }
    outbox += frame.encoded
    flush()
  }

  func close() {
    (onFrame, onGone) = ({ _ in }, {})
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
    descriptor.watch(readable: !isPaused, writable: !outbox.isEmpty)
  }

  /// Nothing more is taken in until `resume`: the other side waits.
  func pause() {
    isPaused = true
    descriptor.watch(readable: false, writable: !outbox.isEmpty)
  }

  func resume() {
    isPaused = false
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
      do { while descriptor.isOpen, let frame = try reader.next() { try onFrame(frame) } } catch { return gone() }
      guard descriptor.isOpen, !isPaused, got == chunk.count else { return }
    }
  }

  private func gone() {
    guard descriptor.isOpen else { return }
    let told = onGone
    close()
    told()
  }
}
