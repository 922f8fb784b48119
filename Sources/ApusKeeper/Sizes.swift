import ApusFrames
import CSystem
import Glibc

/// Which size the agent's terminal had from which offset on: whoever draws the terminal from its recording needs it.
struct Sizes {
  private let file: Int32
  private(set) var now: TerminalSize
  /// The offset of the last record there is.
  private var from: UInt64 = 0
  /// What has still to be written, and where the first of it goes: a disk that is full takes nothing.
  private var unwritten: [SizeNote]
  private var place = 0

  init(directory: [UInt8], first: TerminalSize) {
    file = apus_open(path(directory, RunFile.sizes), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    now = first
    unwritten = [SizeNote(offset: 0, size: first)]
    keep()
  }

  /// Another size holds from that offset on; of several at one offset the last one counts and is all that is kept.
  mutating func set(_ size: TerminalSize, from offset: UInt64) {
    now = size
    if offset == from, unwritten.popLast() == nil { place -= 1 }
    from = offset
    unwritten.append(SizeNote(offset: offset, size: size))
    keep()
  }

  /// Writes what could not be written before.
  mutating func keep() {
    while let note = unwritten.first {
      let bytes = note.encoded
      let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(place * SizeNote.length)) }
      guard written == SizeNote.length else { return }
      unwritten.removeFirst()
      place += 1
    }
  }
}
