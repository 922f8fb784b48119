import ApusFrames
import CSystem
import Glibc

/// What a kept terminal showed, drawn from the files its keeper leaves: the newest screen before the wanted offset, the
/// recording from there on, and the sizes it had on the way.
package enum RecordedScreen {
  package struct Drawn {
    package var screen: Screen
    /// The offset up to which the recording was taken in.
    package var end: UInt64
  }

  private static let chunk = 1 << 18

  /// The screen at that offset (nil: now). Nil when the recording cannot be read. Where the recording's oldest part is
  /// gone and no screen tells of it, it is drawn from what is left.
  package static func load(directory: String, until: UInt64?) -> Drawn? {
    // The keeper may let the oldest part go while we read: then there is a newer screen to begin with.
    for _ in 0..<3 {
      if let drawn = draw(directory, until) { return drawn }
    }
    return nil
  }

  /// How far the recording goes now.
  package static func end(directory: String) -> UInt64 {
    guard let last = segments(directory).last else { return 0 }
    var facts = stat()
    return stat(directory + "/" + RunFile.segment(from: last), &facts) == 0 ? last + UInt64(facts.st_size) : last
  }

  /// How many bytes of the recording are to be taken in to draw the screen at that offset.
  package static func work(directory: String, until: UInt64) -> UInt64 {
    let names = names(directory)
    let oldest = names.compactMap { RunFile.segmentStart(of: $0) }.min() ?? 0
    let shown = names.compactMap { RunFile.screenOffset(of: $0) }.filter { $0 <= until }.max() ?? 0
    return until - min(until, max(oldest, shown))
  }

  private static func draw(_ directory: String, _ until: UInt64?) -> Drawn? {
    let starts = segments(directory)
    guard let oldest = starts.first else { return nil }
    let until = until ?? end(directory: directory)
    let sizes = SizeNote.all(bytes(directory + "/" + RunFile.sizes) ?? [])
    var at = oldest
    var screen: Screen?
    let shown = names(directory).compactMap { RunFile.screenOffset(of: $0) }.filter { $0 <= until }.max()
    if let shown, shown >= oldest, let kept = bytes(directory + "/" + RunFile.screen(at: shown)),
      let note = try? ScreenNote(kept)
    {
      screen = try? Screen(snapshot: note.bytes, rows: Int(note.size.rows), columns: Int(note.size.columns))
      at = shown
    }
    let first = sizes.last { $0.offset <= at }?.size ?? TerminalSize(rows: 24, columns: 80)
    guard let drawn = screen ?? (try? Screen(rows: Int(first.rows), columns: Int(first.columns))) else { return nil }
    if screen != nil { drawn.resize(rows: Int(first.rows), columns: Int(first.columns)) }
    var changes = sizes.filter { $0.offset > at && $0.offset <= until }[...]
    while at < until {
      let stop = min(until, changes.first?.offset ?? until)
      guard let reached = feed(drawn, directory, starts, from: at, to: stop) else { return nil }
      at = reached
      guard reached == stop else { break }
      while let change = changes.first, change.offset <= at {
        drawn.resize(rows: Int(change.size.rows), columns: Int(change.size.columns))
        changes = changes.dropFirst()
      }
    }
    for change in changes where change.offset <= at {
      drawn.resize(rows: Int(change.size.rows), columns: Int(change.size.columns))
    }
    return Drawn(screen: drawn, end: at)
  }

  /// Feeds the recording from one offset to another; how far it went, nil when a part of it is gone.
  private static func feed(
    _ screen: Screen, _ directory: String, _ starts: [UInt64], from: UInt64, to: UInt64
  ) -> UInt64? {
    var at = from
    var piece = [UInt8](repeating: 0, count: chunk)
    while at < to {
      guard let index = starts.lastIndex(where: { $0 <= at }) else { return nil }
      let end = min(to, index + 1 < starts.count ? starts[index + 1] : to)
      let descriptor = apus_open(directory + "/" + RunFile.segment(from: starts[index]), O_RDONLY, 0)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      guard lseek(descriptor, off_t(at - starts[index]), SEEK_SET) >= 0 else { return nil }
      while at < end {
        let got = apus_read_to(descriptor, &piece, Int(min(UInt64(chunk), end - at)), 0)
        // Less is there than was said: what is there counts.
        guard got > 0 else { return at }
        screen.feed(piece[..<got])
        at += UInt64(got)
      }
    }
    return at
  }

  /// Where the segments begin, in order.
  package static func segments(_ directory: String) -> [UInt64] {
    names(directory).compactMap { RunFile.segmentStart(of: $0) }.sorted()
  }

  private static func names(_ directory: String) -> [String] {
    guard let open = opendir(directory) else { return [] }
    defer { closedir(open) }
    var names: [String] = []
    while let entry = readdir(open) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        })
    }
    return names
  }

  private static func bytes(_ path: String) -> [UInt8]? {
    let descriptor = apus_open(path, O_RDONLY, 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = apus_read_to(descriptor, &piece, piece.count, 0)
      guard got >= 0 else { return nil }
      if got == 0 { return all }
      all += piece[..<got]
    }
  }
}
