import ApusFrames
import CSystem
import Glibc

// What a terminal shows cannot be told from the end of its recording alone, and a keeper never interprets. So another
// process of the same program, started when it is worth it, reads the recording and leaves a screen beside it
// (`apus-keeper --screen`): whoever attaches begins there, and older segments of the recording may go.

/// When a screen is to be drawn. Decides, performs nothing.
struct ScreenKeeping: Equatable {
  /// As much output is worth a screen, once the agent is quiet.
  static let worthwhile: UInt64 = 1 << 19
  static let quietMilliseconds: Int64 = 300

  /// The offset of the newest screen there is.
  private(set) var shown: UInt64 = 0
  private(set) var drawing: UInt64?
  /// The offset at which drawing failed: not tried again before as much more was written.
  private var failedAt: UInt64 = 0
  private var lastOutput: Int64 = 0

  mutating func wrote(now: Int64) { lastOutput = now }

  /// The offset to draw a screen of now; nil when there is no need.
  func due(recorded: UInt64, segmentBytes: UInt64, now: Int64) -> UInt64? {
    guard drawing == nil else { return nil }
    let since = recorded - max(shown, failedAt)
    if since >= segmentBytes { return recorded }
    return since >= Self.worthwhile && now >= lastOutput + Self.quietMilliseconds ? recorded : nil
  }

  /// When to ask again without anything having happened.
  func deadline(recorded: UInt64) -> Int64? {
    guard drawing == nil, recorded - max(shown, failedAt) >= Self.worthwhile else { return nil }
    return lastOutput + Self.quietMilliseconds
  }

  mutating func began(_ offset: UInt64) { drawing = offset }

  mutating func ended(well: Bool) {
    guard let drawing else { return }
    if well { shown = max(shown, drawing) } else { failedAt = drawing }
    self.drawing = nil
  }
}

/// The process that draws.
struct Draughtsman {
  private(set) var pid: Int32 = 0

  /// Starts it; false when it cannot be.
  mutating func start(directory: [UInt8], offset: UInt64) -> Bool {
    let program = Array("/proc/self/exe".utf8)
    let arguments = [Array("apus-keeper".utf8), Array("--screen".utf8), directory, Array(String(offset).utf8)]
    // The role keeps it out of the run's own tree.
    let environment = [Array("APUS_ROLE=screen".utf8)]
    return spawn(
      program: program, arguments: arguments, environment: environment, directory: [UInt8(ascii: "/")], pid: &pid) == 0
  }

  mutating func ended() { pid = 0 }
}
