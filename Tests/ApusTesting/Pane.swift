import ApusCore
import ApusLink
import Glibc
import Testing

/// A person's terminal: a pane of a tmux server of its own. What `screen` says is what the person sees.
package final class Pane: Sendable {
  private let home: TestHome
  private let name: String
  private let environment: [String: String]

  /// Gives the test a terminal in the home's work directory and closes it again. Without a command a shell runs in it.
  package static func with<T: Sendable>(
    _ home: TestHome, columns: Int = 100, rows: Int = 30, extra: [String: String] = [:],
    command: String = "/bin/bash --norc --noprofile", _ body: (Pane) async throws -> T
  ) async throws -> T {
    let pane = Pane(home, extra: extra)
    try await pane.open(columns, rows, command)
    do {
      let result = try await body(pane)
      await pane.close()
      return result
    } catch {
      await pane.close()
      throw error
    }
  }

  private init(_ home: TestHome, extra: [String: String]) {
    self.home = home
    name = "p\(UInt32.random(in: 0...UInt32.max))"
    environment = home.environment.merging(["TMUX_TMPDIR": home.root + "/tmp", "PS1": "$ "]) { $1 }
      .merging(extra) { $1 }
  }

  private func open(_ columns: Int, _ rows: Int, _ command: String) async throws {
    // No status line, no escape time, no history to scroll: the pane is the terminal.
    let made = await tmux(
      "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", command, ";", "set", "-g", "status", "off", ";", "set",
      "-s", "escape-time", "0", ";", "set", "-g", "window-size", "manual", ";", "resize-window", "-x", "\(columns)",
      "-y",
      "\(rows)")
    guard made.status == 0 else { throw Failure(.internalError, "tmux: \(made.errors)") }
  }

  @discardableResult
  package func tmux(_ arguments: String...) async -> Outcome {
    await Program.run(
      ["/usr/bin/tmux", "-f", "/dev/null", "-L", name] + arguments, environment: environment, directory: home.work,
      seconds: 20)
  }

  /// Types the text as it is.
  package func type(_ text: String) async { await tmux("send-keys", "-l", text) }

  /// Presses keys by tmux's names: `Enter`, `C-c`, `Escape`, `Up`.
  package func press(_ keys: String...) async {
    for key in keys { await tmux("send-keys", key) }
  }

  /// A line for the shell.
  package func enter(_ line: String) async {
    await type(line)
    await press("Enter")
  }

  /// What is seen, without blanks at the ends of lines.
  package func screen() async -> String { await tmux("capture-pane", "-p").output }

  /// The same with colours and attributes, as tmux writes them.
  package func colours() async -> String { await tmux("capture-pane", "-p", "-e").output }

  /// A fact of tmux's about the pane, as `#{cursor_x}`.
  package func fact(_ format: String) async -> String {
    await tmux("display-message", "-p", format).output.filter { $0 != "\n" }
  }

  package func resize(columns: Int, rows: Int) async {
    await tmux("resize-window", "-x", "\(columns)", "-y", "\(rows)")
  }

  /// Looks until that is seen; the screen then.
  @discardableResult
  package func see(
    _ text: String, seconds: Double = 120, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    var seen = ""
    let found = await eventually(seconds: seconds) {
      seen = await screen()
      return seen.contains(text)
    }
    try #require(found, "never seen: \(text)\n\(seen)", sourceLocation: sourceLocation)
    return seen
  }

  /// The process that runs in it.
  package func process() async -> Int32 { Int32(await fact("#{pane_pid}")) ?? 0 }

  /// Closes the terminal, as a window that is closed: whoever sits at it is hung up on.
  package func close() async {
    let server = Int32(await fact("#{pid}")) ?? 0
    let marks = [server, await process()].compactMap { $0 > 0 ? Processes.mark(of: $0) : nil }
    await tmux("kill-server")
    for mark in marks { _ = ended(mark.pid, start: mark.start) }
  }
}
