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
    try await inTurn {
      try await with(agent: Checkout.scriptedAgent, extra: ["APUS_STOP_SECONDS": "1"]) { try await body($0) }
    }
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

  var daemonSocket: String { apusHome + "/apusd.sock" }

  /// Says that to the daemon, on a connection of its own; nil where it does it.
  func refusal(_ verb: Verb, _ body: [UInt8]) throws -> Failure? {
    let descriptor = apus_unix_connect(daemonSocket, 0)
    try #require(descriptor >= 0)
    defer { Glibc.close(descriptor) }
    let bytes = Control.request(verb, bytes: body).encoded
    try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    // Four bytes of length, one of kind.
    while answer.count < 5 || answer.count < 4 + Int(answer[0]) + Int(answer[1]) << 8 + Int(answer[2]) << 16 {
      let got = Glibc.read(descriptor, &chunk, chunk.count)
      try #require(got > 0)
      answer += chunk[..<got]
    }
    return answer[4] == Control.Kind.failed ? try JSONText.decode(Failure.self, from: answer[5...]) : nil
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
