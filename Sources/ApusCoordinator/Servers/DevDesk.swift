import ApusCore
import ApusLoop
import ApusWire

/// A development server as the daemon knows it, for as long as its owner is connected.
@LoopActor
final class DevServing {
  let request: DevServeRequest
  let name: String
  /// The session it belongs to.
  let session: String?
  /// The repository, or the directory where that is none.
  let scope: String
  let port: Int?
  private let caller: Caller
  var state: DevStateObject?
  var last: DevOutcome?
  var lastWords: String?
  var lines: [String] = []
  /// What people and sessions want held.
  var asked: [Hold] = []
  /// What its owner was last told.
  var told: [Hold] = []
  /// Who changed what is not known to be healthy yet.
  var editors: Set<String> = []
  /// Who waits for what becomes of a reload.
  var waiting: [Answer<DevOutcome?>] = []
  var over: Answer<Void>?
  /// Who waits for its end.
  var leaving: [Answer<Void>] = []

  init(
    _ request: DevServeRequest, name: String, session: String?, scope: String, port: Int?, caller: Caller
  ) {
    self.request = request
    self.name = name
    self.session = session
    self.scope = scope
    self.port = port
    self.caller = caller
  }

  /// Who leases its port, where that is no session's.
  var holder: String { Self.holder(request.id) }

  static func holder(_ id: String) -> String { "dev:" + id }

  func send(_ order: DevOrder) {
    guard let bytes = try? JSONText.encode(order) else { return }
    let caller = self.caller
    LoopActor.begin { await caller.item(bytes) }
  }
}

@LoopActor
final class DevDesk {
  var all: [DevServing] = []
  /// Sessions that are not ours and in a turn, as their hooks say.
  var turns: Set<String> = []
  /// Where sessions work, without links.
  var checkouts: [String: (directory: String, checkout: String)] = [:]
}
