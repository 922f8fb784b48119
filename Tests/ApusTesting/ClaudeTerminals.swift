import ApusCore
import ApusWire
import Testing

/// What tests of terminals ask a home again and again.
extension TestHome {
  /// A person who has used Claude Code before, so that it asks nothing before the first prompt but, in directories that
  /// are not trusted, whether they may be (real-cli §0, §5).
  package func onboard(trusting directories: [String]? = nil) {
    let key = environment["ANTHROPIC_API_KEY"] ?? ""
    let trusted = (directories ?? [work]).map { "\"\(Disk.realPath($0))\":{\"hasTrustDialogAccepted\":true}" }
    Disk.write(
      """
      {"hasCompletedOnboarding":true,"customApiKeyResponses":{"approved":["\(key.suffix(20))"],"rejected":[]},\
      "projects":{\(trusted.joined(separator: ","))}}
      """, to: person + "/.claude.json")
  }

  /// A session of the real program in a terminal, ready to be typed at.
  package func claudeTerminal(_ name: String, directory: String? = nil) async throws -> SessionObject {
    let made = try await session("new", name, "--terminal", "--permission-mode", "manual", directory: directory)
    try await see(name, "manual mode on")
    return made
  }

  /// How long all segments of the recording of a terminal are together.
  package func recordedBytes(_ session: SessionObject) -> Int {
    Disk.everything(below: runDirectory(session)).filter { $0.path.contains("/recording") && !$0.isDirectory }
      .reduce(0) { $0 + Disk.size($1.path) }
  }
}

/// Lines as they are seen: no blanks at their ends, no empty ones at the end.
package func seenLines(_ screen: String) -> [String] {
  var lines = screen.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    var line = line
    while line.last == " " { line.removeLast() }
    return String(line)
  }
  while lines.last == "" { lines.removeLast() }
  return lines
}
