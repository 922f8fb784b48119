import ApusFrames
import CSystem
import Glibc

/// What the agent wrote, kept on disk before anyone sees it. A byte's offset is its number for good.
///
/// A disk that is full makes the recording *stall*: the bytes at hand are kept in memory, the agent is read no
/// further (its pipe fills and it waits), and writing is tried again until it succeeds. Nothing is dropped. Of a
/// terminal `slack` bytes may wait so, and are shown meanwhile: a person sits at it.
///
/// A headless run has one file. A terminal's recording is cut into segments, and the oldest go (`Retention`).
struct Recording {
  private struct Segment {
    var start: UInt64
    var reading: Int32
  }

  private let directory: [UInt8]
  private let segmentLimit: UInt64
  private let slack: Int
  private var segments: [Segment] = []
  private var writing: Int32 = -1
  private(set) var recorded: UInt64 = 0
  private var unwritten: [UInt8] = []
  /// The piece that came last, for those who read at the end: they need not read it back from the file.
  private var latest: [UInt8] = []
  private var latestStart: UInt64 = 0
  private var latestCount = 0
  /// Why nothing can be written at the moment; 0 when it can.
  private(set) var trouble: Int32 = 0

  static let terminalSlack = 1 << 20

  /// Nil (and errno) when the file cannot be made.
  init?(directory: [UInt8], isTerminal: Bool, segmentBytes: UInt64 = RunFile.segmentBytes) {
    self.directory = directory
    segmentLimit = isTerminal ? segmentBytes : .max
    slack = isTerminal ? Self.terminalSlack : 0
    guard beginSegment() else { return nil }
  }

  /// The agent is not to be read any further.
  var isStalled: Bool { unwritten.count > slack }
  /// Something waits to be written.
  var isBehind: Bool { !unwritten.isEmpty }
  /// Up to where there is something to read: all that is on disk and, of a terminal, what waits to get there.
  var available: UInt64 { slack > 0 ? recorded + UInt64(unwritten.count) : recorded }
  /// The first offset that is still there.
  var oldest: UInt64 { segments.first?.start ?? 0 }

  private mutating func beginSegment() -> Bool {
    let name = path(directory, RunFile.segment(from: recorded))
    let descriptor = apus_open(name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0o600)
    guard descriptor >= 0 else { return false }
    let reading = apus_open(name, O_RDONLY, 0)
    guard reading >= 0 else {
      let failure = errno
      close(descriptor)
      // Else it could never be begun again.
      unlink(name)
      errno = failure
      return false
    }
    if writing >= 0 { close(writing) }
    writing = descriptor
    segments.append(Segment(start: recorded, reading: reading))
    return true
  }

  /// Takes the first `count` bytes of the piece; the caller's array is exchanged for another one of the same size.
  mutating func append(_ piece: inout [UInt8], count: Int) {
    guard unwritten.isEmpty else {
      unwritten += piece[..<count]
      return flush()
    }
    let start = recorded
    let done = write(piece, count)
    if done < count { unwritten += piece[done..<count] }
    swap(&piece, &latest)
    (latestStart, latestCount) = (start, done)
    if piece.count < latest.count { piece = [UInt8](repeating: 0, count: latest.count) }
  }

  /// Writes what is at hand, as far as the disk takes it.
  mutating func flush() { unwritten.removeFirst(write(unwritten, unwritten.count)) }

  private mutating func write(_ bytes: [UInt8], _ count: Int) -> Int {
    var done = 0
    trouble = 0
    while done < count {
      if recorded - (segments.last?.start ?? 0) >= segmentLimit, !beginSegment() {
        trouble = errno
        break
      }
      let got = apus_write_from(writing, bytes, count, done)
      guard got > 0 else {
        trouble = errno
        break
      }
      done += got
      recorded += UInt64(got)
    }
    return done
  }

  /// At most `limit` bytes from `offset`, which is not before `oldest`.
  func read(from offset: UInt64, limit: Int) -> [UInt8] {
    guard offset < available else { return [] }
    if offset >= latestStart, offset < latestStart + UInt64(latestCount) {
      let from = Int(offset - latestStart)
      return Array(latest[from..<min(latestCount, from + limit)])
    }
    if offset >= recorded {
      let from = Int(offset - recorded)
      return Array(unwritten[from..<min(unwritten.count, from + limit)])
    }
    guard let index = segments.lastIndex(where: { $0.start <= offset }) else { return [] }
    let end = index + 1 < segments.count ? segments[index + 1].start : recorded
    let count = min(UInt64(limit), end - offset)
    let place = off_t(offset - segments[index].start)
    let reading = segments[index].reading
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
      filled = max(0, pread(reading, buffer.baseAddress, Int(count), place))
    }
  }

  /// Lets the oldest segments go, as far as `Retention` allows.
  mutating func drop(shown: UInt64) {
    let count = Retention.droppable(starts: segments.map(\.start), shown: shown)
    for segment in segments.prefix(count) {
      close(segment.reading)
      unlink(path(directory, RunFile.segment(from: segment.start)))
    }
    segments.removeFirst(count)
  }

  func sync() { fdatasync(writing) }
}

/// How many segments of a terminal's recording are kept.
enum Retention {
  /// As many are kept in any case.
  static let kept = 4
  /// As many at most, also where nothing tells what the terminal showed after those that go.
  static let most = 8

  /// How many of the oldest segments may go. `shown` is the offset up to which a screen is kept: what lies before it
  /// is not needed to draw the terminal.
  static func droppable(starts: [UInt64], shown: UInt64) -> Int {
    var count = 0
    while starts.count - count > kept {
      let isShown = starts[count + 1] <= shown
      guard isShown || starts.count - count > most else { break }
      count += 1
    }
    return count
  }
}
