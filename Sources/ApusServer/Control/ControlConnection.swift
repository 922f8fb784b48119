import ApusCoordinator
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire

/// One connection of the control door. It may go away at any time; what it asked for goes on.
@LoopActor
final class ControlConnection {
  /// More than this on its way to somebody who does not read: what produces it waits.
  private static let comfortable = 1 << 20

  private let link: ByteLink
  private var reader = FrameReader()
  private var waitingForRoom: [Answer<Void>] = []
  private(set) lazy var caller = Caller(
    deliver: { [weak self] bytes in self?.send(Frame(kind: Control.Kind.item, body: bytes)) },
    drained: { [weak self] in await self?.room() })
  var onRequest: @LoopActor (Frame, ControlConnection) -> Void = { _, _ in }
  var onClosed: @LoopActor () -> Void = {}

  init(_ number: Int32) { link = ByteLink(number) }

  func begin() {
    link.onBytes = { [weak self] bytes in self?.take(bytes) }
    link.onTaken = { [weak self] in self?.wakeWaiting() }
    link.onGone = { [weak self] in self?.close() }
    link.begin()
  }

  /// Whether it is gone is known now, and not a moment later.
  func look() { link.look() }

  func send(_ frame: Frame) { link.send(frame.encoded) }

  /// Returns when the other side has taken everything, or is gone.
  func drained() async { await wait { link.waiting == 0 } }

  private func room() async { await wait { link.waiting <= Self.comfortable } }

  private func wait(until isMet: () -> Bool) async {
    while link.isOpen, !isMet() {
      await withCheckedContinuation { continuation in waitingForRoom.append(Answer(continuation)) }
    }
  }

  private func wakeWaiting() {
    let waiting = waitingForRoom
    waitingForRoom = []
    for answer in waiting { answer.give(()) }
  }

  private func take(_ bytes: ArraySlice<UInt8>) {
    reader.feed(bytes)
    do { while let frame = try reader.next() { onRequest(frame, self) } } catch { close() }
  }

  private func close() {
    link.close()
    caller.leave()
    wakeWaiting()
    onClosed()
  }
}
