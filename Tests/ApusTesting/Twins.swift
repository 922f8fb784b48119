import ApusCore
import Glibc
import Testing

/// The same command line at two terminals side by side: at one the real program answers to `claude`, at the other ours
/// in its place. Each has a person's directory of its own, one a copy of the other: what the program keeps there changes
/// what it shows the next time.
package struct Twins: Sendable {
  package let real: Pane
  package let ours: Pane
  package let home: TestHome

  package static func with<T: Sendable>(
    _ home: TestHome, columns: Int = 160, rows: Int = 30, _ body: (Twins) async throws -> T
  ) async throws -> T {
    let real = await environment("real", home)
    let ours = await environment("ours", home)
    return try await Pane.with(home, columns: columns, rows: rows, extra: real, command: shell) { first in
      try await Pane.with(home, columns: columns, rows: rows, extra: ours, command: shell) { second in
        try await body(Twins(real: first, ours: second, home: home))
      }
    }
  }

  /// The program has advice for those who use tmux, which comes when it likes: this is a terminal of no name.
  private static let shell =
    "env -u TMUX -u TMUX_PANE -u TERM_PROGRAM -u TERM_PROGRAM_VERSION /bin/bash --norc --noprofile"

  /// The variables of one of the two: a copy of the person's directory, and who answers to `claude`.
  package static func environment(_ who: String, _ home: TestHome) async -> [String: String] {
    let root = home.root + "/" + who
    Disk.makeDirectory(root + "/bin")
    symlink(who == "real" ? Checkout.claude : Checkout.programs + "/apus-claude", root + "/bin/claude")
    _ = await home.shell("rm -rf \(root)/home && cp -a \(home.person) \(root)/home")
    // Behind ours in PATH stands the real one, as on everybody's machine.
    let behind = who == "real" ? "" : home.root + "/real/bin:"
    return [
      "HOME": root + "/home", "PATH": "\(root)/bin:\(behind)\(home.environment["PATH"] ?? "")", "APUS_CLAUDE": "",
    ]
  }

  package var both: [Pane] { [real, ours] }

  /// A line for both shells, its own text gone before its command begins.
  package func enter(_ line: String) async {
    for pane in both { await pane.enter("clear; " + line) }
  }

  package func type(_ text: String) async throws {
    for pane in both { await pane.type(text) }
    for pane in both { try await pane.see(text) }
  }

  package func press(_ keys: String...) async {
    for pane in both { for key in keys { await pane.press(key) } }
  }

  /// Leaves as a person does who types it.
  package func exit() async throws {
    try await type("/exit")
    await press("Enter")
  }

  /// Presses keys at each of the two, again and again, until that is seen there.
  package func insist(_ keys: [String], until text: String) async {
    for pane in both {
      _ = await eventually(seconds: 60) {
        for key in keys { await pane.press(key) }
        return await eventually(seconds: 5) { await pane.screen().contains(text) }
      }
    }
  }

  /// Looks until both show the same to the last colour, and that text in it.
  package func agree(on text: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    var seen = (real: "", ours: "")
    let isSame = await eventually(seconds: 30) {
      guard await real.screen().contains(text), await ours.screen().contains(text) else { return false }
      seen = (Self.comparable("\(await real.picture())"), Self.comparable("\(await ours.picture())"))
      return seen.real == seen.ours
    }
    if seen.ours.isEmpty { seen = (await real.screen(), await ours.screen()) }
    try #require(
      isSame, "not the same, or without \(text); claude:\n\(seen.real)\napus-claude:\n\(seen.ours)",
      sourceLocation: sourceLocation)
  }

  /// What is the same for both: ids are random, and so is the word for a turn's work; clocks go on. One line is not: the
  /// farewell names no flags where settings were given, as ours are (docs/decisions/0007).
  package static func comparable(_ text: String) -> String {
    text.replacing(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/, with: "ID")
      .replacing(/claude [^\n]*--resume ID/, with: "claude --resume ID")
      .replacing(/✻[^\n]* for [^\n]*/, with: "✻ worked")
      .replacing("/ours/", with: "/real/")
      // A key more than was needed, echoed by the terminal itself.
      .replacing("^C", with: "")
      // tmux takes the program's question for graphics for a title, if it comes last.
      .replacing(/title=Gi=31[^\n]*/, with: "title=✳ Claude Code")
  }
}
