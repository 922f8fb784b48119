import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc
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
    try await see("manual mode on", on: name)
    return made
  }

  /// Looks at the session's terminal until that is seen; the screen then.
  @discardableResult
  package func see(
    _ text: String, on name: String, seconds: Double = 30, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    var seen = Outcome(status: 0, output: "", errors: "")
    let found = await eventually(seconds: seconds) {
      seen = await apus("screen", name)
      return seen.output.contains(text)
    }
    try #require(found, "never seen on \(name): \(text)\n\(seen.output)\(seen.errors)", sourceLocation: sourceLocation)
    return seen.output
  }

  /// Presses a key at the session's terminal until that is so: programs pass over keys in the first moment of a dialog.
  package func press(
    _ key: String, at name: String, until isSo: () async -> Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let isReached = await eventually(seconds: 30) {
      let typed = await apus("type", name, "--key", key)
      #expect(typed.status == 0, "\(typed.errors)", sourceLocation: sourceLocation)
      return await eventually(seconds: 1) { await isSo() }
    }
    let seen = await apus("screen", name).output
    try #require(isReached, "\(key) does nothing\n\(seen)", sourceLocation: sourceLocation)
  }

  /// An agent for terminals that is no more than a shell script; returns its path. It must not have the terminal's
  /// answers to give: what it prints is what is seen.
  package func terminalAgent(_ script: String) -> String {
    let path = root + "/terminal-agent"
    Disk.write(
      "#!/bin/bash\nif [ \"$1\" = --version ]; then exec '\(Checkout.scriptedAgent)' \"$@\"; fi\n\(script)\n", to: path,
      mode: 0o700)
    return path
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
