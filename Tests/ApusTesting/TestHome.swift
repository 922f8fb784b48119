import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc
import Testing

/// A throw-away home with a repository of its own: all a test of the three programs touches. Nothing of this machine's
/// own configuration is in reach.
package final class TestHome: Sendable {
  package let root: String
  package let environment: [String: String]

  package var person: String { root + "/home" }
  package var work: String { root + "/work" }
  package var apusHome: String { environment["APUS_HOME"] ?? "" }

  package init(agent: String = Checkout.claude, extra: [String: String] = [:]) throws {
    var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure(.internalError, "mkdtemp: \(errno)") }
    let root = String(cString: made)
    for part in ["/home", "/work", "/tmp"] { mkdir(root + part, 0o700) }
    self.root = root
    environment = [
      "HOME": root + "/home", "APUS_HOME": root + "/apus", "TMPDIR": root + "/tmp", "LANG": "C.UTF-8",
      "PATH": Checkout.programs + ":/usr/local/bin:/usr/bin:/bin", "TERM": "xterm-256color", "APUS_CLAUDE": agent,
      "ANTHROPIC_BASE_URL": "http://127.0.0.1:\(ModelStub.shared.port)", "ANTHROPIC_API_KEY": "sk-ant-fake-key",
      "IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "DISABLE_ERROR_REPORTING": "1",
      "DISABLE_BUG_COMMAND": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "CLAUDE_CODE_MAX_RETRIES": "0",
    ].merging(extra) { $1 }
  }

  /// Gives the test a home and takes it away again; nothing the test started may be left, whatever happened in it.
  /// `slots`: how many of the real `claude` it keeps busy at a time.
  package static func with<T: Sendable>(
    agent: String = Checkout.claude, extra: [String: String] = [:], slots: Int = 1,
    _ body: (TestHome) async throws -> T
  ) async throws -> T {
    if Slots.isInHome { return try await use(agent: agent, extra: extra, body) }
    return try await Slots.claude.hold(agent == Checkout.claude ? slots : 0) {
      try await Slots.homes.hold(1) {
        try await Slots.$isInHome.withValue(true) { try await use(agent: agent, extra: extra, body) }
      }
    }
  }

  private static func use<T: Sendable>(
    agent: String, extra: [String: String], _ body: (TestHome) async throws -> T
  ) async throws -> T {
    let home = try TestHome(agent: agent, extra: extra)
    do {
      let result = try await body(home)
      await home.end()
      return result
    } catch {
      await home.end()
      throw error
    }
  }

  @discardableResult
  package func apus(
    _ arguments: String..., input: String? = nil, extra: [String: String] = [:], directory: String? = nil,
    seconds: Double = 60
  ) async -> Outcome {
    await Program.run(
      [Checkout.programs + "/apus"] + arguments, environment: environment.merging(extra) { $1 },
      directory: directory ?? work, input: input, seconds: seconds)
  }

  /// The session object a command printed; fails the test with what it said where it printed none.
  package func session(
    _ arguments: String..., extra: [String: String] = [:], directory: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> SessionObject {
    let outcome = await Program.run(
      [Checkout.programs + "/apus"] + arguments + ["--json"], environment: environment.merging(extra) { $1 },
      directory: directory ?? work)
    try #require(
      outcome.status == 0,
      "apus \(arguments.joined(separator: " ")): \(outcome.status) \(outcome.output) \(outcome.errors)",
      sourceLocation: sourceLocation)
    return try JSONText.decode(SessionObject.self, from: Array(outcome.output.utf8))
  }

  /// The failure object a command printed with `--json`, and its exit code.
  package func failure(_ arguments: String..., extra: [String: String] = [:], directory: String? = nil) async throws
    -> (Failure, Int32)
  {
    struct Printed: Decodable { var error: Failure }
    let outcome = await Program.run(
      [Checkout.programs + "/apus"] + arguments + ["--json"], environment: environment.merging(extra) { $1 },
      directory: directory ?? work)
    return (try JSONText.decode(Printed.self, from: Array(outcome.output.utf8)).error, outcome.status)
  }

  package func daemonLog() -> String { Self.text(apusHome + "/apusd.log") }

  package static func text(_ path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let got = fread(&chunk, 1, chunk.count, file), got > 0 { bytes += chunk[..<got] }
    return String(decoding: bytes, as: UTF8.self)
  }

  package static func write(_ text: String, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fputs(text, file)
    fclose(file)
  }

  /// Every living process that belongs to this home.
  package func processes() -> [ProcessMark] { Processes.carrying("APUS_HOME=" + apusHome) }

  private static func command(_ mark: ProcessMark) -> String {
    "\(text("/proc/\(mark.pid)/stat").prefix(60))… " + text("/proc/\(mark.pid)/cmdline").replacing("\0", with: " ")
  }

  private func end() async {
    let outcome = await apus("down", "--end", seconds: 30)
    var left = processes()
    if !left.isEmpty {
      Issue.record(
        """
        left behind by \(root): \(left.map(Self.command)); down said \(outcome.status) \(outcome.output)\(outcome.errors)
        \(daemonLog().suffix(2000))
        """)
    }
    while !left.isEmpty {
      for mark in left { Processes.signal(mark, SIGKILL) }
      poll(nil, 0, 20)
      left = processes()
    }
    // What a daemon leased for all daemons of this user.
    let marks = "/tmp/apus-ports-\(getuid())"
    for mark in Disk.everything(below: marks) where Self.text(mark.path).hasPrefix(apusHome + "\n") {
      unlink(mark.path)
    }
    _ = await Program.run(
      ["/bin/rm", "-rf", root], environment: ["PATH": "/usr/bin:/bin"], directory: "/", seconds: 60)
  }
}
