import ApusFrames
import ApusTestKit
import Glibc
import Testing

@testable import ApusKeeper

@Suite("a terminal's recording, cut into segments") struct SegmentTests {
  private let place: TemporaryDirectory
  private var directory: [UInt8] { Array(place.path.utf8) }

  init() throws { place = try TemporaryDirectory() }

  private func recording(segmentBytes: UInt64) throws -> Recording {
    try #require(Recording(directory: directory, isTerminal: true, segmentBytes: segmentBytes))
  }

  private func append(_ bytes: [UInt8], to recording: inout Recording) {
    var piece = bytes
    recording.append(&piece, count: bytes.count)
  }

  /// Everything from that offset on, as a viewer reads it.
  private func read(_ recording: Recording, from offset: UInt64, limit: Int) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let more = recording.read(from: offset + UInt64(all.count), limit: limit)
      if more.isEmpty { return all }
      #expect(more.count <= limit)
      all += more
    }
  }

  private func segments() throws -> [UInt64] {
    var found: [UInt64] = []
    guard let listing = opendir(place.path) else { throw TestFailure("opendir: errno \(errno)") }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let start = RunFile.segmentStart(of: name) { found.append(start) }
    }
    return found.sorted()
  }

  @Test func `reads go across segments as if there were none`() throws {
    var random = Seeded(54)
    var kept = try recording(segmentBytes: 1_000)
    var all: [UInt8] = []
    for _ in 0..<120 {
      let bytes = random.bytes(1 + random.below(300))
      append(bytes, to: &kept)
      all += bytes
    }
    #expect(kept.recorded == UInt64(all.count) && kept.available == kept.recorded && kept.oldest == 0)
    #expect(try segments().count > 10)
    for _ in 0..<200 {
      let offset = random.below(all.count + 1)
      let limit = 1 + random.below(5_000)
      #expect(read(kept, from: UInt64(offset), limit: limit) == Array(all[offset...]))
    }
  }

  @Test func `each segment is a file that says where it begins, and together they are the recording`() throws {
    var kept = try recording(segmentBytes: 100)
    var all: [UInt8] = []
    for n in 0..<50 {
      let bytes = [UInt8](repeating: UInt8(n), count: 40)
      append(bytes, to: &kept)
      all += bytes
    }
    var joined: [UInt8] = []
    for start in try segments() {
      #expect(start == UInt64(joined.count))
      joined += place.load(RunFile.segment(from: start)) ?? []
    }
    #expect(joined == all)
  }

  @Test func `a headless run has one file, however much it says`() throws {
    var kept = try #require(Recording(directory: directory, isTerminal: false, segmentBytes: 10))
    for _ in 0..<20 { append([UInt8](repeating: 7, count: 100), to: &kept) }
    kept.drop(shown: .max)
    #expect(try segments() == [0])
    #expect(kept.oldest == 0 && place.load(RunFile.recording)?.count == 2_000)
  }

  @Test func `what is dropped is gone from the disk, and the rest can be read`() throws {
    var kept = try recording(segmentBytes: 100)
    var all: [UInt8] = []
    for n in 0..<20 {
      let bytes = [UInt8](repeating: UInt8(n), count: 100)
      append(bytes, to: &kept)
      all += bytes
    }
    // Nothing tells what was shown: only the surplus goes.
    kept.drop(shown: 0)
    #expect(try segments().count == Retention.most && segments().first == kept.oldest)
    #expect(kept.oldest == UInt64(all.count - Retention.most * 100))
    // A screen in the middle of a segment: that one is still needed.
    let shown = kept.oldest + 150
    kept.drop(shown: shown)
    #expect(kept.oldest == shown - 50)
    kept.drop(shown: .max)
    #expect(try segments().count == Retention.kept)
    #expect(read(kept, from: kept.oldest, limit: 64) == Array(all[Int(kept.oldest)...]))
    #expect(kept.read(from: 0, limit: 10).isEmpty)
    append([9, 9], to: &kept)
    #expect(kept.read(from: UInt64(all.count), limit: 10) == [9, 9])
  }

  @Test func `a segment of another run is never written into`() throws {
    var kept = try recording(segmentBytes: 10)
    try place.write(RunFile.segment(from: 10), "other")
    append([UInt8](repeating: 1, count: 10), to: &kept)
    #expect(kept.trouble == 0)
    append([2], to: &kept)
    #expect(kept.trouble == EEXIST && kept.isBehind && kept.recorded == 10)
    #expect(place.load(RunFile.segment(from: 10)) == Array("other".utf8))
    unlink(place.path + "/" + RunFile.segment(from: 10))
    kept.flush()
    #expect(kept.trouble == 0 && !kept.isBehind && kept.recorded == 11)
  }

  /// Writes to a file system without room for more than a few pages.
  private func onFullDisk(isTerminal: Bool, _ test: (inout Recording, _ makeRoom: () -> Void) throws -> Void) throws {
    let disk = place.path + "/disk"
    #expect(mkdir(disk, 0o700) == 0)
    let code = try Child.run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", disk])
    guard code == 0 else { throw TestFailure("mount -t tmpfs was refused (\(code))") }
    defer { _ = try? Child.run("/usr/bin/umount", ["-l", disk]) }
    var kept = try #require(
      Recording(directory: Array(disk.utf8), isTerminal: isTerminal, segmentBytes: 16 << 10))
    try test(&kept) { _ = try? Child.run("/usr/bin/mount", ["-o", "remount,size=8m", disk]) }
  }

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func `on a full disk a terminal goes on within its slack, is shown, and loses no byte`() throws {
    try onFullDisk(isTerminal: true) { kept, makeRoom in
      var random = Seeded(55)
      var all: [UInt8] = []
      while !kept.isStalled {
        let bytes = random.bytes(5_000)
        append(bytes, to: &kept)
        all += bytes
        #expect(kept.available == UInt64(all.count))
      }
      #expect(kept.trouble == ENOSPC && kept.isBehind)
      #expect(kept.recorded < 64 << 10 && all.count > Recording.terminalSlack)
      #expect(all.count < Recording.terminalSlack + (96 << 10))
      #expect(read(kept, from: 0, limit: 4_096) == all)
      kept.flush()
      #expect(kept.isStalled)
      makeRoom()
      kept.flush()
      #expect(kept.trouble == 0 && !kept.isBehind && kept.recorded == UInt64(all.count))
      #expect(read(kept, from: 0, limit: 4_096) == all)
    }
  }

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func `on a full disk pipes stall at once, and nobody sees what is not on it`() throws {
    try onFullDisk(isTerminal: false) { kept, makeRoom in
      while !kept.isStalled { append([UInt8](repeating: 3, count: 5_000), to: &kept) }
      #expect(kept.available == kept.recorded && kept.recorded <= 64 << 10)
      #expect(UInt64(read(kept, from: 0, limit: 4_096).count) == kept.recorded)
      makeRoom()
      kept.flush()
      #expect(!kept.isStalled && kept.recorded % 5_000 == 0)
    }
  }
}
