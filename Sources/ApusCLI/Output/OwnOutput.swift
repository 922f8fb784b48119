import CSystem
import Glibc

/// Standard output or standard error of a program that stands between two others: what is written goes out to the byte,
/// and whoever reads slowly, or not at all, is never waited for. Whoever uses it writes no more while much is owed.
struct OwnOutput {
  /// So much may be written to a pipe or socket that has room without waiting (PIPE_BUF).
  private static let piece = 4096

  let descriptor: Int32
  private var outbox: [UInt8] = []
  private var start = 0
  /// Whether anybody reads it.
  private(set) var isRead = true

  init(errors: Bool) { descriptor = errors ? 2 : 1 }

  var owed: Int { outbox.count - start }

  mutating func write(_ bytes: some Collection<UInt8>) {
    guard isRead else { return }
    outbox += bytes
    flush()
  }

  /// Writes as much as there is room for.
  mutating func flush() {
    while owed > 0 {
      var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&room, 1, 0) > 0 else { return }
      let got = apus_write_from(descriptor, outbox, min(outbox.count, start + Self.piece), start)
      if got < 0, errno == EAGAIN { return }
      guard got > 0 else { return leave() }
      start += got
    }
    outbox.removeAll(keepingCapacity: outbox.capacity <= 1 << 17)
    start = 0
  }

  /// Nobody reads it any more.
  mutating func leave() {
    isRead = false
    outbox = []
    start = 0
  }

  /// Waits until all is written, nobody reads it, there is something to be read from `other`, or so long.
  mutating func finish(unless other: Int32, milliseconds: Int64?) {
    let until = milliseconds.map { apus_monotonic_milliseconds() + $0 }
    while owed > 0 {
      var watched = [
        pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
        pollfd(fd: other, events: Int16(POLLIN), revents: 0),
      ]
      let left = until.map { max(0, $0 - apus_monotonic_milliseconds()) }
      if poll(&watched, 2, left.map { Int32(clamping: $0) } ?? -1) == 0 || watched[1].revents != 0 { return }
      flush()
    }
  }
}
