import ApusCoordinator
import ApusCore
import ApusLoop

/// What one who follows is to be told beside events, as far as it is not on its way yet: what looks different, and what
/// agents are in the middle of saying. Nothing of it has a number; whoever comes back looks again. However slowly it is
/// taken, there is one of each.
@LoopActor
final class Signals {
  private let name: (String) -> String
  private let sees: (String) -> Bool
  private var aspects: Set<Aspect> = []
  private var pieces: [String: (text: String, begins: Bool)] = [:]

  /// `sees`: whether there is that session for who follows.
  init(name: @escaping (String) -> String, sees: @escaping (String) -> Bool) {
    self.name = name
    self.sees = sees
  }

  func note(_ aspect: Aspect) { aspects.insert(aspect) }

  func add(_ text: String, begins: Bool, of session: String) {
    if begins { pieces[session] = ("", true) }
    pieces[session, default: ("", false)].text.append(text)
  }

  func drop(_ session: String) { pieces[session] = nil }

  /// What is to be sent now; empty where there is nothing.
  func take() throws -> [UInt8] {
    defer { (aspects, pieces) = ([], [:]) }
    var bytes: [UInt8] = []
    for aspect in aspects {
      var said: [String: JSON]
      switch aspect {
      case .session(let id):
        guard sees(id) else { continue }
        said = ["what": "session", "session": .string(id)]
      case .locks: said = ["what": "locks"]
      case .claims: said = ["what": "claims"]
      case .servers: said = ["what": "servers"]
      }
      bytes += Array("event: changed\ndata: ".utf8) + (try JSONText.encode(JSON.object(said))) + [10, 10]
    }
    for (id, piece) in pieces where sees(id) {
      let said: JSON = .object([
        "session": .string(id), "name": .string(name(id)), "text": .string(piece.text), "begins": .bool(piece.begins),
      ])
      bytes += Array("event: saying\ndata: ".utf8) + (try JSONText.encode(said)) + [10, 10]
    }
    return bytes
  }
}
