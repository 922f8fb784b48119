import ApusAgents
import ApusCore
import ApusTestKit
import Foundation

/// Recorded streams of the real program, and what is read in them.
enum Recorded {
  static let names = [
    "3turns", "can_use_tool_allow", "can_use_tool_deny", "initialize", "interrupt", "queued", "session_state_events",
    "print_529", "print_529x2", "print_hello", "print_mcp", "print_tools", "print_with_hook_events", "measured_turn",
    "measured_merged", "measured_taken_in", "measured_interrupt", "measured_interrupt_permission", "measured_continued",
    "measured_unknown_id",
  ]

  private static let directory = (#filePath as NSString).deletingLastPathComponent + "/Fixtures/"

  static func load(_ file: String) throws -> String {
    guard let bytes = FileManager.default.contents(atPath: directory + file) else {
      throw TestFailure("\(file) is missing in Fixtures")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func events(of text: String) -> [AgentEvent] {
    var stream = ClaudeStream()
    return events(of: text, &stream)
  }

  static func events(of text: String, _ stream: inout ClaudeStream) -> [AgentEvent] {
    var offset: UInt64 = 0
    var events: [AgentEvent] = []
    for line in Array(text.utf8).split(separator: 10, omittingEmptySubsequences: false) {
      events += stream.read(line: line, at: offset)
      offset += UInt64(line.count) + 1
    }
    return events
  }

  /// One line per event with everything that is in it, so that equal lines are equal events.
  static func line(_ event: AgentEvent) throws -> String {
    switch event {
    case .ready(let version): "ready \(version ?? "-")"
    case .modeChanged(let mode): "mode \(mode.rawValue)"
    case .turnBegan(let conversation, let model): "turn began \(conversation) \(model ?? "-")"
    case .promptStarted(let id): "started \(id)"
    case .promptFinished(let id, let withdrawn): "\(withdrawn ? "withdrawn" : "finished") \(id)"
    case .saying(let text, let begins): "saying \(begins) \(text)"
    case .said(let utterance): "said \(try JSONText.string(utterance))"
    case .permissionAsked(let request): "asked \(try JSONText.string(request))"
    case .permissionWithdrawn(let id): "asked no more \(id)"
    case .turnEnded(let result): "ended \(try JSONText.string(result))"
    case .retrying(let failure): "retrying \(try JSONText.string(failure))"
    case .unreadable(let offset): "unreadable \(offset)"
    }
  }
}
