import ApusFrames
import ApusLoop
import CSystem

/// A connection to one keeper, on the daemon's loop.
@LoopActor
package final class KeeperLink {
  private let link: FrameLink
  /// Called for every reply, in order.
  package var onReply: @LoopActor (KeeperReply) -> Void = { _ in }
  /// Called once, when the keeper is gone or speaks nonsense.
  package var onGone: @LoopActor () -> Void = {}

  /// Nil when nobody listens there.
  package static func connect(socket: String) -> KeeperLink? {
    FrameLink(apus_unix_connect(socket, 1)).map(KeeperLink.init)
  }

  private init(_ link: FrameLink) {
    self.link = link
    // Whoever hears a reply may let go of us.
    link.onFrame = { [weak self] frame in if let reply = try KeeperReply(frame) { self?.onReply(reply) } }
    link.onGone = { [weak self] in
      guard let self else { return }
      let told = onGone
      close()
      told()
    }
  }

  package func send(_ request: KeeperRequest) { link.send(request.frame) }

  /// Nothing more is taken in until `resume`: the keeper waits, and nothing grows.
  package func pause() { link.pause() }
  package func resume() { link.resume() }

  package func close() {
    (onGone, onReply) = ({}, { _ in })
    link.close()
  }
}
