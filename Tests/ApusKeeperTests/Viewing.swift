import ApusFrames
import ApusTestKit

// What is said at a keeper's terminal.

extension TerminalSize {
  static let usual = TerminalSize(rows: 24, columns: 80)

  init(_ rows: UInt16, _ columns: UInt16) { self.init(rows: rows, columns: columns) }

  /// As `stty size` says it.
  var words: String { "\(rows) \(columns)" }
}

extension Attached {
  struct Viewing {
    var available: UInt64
    var size: TerminalSize
    var leads: Bool
    /// What was told before the answer.
    var before: [KeeperReply]
  }

  /// Becomes a viewer, and waits for the answer.
  @discardableResult
  func view(_ wish: View.Wish, _ size: TerminalSize = .usual, testament: View.Testament? = nil) throws -> Viewing {
    try send(.view(View(wish: wish, size: size, testament: testament)))
    var before: [KeeperReply] = []
    while true {
      let reply = try next()
      if case .viewing(let available, let size, let leads) = reply {
        return Viewing(available: available, size: size, leads: leads, before: before)
      }
      before.append(reply)
    }
  }

  func type(_ text: String) throws { try send(.type(Array(text.utf8))) }

  /// All that was told until the keeper had dealt with everything said to it here before; output is left out.
  @discardableResult func settled() throws -> [KeeperReply] {
    try send(.hello(version: KeeperProtocol.version))
    var told: [KeeperReply] = []
    while true {
      let reply = try next()
      switch reply {
      case .welcome: return told
      case .output, .viewed, .speaker: continue
      case .taken, .ending, .trouble, .refused, .viewing, .leads, .sized, .stopped: told.append(reply)
      }
    }
  }

  /// Waits for that word; output and other words before it are passed over.
  func waitFor(_ wanted: KeeperReply) throws {
    while try next() != wanted {}
  }
}
