import ApusCore
import ApusLoop

/// What looks different now, for those who show it: a hint to look again. What happened is told by events.
package enum Aspect: Hashable, Sendable {
  case session(String)
  case locks, claims, servers
}

/// What agents are in the middle of saying, by session. Nothing of it is kept: once it is said it is an event.
@LoopActor
package final class Sayings {
  /// More of one message is not shown before it is whole.
  private static let longest = 1 << 18

  package private(set) var texts: [String: String] = [:]
  /// Hears of every piece; `begins`: it is the first of a message. Of what was said meanwhile nothing is left.
  package var onPiece: @LoopActor (_ session: String, _ text: String, _ begins: Bool) -> Void = { _, _, _ in }
  package var onOver: @LoopActor (_ session: String) -> Void = { _ in }

  func add(_ text: String, begins: Bool, to session: String) {
    let begins = begins || texts[session] == nil
    if begins { texts[session] = "" }
    // What is full stays so: a later, shorter piece would stand where a longer one is missing.
    guard let count = texts[session]?.utf8.count, count < Self.longest else { return }
    let piece = String(decoding: text.utf8.prefix(Self.longest - count), as: UTF8.self)
    texts[session]?.append(piece)
    onPiece(session, piece, begins)
  }

  func end(_ session: String) {
    if texts.removeValue(forKey: session) != nil { onOver(session) }
  }
}
