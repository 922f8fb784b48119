import ApusCore
import CSystem

/// The list Claude Code keeps of its living processes: `sessions/<pid>.json` (real-cli §1). Files of killed processes
/// stay for ever, so an entry counts only while its process, by pid and start time, is alive.
package struct ClaudeRegistry: Sendable {
  package struct Entry: Equatable, Sendable {
    package var mark: ProcessMark
    package var conversationID: String
  }

  package private(set) var entries: [Entry] = []

  package static func load(configuration: String) -> ClaudeRegistry {
    var registry = ClaudeRegistry()
    let directory = configuration + "/sessions"
    for name in ClaudePlaces.names(in: directory) ?? [] where name.hasSuffix(".json") {
      guard let bytes = ClaudePlaces.load(directory + "/" + name, limit: 1 << 20),
        let json = try? JSONText.decode(JSON.self, from: bytes), let id = json["sessionId"]?.string,
        let pid = json["pid"]?.integer.flatMap({ Int32(exactly: $0) })
      else { continue }
      var now = apus_process()
      guard apus_process_look(pid, &now) == 0, now.state != CChar(UInt8(ascii: "Z")) else { continue }
      let said = json["procStart"]
      let start = said?.integer.map { UInt64(clamping: $0) } ?? said?.string.flatMap { UInt64($0) }
      if let start, start != now.start { continue }
      registry.entries.append(Entry(mark: ProcessMark(pid: pid, start: now.start), conversationID: id))
    }
    return registry
  }

  /// A living process that has the conversation and is none of `ours`.
  package func elsewhere(_ conversationID: String, ours: Set<ProcessMark>) -> Verdict.Elsewhere? {
    entries.first { $0.conversationID.lowercased() == conversationID && !ours.contains($0.mark) }
      .map { Verdict.Elsewhere(pid: Int($0.mark.pid), program: "claude") }
  }
}
