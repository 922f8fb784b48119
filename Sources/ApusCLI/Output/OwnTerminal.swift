import ApusCore
import ApusFrames
import CSystem
import Glibc

/// The terminal a person sits at, while it is lent to an agent: raw, written without ever waiting for it, and put right
/// afterwards.
final class OwnTerminal {
  let descriptor: Int32
  let device: [UInt8]
  /// Its settings as they were.
  let settings: [UInt8]
  private var outbox: [UInt8] = []
  private var outboxStart = 0
  private var isRaw = false
  private var lastSize = TerminalSize(rows: 24, columns: 80)

  /// Nil where standard input and output are no terminal.
  init?() {
    guard isatty(0) == 1, isatty(1) == 1, let name = ttyname(1) else { return nil }
    device = String(cString: name).utf8.map { $0 }
    // A description of our own: what is set on it does not stay with the shell.
    descriptor = apus_tty_device(name)
    var kept = [UInt8](repeating: 0, count: 256)
    let count = descriptor >= 0 ? Int(apus_tty_settings(descriptor, &kept, kept.count)) : -1
    guard count > 0 else {
      if descriptor >= 0 { Glibc.close(descriptor) }
      return nil
    }
    settings = Array(kept[..<count])
  }

  deinit { Glibc.close(descriptor) }

  /// Of one that went away, the last it had.
  var size: TerminalSize {
    var rows: Int32 = 0
    var columns: Int32 = 0
    if apus_tty_size(descriptor, &rows, &columns) == 0, rows > 0, columns > 0 {
      lastSize = TerminalSize(rows: UInt16(clamping: rows), columns: UInt16(clamping: columns))
    }
    return lastSize
  }

  func lend() {
    apus_tty_raw(descriptor)
    isRaw = true
  }

  func takeBack() {
    guard isRaw else { return }
    apus_tty_restore(descriptor, settings, settings.count)
    isRaw = false
  }

  var waiting: Int { outbox.count - outboxStart }

  func write(_ bytes: [UInt8]) {
    outbox += bytes
    flush()
  }

  /// Writes what it takes now.
  func flush() {
    while outboxStart < outbox.count {
      let got = apus_write_from(descriptor, outbox, outbox.count, outboxStart)
      guard got > 0 else { break }
      outboxStart += got
    }
    guard outboxStart == outbox.count else { return }
    outbox.removeAll(keepingCapacity: true)
    outboxStart = 0
  }

  /// What was not written yet is not to be written any more; where that cut a sequence off, the terminal is told.
  func cutOff() {
    outbox.removeAll(keepingCapacity: true)
    outboxStart = 0
    write([0x18])
  }

  /// Waits, at most so long, until all is written.
  func drain(milliseconds: Int32) {
    let until = apus_monotonic_milliseconds() + Int64(milliseconds)
    while waiting > 0, case let left = until - apus_monotonic_milliseconds(), left > 0 {
      var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      if poll(&room, 1, Int32(left)) > 0, Int32(room.revents) & (POLLERR | POLLHUP) != 0 { return }
      flush()
    }
  }
}
