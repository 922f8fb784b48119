import ApusFrames
import CSystem
import Glibc

/// What the agent wrote, kept on disk before anyone sees it. A byte's offset is its number for good.
///
/// A disk that is full makes the recording *stall*: the bytes at hand are kept in memory, the agent is read no
/// further (its pipe fills and it waits), and writing is tried again until it succeeds. Nothing is dropped.
struct Recording {
  private let writing: Int32
  private let reading: Int32
  private(set) var recorded: UInt64 = 0
  private var unwritten: [UInt8] = []
  /// Why nothing can be written at the moment; 0 when it can.
  private(set) var trouble: Int32 = 0

  /// Nil (and errno) when the file cannot be made.
  init?(directory: [UInt8]) {
    let name = path(directory, RunFile.recording)
    writing = apus_open(name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0o600)
    guard writing >= 0 else { return nil }
    reading = apus_open(name, O_RDONLY, 0)
    guard reading >= 0 else { return nil }
  }

  var isStalled: Bool { !unwritten.isEmpty }

  mutating func append(_ bytes: ArraySlice<UInt8>) {
    unwritten += bytes
    flush()
  }

  /// Writes what is at hand, as far as the disk takes it.
  mutating func flush() {
    var done = 0
    trouble = 0
    while done < unwritten.count {
      let got = apus_write_from(writing, unwritten, unwritten.count, done)
      guard got > 0 else {
        trouble = errno
        break
      }
      done += got
    }
    recorded += UInt64(done)
    unwritten.removeFirst(done)
  }

  /// At most `limit` recorded bytes from `offset`.
  func read(from offset: UInt64, limit: Int) -> [UInt8] {
    guard offset < recorded else { return [] }
    let count = min(UInt64(limit), recorded - offset)
    return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
      let got = pread(reading, buffer.baseAddress, Int(count), off_t(offset))
      filled = max(0, got)
    }
  }

  func sync() { fdatasync(writing) }
}
