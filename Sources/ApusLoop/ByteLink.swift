import CSystem
import Glibc

/// A socket on the loop as bytes in both directions: what is sent waits here until the other side takes it, what comes is
/// handed on as it comes. It may go away at any time.
@LoopActor
package final class ByteLink {
  /// A bounded share per call: one that says much must not keep the loop from everybody else.
  private static let pieces = 16
  private static var piece = [UInt8](repeating: 0, count: 1 << 16)

  private let descriptor: Descriptor
  private var outbox: [UInt8] = []
  private var isPaused = false
  /// It takes nothing more: what it still says is to be read all the same.
  private var isDeaf = false
  package var onBytes: @LoopActor (ArraySlice<UInt8>) -> Void = { _ in }
  /// Called whenever some of what waited was taken.
  package var onTaken: @LoopActor () -> Void = {}
  /// Called once, when the other side is gone.
  package var onGone: @LoopActor () -> Void = {}

  /// `number` is a connected socket, non-blocking; it is closed with the link.
  package init(_ number: Int32) { descriptor = Descriptor(number) }

  package func begin() {
    descriptor.onReadable = { [weak self] in self?.receive() }
    descriptor.onWritable = { [weak self] in self?.flush() }
    descriptor.watch()
  }

  package var number: Int32 { descriptor.number }
  package var isOpen: Bool { descriptor.isOpen }
  /// How many bytes were sent and are not taken yet.
  package var waiting: Int { outbox.count }

  package func send(_ bytes: [UInt8]) {
    guard descriptor.isOpen, !isDeaf else { return }
    outbox += bytes
    flush()
  }

  /// Nothing more is taken in until `resume`: the other side waits.
  package func pause() {
    isPaused = true
    watch()
  }

  package func resume() {
    isPaused = false
    watch()
  }

  /// Sees now, and not with the loop's next turn, what came since and whether the other side has left.
  package func look() {
    if descriptor.isOpen, !isPaused { receive() }
  }

  /// Closes it without a word to anybody.
  package func close() {
    (onBytes, onTaken, onGone) = ({ _ in }, {}, {})
    outbox = []
    descriptor.close()
  }

  private func watch() { descriptor.watch(readable: !isPaused, writable: !outbox.isEmpty) }

  private func flush() {
    var done = 0
    while done < outbox.count {
      let got = apus_write_from(descriptor.number, outbox, outbox.count, done)
      if got < 0, errno == EAGAIN { break }
      guard got > 0 else {
        isDeaf = true
        outbox = []
        return watch()
      }
      done += got
    }
    outbox.removeFirst(done)
    watch()
    if done > 0 { onTaken() }
  }

  private func receive() {
    for _ in 0..<Self.pieces {
      let got = read(descriptor.number, &Self.piece, Self.piece.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return gone() }
      // Whoever hears it may come back here for another link.
      onBytes(Array(Self.piece[..<got])[...])
      guard descriptor.isOpen, !isPaused, got == Self.piece.count else { return }
    }
  }

  private func gone() {
    let told = onGone
    close()
    told()
  }
}
