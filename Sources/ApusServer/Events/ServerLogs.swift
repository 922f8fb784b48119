import ApusLoop
import CSystem
import Glibc

/// What development servers write, for those who follow it. The kernel tells when there is more.
@LoopActor
final class ServerLogs {
  /// How much of what was there before is told at most.
  private nonisolated static let tail = 1 << 16
  private nonisolated static let piece = 1 << 16

  private let watch = DirectoryWatch()
  /// By directory: its number, and who waits for a change there.
  private var directories: [String: Int32] = [:]
  private var waiting: [String: [Answer<Void>]] = [:]

  /// Puts into the outbox what the file says, from a line shortly before its end, and, following, what comes; until
  /// somebody leaves or the file is gone.
  func send(_ path: String, into outbox: Outbox, following: Bool) async {
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    outbox.whenLeft { [weak self] in self?.wake(directory) }
    var file = FollowedFile(path, tail: Self.tail)
    defer { file.close() }
    while !outbox.isLeft {
      // Watched before it is read: what is written in between is told.
      if following, directories[directory] == nil {
        directories[directory] = await watch.add(directory, each: true) { [weak self] change in
          if change == .gone { self?.directories[directory] = nil }
          self?.wake(directory)
        }
      }
      let before = file
      let (bytes, after) = await Offload.run { () -> ([UInt8]?, FollowedFile) in
        var file = before
        let bytes = file.read(most: Self.piece)
        return (bytes, file)
      }
      file = after
      if let bytes, !bytes.isEmpty {
        outbox.put(bytes)
        await outbox.room()
        continue
      }
      guard bytes != nil, following, directories[directory] != nil else { break }
      await withCheckedContinuation { continuation in
        waiting[directory, default: []].append(Answer<Void>(continuation))
      }
    }
    outbox.finish()
  }

  private func wake(_ directory: String) {
    for answer in waiting.removeValue(forKey: directory) ?? [] { answer.give(()) }
  }
}

/// A file somebody else writes, and at times puts another in the place of.
private struct FollowedFile: Sendable {
  private let path: String
  private var descriptor: Int32 = -1
  private var inode: UInt64 = 0
  private var offset: off_t = 0
  private let tail: Int

  init(_ path: String, tail: Int) {
    self.path = path
    self.tail = tail
  }

  mutating func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// What comes next; empty where there is nothing yet, nil where the file is gone.
  mutating func read(most: Int) -> [UInt8]? {
    if descriptor < 0 {
      guard open() else { return nil }
      skip()
    }
    var bytes = [UInt8](repeating: 0, count: most)
    while true {
      let got = pread(descriptor, &bytes, most, offset)
      if got > 0 {
        offset += got
        return Array(bytes.prefix(got))
      }
      var facts = stat()
      guard stat(path, &facts) == 0 else { return nil }
      guard UInt64(facts.st_ino) != inode || facts.st_size < offset else { return [] }
      guard open() else { return nil }
      offset = 0
    }
  }

  private mutating func open() -> Bool {
    close()
    descriptor = apus_open(path, O_RDONLY, 0)
    var facts = stat()
    guard descriptor >= 0, fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return false }
    inode = UInt64(facts.st_ino)
    return true
  }

  /// To the first line that begins within the last part.
  private mutating func skip() {
    var facts = stat()
    guard fstat(descriptor, &facts) == 0, facts.st_size > tail else { return }
    offset = facts.st_size - off_t(tail)
    var bytes = [UInt8](repeating: 0, count: tail)
    let got = pread(descriptor, &bytes, tail, offset)
    if got > 0, let end = bytes.prefix(got).firstIndex(of: 10) { offset += off_t(end + 1) }
  }
}
