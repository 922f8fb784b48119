import ApusFrames
import CSystem
import Glibc

/// What a kept agent writes to its standard error, as it comes, from its file.
struct RunErrors: ~Copyable {
  private let file: Int32
  /// Readable once more was written; -1 where that cannot be told.
  let watch: Int32

  /// `fromStart`: also what it wrote before.
  init(directory: String, fromStart: Bool) {
    let path = directory + "/" + RunFile.errors
    // Before the file is read for the first time: nothing may come between.
    watch = apus_file_watch(path)
    file = apus_open(path, O_RDONLY, 0)
    if file >= 0, !fromStart { lseek(file, 0, SEEK_END) }
  }

  deinit {
    for descriptor in [file, watch] where descriptor >= 0 { close(descriptor) }
  }

  /// The next of it; empty when there is no more for now.
  mutating func next() -> ArraySlice<UInt8> {
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while watch >= 0, apus_read_to(watch, &chunk, chunk.count, 0) > 0 {}
    guard file >= 0 else { return [] }
    return chunk[..<max(0, apus_read_to(file, &chunk, chunk.count, 0))]
  }
}
