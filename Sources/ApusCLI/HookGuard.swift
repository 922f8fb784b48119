import ApusAgents
import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

/// What a hook decides where no daemon answers: guards fail closed, by the sheet the daemon left beside its sessions.
enum HookGuard {
  /// Why what the agent is about to do shall not happen; nil: it may.
  static func refusal(_ report: [UInt8], _ places: Places) -> String? {
    guard let json = try? JSONText.decode(JSON.self, from: report), let said = ClaudeHooks.read(json),
      case .toolBegan(let tool, let input, _) = said.fact, ClaudeHooks.changing.contains(tool),
      let sheet = sheet(places.guardSheet(conversation: said.conversationID))
    else { return nil }
    return sheet.refusalAlone(tool: tool, input: input, in: said.directory ?? "/")
  }

  private static func sheet(_ path: String) -> GuardSheet? {
    let descriptor = apus_open(path, O_RDONLY | O_NOFOLLOW, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = read(descriptor, &chunk, chunk.count), got > 0 { bytes += chunk[..<got] }
    return try? JSONText.decode(GuardSheet.self, from: bytes)
  }
}
