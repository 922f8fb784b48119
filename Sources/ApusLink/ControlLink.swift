import ApusCore
import ApusFrames
import ApusLoop
import ApusWire
import CSystem

/// A connection to the daemon for programs that live on the loop: requests go out in order, replies come as they are
/// given. Never waits, and never starts a daemon.
@LoopActor
package final class ControlLink {
  private let link: FrameLink
  package var onItem: @LoopActor ([UInt8]) -> Void = { _ in }
  /// A request was answered: its reply, or why it failed.
  package var onReply: @LoopActor (Result<[UInt8], Failure>) -> Void = { _ in }
  /// Called once, when the daemon is gone or speaks nonsense.
  package var onGone: @LoopActor () -> Void = {}

  /// False once the daemon is gone, also where nobody was there to be told.
  package var isOpen: Bool { link.isOpen }

  /// No more items are taken from the daemon, which waits, until `resume`.
  package func pause() { link.pause() }
  package func resume() { link.resume() }

  /// Nil where no daemon of this user's listens.
  package static func connect(_ places: Places) -> ControlLink? {
    FrameLink(apus_unix_connect_at_once(places.daemonSocket)).map(ControlLink.init)
  }

  /// Connects, starting the daemon as `DaemonLink.open` does, on another thread. What that reached is what is spoken to: a
  /// second connection could meet another moment of the daemon.
  package static func open(
    _ places: Places, environment: [String: String], starting: Bool = true, program: String? = nil
  ) async throws(Failure) -> ControlLink {
    let number = try await Offload.trying { () throws(Failure) in
      try DaemonLink.open(places, environment: environment, starting: starting, program: program).handedOver()
    }
    guard let link = FrameLink(number) else { throw DaemonLink.gone }
    return ControlLink(link)
  }

  private init(_ link: FrameLink) {
    self.link = link
    // Whoever hears a reply may let go of us.
    link.onFrame = { [weak self] frame in self?.take(frame) }
    link.onGone = { [weak self] in
      guard let self else { return }
      let told = onGone
      close()
      told()
    }
  }

  package func send(_ verb: Verb, _ body: some Encodable) {
    guard let frame = try? Control.request(verb, body) else { return }
    link.send(frame)
  }

  package func close() {
    (onItem, onReply, onGone) = ({ _ in }, { _ in }, {})
    link.close()
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
}
