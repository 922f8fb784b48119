import ApusCoordinator
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// One connection of the control door. It may go away at any time; what it asked for goes on.
@LoopActor
final class ControlConnection {
  /// More than this on its way to somebody who does not read: what produces it waits.
  private static let comfortable = 1 << 20

  private let descriptor: Descriptor
  private var reader = FrameReader()
  private var outbox: [UInt8] = []
  private var waitingForRoom: [Answer<Void>] = []
  private(set) lazy var caller = Caller(
    deliver: { [weak self] bytes in self?.send(Frame(kind: Control.Kind.item, body: bytes)) },
    drained: { [weak self] in await self?.room() })
  var onRequest: @LoopActor (Frame, ControlConnection) -> Void = { _, _ in }
  var onClosed: @LoopActor () -> Void = {}

  init(_ number: Int32) { descriptor = Descriptor(number) }

  func begin() {
    descriptor.onReadable = { [weak self] in self?.receive() }
    descriptor.onWritable = { [weak self] in self?.flush() }
    descriptor.watch()
  }

  func send(_ frame: Frame) {
    guard descriptor.isOpen else { return }
    outbox += frame.encoded
    flush()
  }

  /// Returns when the other side has taken everything, or is gone.
  func drained() async { await wait { outbox.isEmpty } }

  private func room() async { await wait { outbox.count <= Self.comfortable } }

  private func wait(until isMet: () -> Bool) async {
    while descriptor.isOpen, !isMet() {
      await withCheckedContinuation { continuation in waitingForRoom.append(Answer(continuation)) }
    }
  }

  private func flush() {
    var done = 0
    while done < outbox.count {
      let got = apus_write_from(descriptor.number, outbox, outbox.count, done)
      if got < 0, errno == EAGAIN { break }
      guard got > 0 else { return close() }
      done += got
    }
    outbox.removeFirst(done)
    descriptor.watch(readable: true, writable: !outbox.isEmpty)
    wakeWaiting()
  }

  private func wakeWaiting() {
    let waiting = waitingForRoom
    waitingForRoom = []
    for answer in waiting { answer.give(()) }
  }

  /// One for all: whatever is read is taken out at once.
  private static var chunk = [UInt8](repeating: 0, count: 1 << 16)

  private func receive() {
    while descriptor.isOpen {
      let got = read(descriptor.number, &Self.chunk, Self.chunk.count)
      if got < 0, errno == EINTR { continue }
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return close() }
      reader.feed(Self.chunk[..<got])
      do { while let frame = try reader.next() { onRequest(frame, self) } } catch { return close() }
      // That was all; the loop says so if more comes.
      if got < Self.chunk.count { return }
    }
  }

  private func close() {
    guard descriptor.isOpen else { return }
    descriptor.close()
    caller.leave()
    wakeWaiting()
    onClosed()
  }
}
