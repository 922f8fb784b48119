import ApusCore

/// Where an agent stands that speaks stream-json, told from what it wrote and what it was answered: is a turn under way,
/// and what did it ask that nobody answered? Pure.
package struct ClaudeStanding: Equatable, Sendable {
  /// Requests of the agent's that are to be answered, whole lines, in order.
  private(set) var open: [(id: String, line: [UInt8])] = []
  /// How it began to speak with servers that are in its client: the newest of each step, whole lines, in order.
  private(set) var handshakes: [(id: String, step: String, line: [UInt8])] = []
  package private(set) var isAtWork = false
  /// It waits for an answer.
  package private(set) var isWaiting = false
  /// It says itself when it works and when it rests; then that alone counts.
  private var tellsMode = false
  /// Requests that were answered, as is known from elsewhere.
  let known: Set<String>

  /// `answered`: ids of requests that are known to have been answered.
  package init(answered: Set<String> = []) { known = answered }

  /// What a line of the agent's says, newline and all.
  @discardableResult
  mutating func hear(_ line: ArraySlice<UInt8>) -> ClaudeLine {
    let said = ClaudeLine(ofAgent: line)
    switch said {
    case .request(let id, _): if !known.contains(id) { open.append((id, Array(line))) }
    case .handshake(let id, let step):
      handshakes.removeAll { $0.step == step }
      handshakes.append((id, step, Array(line)))
    case .withdrawal(let id): answer(id)
    case .response(_, let mode): if let mode { take(mode) }
    case .mode(let mode):
      tellsMode = true
      take(mode)
    case .began: if !tellsMode { isAtWork = true }
    case .ended:
      open = []
      if !tellsMode { take(.idle) }
    case .tasks, .message, .other: break
    }
    return said
  }

  /// The same of the lines in a piece of a recording; what stands behind the last newline is left out.
  package mutating func hear(recorded bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while let end = rest.firstIndex(of: 10) {
      hear(rest[...end])
      rest = rest[(end + 1)...]
    }
  }

  /// The same of the beginning of a recording whose middle is not read: of that only the servers count.
  package mutating func hear(beginning bytes: ArraySlice<UInt8>) {
    var past = ClaudeStanding()
    past.hear(recorded: bytes)
    handshakes = past.handshakes
  }

  /// What a client says to it: a message is a turn to come.
  @discardableResult
  mutating func say(_ line: ArraySlice<UInt8>) -> ClaudeLine {
    let said = ClaudeLine(ofClient: line)
    switch said {
    case .response(let id, _): answer(id)
    case .message: isAtWork = true
    case .request, .handshake, .withdrawal, .mode, .began, .ended, .tasks, .other: break
    }
    return said
  }

  /// The same of several lines, the last of which may lack its newline.
  package mutating func say(lines: ArraySlice<UInt8>) {
    var rest = lines
    while let end = rest.firstIndex(of: 10) {
      say(rest[...end])
      rest = rest[(end + 1)...]
    }
    if !rest.isEmpty { say(rest) }
  }

  private mutating func answer(_ id: String) { open.removeAll { $0.id == id } }

  private mutating func take(_ mode: AgentMode) {
    switch mode {
    case .idle:
      (isAtWork, isWaiting) = (false, false)
      // What is not answered when a turn is over will never be.
      open = []
    case .running: (isAtWork, isWaiting) = (true, false)
    case .waiting: (isAtWork, isWaiting) = (true, true)
    case .unknown: break
    }
  }

  package static func == (one: ClaudeStanding, other: ClaudeStanding) -> Bool {
    one.open.map(\.id) == other.open.map(\.id) && one.isAtWork == other.isAtWork && one.isWaiting == other.isWaiting
      && one.tellsMode == other.tellsMode
  }
}
