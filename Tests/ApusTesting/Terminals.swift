import ApusCore
import ApusFrames
import ApusLink
import ApusWire
import CSystem
import Glibc
import Testing

/// Sessions on terminals whose agent is any program.
extension TestHome {
  package static let shell = "/bin/bash --norc --noprofile"

  /// A home whose agents are programs on terminals (`Tests/Stub/terminal-agent`).
  package static func withTerminals<T: Sendable>(
    extra: [String: String] = [:], _ body: (TestHome) async throws -> T
  ) async throws -> T {
    try await with(agent: Checkout.terminalAgent, extra: ["PS1": "$ ", "APUS_STOP_SECONDS": "1"].merging(extra) { $1 })
    {
      try await body($0)
    }
  }

  /// For a home whose test looks for notices: they stay until a machine at its limit has looked.
  package static let lastingNotices = ["APUS_NOTICE_SECONDS": "40"]

  /// A session on a terminal of that size, whose agent is that command.
  package func terminal(
    _ name: String, _ agent: String = TestHome.shell, columns: Int = 80, rows: Int = 24, extra: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> SessionObject {
    let made = try await session(
      "new", name, "--terminal", extra: extra.merging(["TERMINAL_AGENT": agent]) { $1 }, sourceLocation: sourceLocation)
    if columns != 80 || rows != 24 { await resize(name, columns, rows) }
    return made
  }

  /// A program of the test's, as a command for `terminal`.
  package func program(_ name: String, _ text: String) -> String {
    let path = root + "/" + name
    Disk.write(text, to: path, mode: 0o700)
    return path
  }

  /// Types at a session's terminal.
  package func type(
    _ name: String, _ text: String = "", keys: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async {
    let words = ["type", name] + (text.isEmpty ? [] : ["--", text])
    let named = keys.flatMap { ["--key", $0] }
    let typed = await run([words[0], words[1]] + named + words.dropFirst(2))
    #expect(typed.status == 0, "\(typed.errors)", sourceLocation: sourceLocation)
  }

  /// A line for the shell on a session's terminal.
  package func enter(_ name: String, _ line: String, sourceLocation: SourceLocation = #_sourceLocation) async {
    await type(name, line, keys: ["enter"], sourceLocation: sourceLocation)
  }

  package func resize(_ name: String, _ columns: Int, _ rows: Int) async {
    let sized = await apus("size", name, "\(columns)x\(rows)")
    #expect(sized.status == 0, "\(sized.errors)")
  }

  /// What `apus screen` says.
  package func screen(_ name: String) async -> String { await apus("screen", name, seconds: 120).output }

  /// Looks until that is on the session's screen; the screen then.
  @discardableResult
  package func see(
    _ name: String, _ text: String, seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    var seen = ""
    let found = await eventually(seconds: seconds) {
      seen = await screen(name)
      return seen.contains(text)
    }
    try #require(found, "never on \(name): \(text)\n\(seen)", sourceLocation: sourceLocation)
    return seen
  }

  /// The segments of a terminal's recording: where each begins, and its size.
  package func segments(_ session: SessionObject) -> [(start: UInt64, bytes: Int)] {
    let directory = runDirectory(session)
    return Disk.everything(below: directory).compactMap { entry in
      RunFile.segmentStart(of: String(entry.path.dropFirst(directory.count + 1))).map { ($0, Disk.size(entry.path)) }
    }.sorted { $0.0 < $1.0 }
  }

  /// How far the recording goes.
  package func recorded(_ session: SessionObject) -> UInt64 {
    segments(session).last.map { $0.start + UInt64(max(0, $0.bytes)) } ?? 0
  }

  /// The offsets at which a screen is kept.
  package func keptScreens(_ session: SessionObject) -> [UInt64] {
    let directory = runDirectory(session)
    return Disk.everything(below: directory)
      .compactMap { RunFile.screenOffset(of: String($0.path.dropFirst(directory.count + 1))) }.sorted()
  }

  /// Waits until the agent writes no more: the recording is as long as it was for a while.
  package func settle(_ session: SessionObject) async {
    var before = recorded(session)
    var same = 0
    _ = await eventually(seconds: 60) {
      let now = recorded(session)
      same = now == before ? same + 1 : 0
      before = now
      return same >= 25
    }
  }
}

/// A pane to which bytes are written as if a program in it had.
extension Pane {
  package static func showing<T: Sendable>(
    _ home: TestHome, columns: Int, rows: Int, _ body: (Pane) async throws -> T
  ) async throws -> T {
    // Raw, so that what comes out is what went in; whatever the terminal answers is read by nobody.
    try await with(
      home, columns: columns, rows: rows, command: #"stty raw -echo; printf '\033]2;ready\007'; exec cat >/dev/null"#
    ) { pane in
      try await pane.reach("ready")
      return try await body(pane)
    }
  }

  /// Shows the bytes; returns when all are taken in. They must not end in the middle of a sequence.
  package func show(_ bytes: some Collection<UInt8>) async throws {
    let device = apus_open(await fact("#{pane_tty}"), O_WRONLY | O_NOCTTY, 0)
    try #require(device >= 0)
    defer { Glibc.close(device) }
    let mark = "end-\(UInt32.random(in: 0...UInt32.max))"
    var rest = (Array(bytes) + Array("\u{1B}]2;\(mark)\u{07}".utf8))[...]
    while !rest.isEmpty {
      let got = rest.withUnsafeBytes { write(device, $0.baseAddress, min(4096, $0.count)) }
      try #require(got > 0)
      rest = rest.dropFirst(got)
    }
    try await reach(mark)
  }

  private func reach(_ title: String) async throws {
    try #require(await eventually(seconds: 60) { await fact("#{pane_title}") == title }, "\(title)")
  }
}
