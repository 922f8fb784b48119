import ApusFrames
import ApusLoop
import CSystem
import Glibc

/// A connection to one of our own processes on the loop: frames go out in order, and come as they are sent.
@LoopActor
final class FrameLink {
  private let link: ByteLink
  private var reader = FrameReader()
  /// Throws what makes the other side one that speaks nonsense.
  var onFrame: @LoopActor (Frame) throws -> Void = { _ in }
  /// Called once, when the other side is gone or speaks nonsense.
  var onGone: @LoopActor () -> Void = {}

  var isOpen: Bool { link.isOpen }

  /// `number` is a socket that was just connected, non-blocking; nil, and closed, where another user is at its other end.
  init?(_ number: Int32) {
    guard number >= 0 else { return nil }
    var user: uid_t = 0
    guard apus_peer_user(number, &user) == 0, user == getuid() else {
      Glibc.close(number)
      return nil
    }
    link = ByteLink(number)
    link.onBytes = { [weak self] bytes in self?.take(bytes) }
    link.onGone = { [weak self] in self?.gone() }
    link.begin()
  }

  func send(_ frame: Frame) { link.send(frame.encoded) }

  /// Nothing more is taken in until `resume`: the other side waits.
  func pause() { link.pause() }
  func resume() { link.resume() }

  func close() {
    (onFrame, onGone) = ({ _ in }, {})
    link.close()
  }

  private func take(_ bytes: ArraySlice<UInt8>) {
    reader.feed(bytes)
    do { while link.isOpen, let frame = try reader.next() { try onFrame(frame) } } catch { gone() }
  }

  private func gone() {
    let told = onGone
    close()
    told()
  }
}
