import ApusCore

/// A new client comes to an agent that lives, and may still be at work for one that is gone. Decides who hears what until
/// the agent is the new client's alone, as if it had just been started for it. Pure; lines come and go with their
/// newlines.
///
/// - The client's greeting and all its requests and answers go to the agent at once, and the answers to its own requests
///   come back at once.
/// - What the agent asked and nobody answered is the client's to answer, so that the old turn can end; but only once the
///   agent has answered the client's greeting, at which it withdraws some of it (hooks, measured on 2.1.329).
/// - Servers that are in the client are new with it, and take no request before they were greeted, as the agent greeted
///   those of its first client: they are given the same greeting first, whose answers the agent does not need.
/// - Everything else of the old turn is not for the client. Its messages wait until that turn is over; with the first of
///   them its own stream begins.
package struct ClaudeHandover: Sendable {
  package enum Action: Equatable, Sendable {
    case toAgent([UInt8])
    case toClient([UInt8])
  }

  private var standing: ClaudeStanding
  private var asked: Set<String> = []
  private var given: Set<String> = []
  private var greeting: String?
  private var hasSpoken = false
  /// What servers in the client are still to be greeted with, and which of it waits for an answer.
  private var handshakes: [(id: String, line: [UInt8])]
  private var handshake: String?
  private var held: [[UInt8]] = []
  private var isOwn = false
  /// The agent tells of its tasks behind a greeting that is not its first.
  private var tasksFollow = false

  package init(_ standing: ClaudeStanding) {
    self.standing = standing
    handshakes = standing.handshakes.map { ($0.id, $0.line) }
  }

  /// Nothing is to be decided any more: all that either side says is for the other.
  package var isOver: Bool { isOwn && !tasksFollow }
  /// Something of the client's waits for the end of the old turn.
  package var holds: Bool { !held.isEmpty }
  package private(set) var heldBytes = 0

  package mutating func fromClient(_ line: ArraySlice<UInt8>) -> [Action] {
    if isOwn { return [.toAgent(Array(line))] }
    hasSpoken = true
    switch ClaudeLine(ofClient: line) {
    case .request(let id, let isGreeting):
      asked.insert(id)
      if isGreeting { greeting = id }
      return [.toAgent(Array(line))] + settle()
    case .message:
      held.append(Array(line))
      heldBytes += line.count
      return settle()
    case .response(let id, _):
      if id == handshake {
        handshake = nil
        // Unless the agent still waits for it itself.
        return (standing.known.contains(id) ? [] : [.toAgent(Array(line))]) + settle()
      }
      standing.say(line)
      return [.toAgent(Array(line))] + settle()
    // What is no JSON is the agent's to complain of.
    case .handshake, .withdrawal, .mode, .began, .ended, .tasks, .other: return [.toAgent(Array(line))]
    }
  }

  package mutating func fromAgent(_ line: ArraySlice<UInt8>) -> [Action] {
    let said = isOwn ? ClaudeLine(ofAgent: line) : standing.hear(line)
    if isOwn {
      let isDropped = tasksFollow && said == .tasks
      tasksFollow = false
      return isDropped ? [] : [.toClient(Array(line))]
    }
    var passed: [Action] = []
    switch said {
    case .response(let id, _):
      if asked.contains(id) { passed = [.toClient(Array(line))] }
      if id == greeting { (greeting, tasksFollow) = (nil, true) }
    case .withdrawal(let id): if given.remove(id) != nil { passed = [.toClient(Array(line))] }
    // A server that the agent greets only now is greeted once.
    case .handshake(let id, _):
      handshakes.append((id, Array(line)))
      tasksFollow = false
    case .request, .mode, .began, .ended, .message, .other: tasksFollow = false
    case .tasks: tasksFollow = false
    }
    return passed + settle()
  }

  /// The request of the agent's that a client's line answers.
  package static func answered(by line: ArraySlice<UInt8>) -> String? { ClaudeLine.answered(by: line) }

  /// What can be done by now.
  private mutating func settle() -> [Action] {
    guard hasSpoken, greeting == nil, handshake == nil else { return [] }
    if !handshakes.isEmpty {
      let next = handshakes.removeFirst()
      handshake = next.id
      return [.toClient(next.line)]
    }
    var actions: [Action] = []
    for (id, line) in standing.open where given.insert(id).inserted { actions.append(.toClient(line)) }
    guard !held.isEmpty, !standing.isAtWork else { return actions }
    actions += held.map { .toAgent($0) }
    (held, heldBytes, isOwn) = ([], 0, true)
    return actions
  }
}
