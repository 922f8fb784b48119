import ApusCore
import ApusFrames

/// What an agent's hook hands to us, as it is: the client that carries it has no time to read it.
///
/// On the socket: run, stamp, pid, agent, variables, report. On disk, where no daemon hears it: a line `STAMP PID REPORT`.
package struct HookRequest: Equatable, Sendable {
  /// The directory of the run, as its agent's environment names it; empty of an agent that is not ours.
  package var run: String
  /// When the agent began to make the report: nanoseconds since 1970, to a hundredth of a second.
  package var stamp: UInt64
  package var pid: Int32
  /// Of an agent that is not ours: its process, and as it begins its environment.
  package var agent: ProcessMark?
  package var environment: [String] = []
  /// The report's JSON, unread.
  package var report: [UInt8]

  package init(run: String, stamp: UInt64, pid: Int32, report: [UInt8]) {
    self.run = run
    self.stamp = stamp
    self.pid = pid
    self.report = report
  }

  /// Tells this report from every other of its run.
  package var id: String { "\(stamp)-\(pid)" }
  package var at: Moment { Double(stamp) / 1e9 }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.string(Array(run.utf8))
    writer.number(stamp)
    writer.number(pid)
    writer.number(agent?.pid ?? 0)
    writer.number(agent?.start ?? 0)
    writer.number(UInt32(environment.count))
    for entry in environment { writer.string(Array(entry.utf8)) }
    return writer.bytes + report
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    run = String(decoding: try reader.string(), as: UTF8.self)
    stamp = try reader.number()
    pid = try reader.number()
    let (process, start): (Int32, UInt64) = (try reader.number(), try reader.number())
    agent = process > 0 ? ProcessMark(pid: process, start: start) : nil
    let count: UInt32 = try reader.number()
    for _ in 0..<count { environment.append(String(decoding: try reader.string(), as: UTF8.self)) }
    report = reader.rest()
  }

  /// Begins a line of its own, whatever a torn one before it left, and ends it.
  package var line: [UInt8] {
    // In JSON a line break is mere space: within strings it is written \n.
    [10] + Array("\(stamp) \(pid) ".utf8) + report.map { $0 == 10 || $0 == 13 ? 32 : $0 } + [10]
  }

  /// Of a line without its end; nil where it is none of ours, or torn.
  package init?(line: ArraySlice<UInt8>, run: String) {
    let parts = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let stamp = UInt64(String(decoding: parts[0], as: UTF8.self)),
      let pid = Int32(String(decoding: parts[1], as: UTF8.self))
    else { return nil }
    self.init(run: run, stamp: stamp, pid: pid, report: Array(parts[2]))
  }
}

/// What a hook says to the agent that ran it, and how it ends.
package struct HookAnswer: Equatable, Sendable {
  /// 0: go on; 2: what was about to happen does not, for the reason given; where nothing is about to happen, the agent
  /// is woken to hear it.
  package var code: UInt8 = 0
  /// For the agent's program to read.
  package var output: [UInt8] = []
  /// For the agent itself.
  package var reason = ""

  package static let nothing = HookAnswer()

  package init() {}

  /// It shall not happen.
  package init(refusing reason: String) {
    code = 2
    self.reason = reason
  }

  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.number(code)
    writer.string(Array(reason.utf8))
    return writer.bytes + output
  }

  package init(_ bytes: [UInt8]) throws(MalformedBytes) {
    var reader = ByteReader(bytes)
    code = try reader.number()
    reason = String(decoding: try reader.string(), as: UTF8.self)
    output = reader.rest()
  }

  /// The body of an item that asks the hook to wait for so many milliseconds more.
  package static func patience(milliseconds: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.number(milliseconds)
    return writer.bytes
  }

  package static func patience(_ bytes: [UInt8]) -> UInt32? {
    var reader = ByteReader(bytes)
    return try? reader.number()
  }
}
