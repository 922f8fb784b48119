import ApusFrames
import CSystem
import Glibc

/// What `apus-keeper --screen` does: draws the terminal as it was at an offset and leaves that beside its recording, so
/// that whoever attaches later begins there.
package enum ScreenDrawing {
  /// The exit code of the process.
  package static func run(directory: String, offset: UInt64) -> Int32 {
    // The agent and those who sit at it come first.
    _ = nice(19)
    guard let drawn = RecordedScreen.load(directory: directory, until: offset) else { return 1 }
    let size = TerminalSize(
      rows: UInt16(clamping: drawn.screen.rows), columns: UInt16(clamping: drawn.screen.columns))
    let end = drawn.end
    let note = ScreenNote(size: size, bytes: drawn.screen.snapshot())
    guard write(note.encoded, to: directory + "/" + RunFile.screen(at: end)) else { return 1 }
    removeOlder(than: end, in: directory)
    return 0
  }

  private static func write(_ bytes: [UInt8], to path: String) -> Bool {
    let draft = path + ".new"
    let descriptor = apus_open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    guard descriptor >= 0 else { return false }
    var done = 0
    while done < bytes.count, case let got = apus_write_from(descriptor, bytes, bytes.count, done), got > 0 {
      done += got
    }
    close(descriptor)
    guard done == bytes.count, rename(draft, path) == 0 else {
      unlink(draft)
      return false
    }
    return true
  }

  /// Screens before the last two: somebody may just be reading the last but one.
  private static func removeOlder(than end: UInt64, in directory: String) {
    guard let open = opendir(directory) else { return }
    defer { closedir(open) }
    var offsets: [UInt64] = []
    while let entry = readdir(open) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let offset = RunFile.screenOffset(of: name) { offsets.append(offset) }
    }
    for offset in offsets.sorted().dropLast(2) { unlink(directory + "/" + RunFile.screen(at: offset)) }
  }
}
