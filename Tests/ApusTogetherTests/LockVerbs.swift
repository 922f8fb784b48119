import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// What tests of locks ask again and again.
extension TestHome {
  static func withLocks<T: Sendable>(_ body: (TestHome) async throws -> T) async throws -> T {
    try await with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "1"]) { try await body($0) }
  }

  func lock(_ name: String, directory: String? = nil) async throws -> LockObject {
    try await json("lock", "show", name, directory: directory)
  }

  /// What became of it, the latest first.
  func lockHistory(_ name: String) async throws -> [LockStoryObject] {
    try await json("lock", "history", name, "--limit", "1000")
  }

  /// A command that has the lock and keeps it until its input ends. It has it when this returns.
  func holding(_ name: String, _ options: String...) async throws -> Running {
    let held = try start(["lock", "run", name] + options + ["--", "sh", "-c", "echo held; read line; exit 0"])
    try #require(try await held.line() == Array("held".utf8))
    return held
  }

  func start(_ arguments: [String], extra: [String: String] = [:], directory: String? = nil) throws -> Running {
    try Running(
      [Checkout.programs + "/apus"] + arguments, environment: environment.merging(extra) { $1 },
      directory: directory ?? work)
  }

  /// Looks until so many wait for it.
  func queue(_ name: String, is count: Int, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    var seen = -1
    let isSo = try await eventually(seconds: 60) {
      seen = try await lock(name).queue.count
      return seen == count
    }
    try #require(isSo, "\(seen) wait for \(name), not \(count)", sourceLocation: sourceLocation)
  }

  /// Kills the daemon as a crash would; returns when it is gone.
  func killDaemon() throws {
    let daemon = try #require(self.daemon())
    Processes.signal(daemon, SIGKILL)
    #expect(ended(daemon.pid, start: daemon.start))
  }
}

/// Seconds, from a clock that only goes on.
var clock: Double { Double(apus_monotonic_milliseconds()) / 1000 }

extension Outcome {
  var lines: [Substring] { output.split(separator: "\n") }
}
