import ApusFrames
import ApusTestKit
import Glibc
import Testing

@testable import ApusKeeper

@Suite("which size a terminal had when") struct SizesTests {
  private let place: TemporaryDirectory

  init() throws { place = try TemporaryDirectory() }

  private var kept: [SizeNote] { SizeNote.all(place.load(RunFile.sizes) ?? []) }
  private func sizes() -> Sizes { Sizes(directory: Array(place.path.utf8), first: TerminalSize(24, 80)) }

  @Test func `the first size holds from the beginning`() {
    let sizes = sizes()
    #expect(sizes.now == TerminalSize(24, 80))
    #expect(kept == [SizeNote(offset: 0, size: TerminalSize(24, 80))])
  }

  @Test func `of several sizes at one offset the last one is kept`() {
    var sizes = sizes()
    for rows: UInt16 in 1...100 { sizes.set(TerminalSize(rows, 100), from: 0) }
    #expect(kept == [SizeNote(offset: 0, size: TerminalSize(100, 100))])
    for rows: UInt16 in 1...100 { sizes.set(TerminalSize(rows, 50), from: 7) }
    #expect(
      kept == [
        SizeNote(offset: 0, size: TerminalSize(100, 100)), SizeNote(offset: 7, size: TerminalSize(100, 50)),
      ])
    #expect(sizes.now == TerminalSize(100, 50))
  }

  @Test func `whatever is set, each offset has the size that was set last`() {
    var random = Seeded(56)
    var sizes = sizes()
    var expected = [SizeNote(offset: 0, size: TerminalSize(24, 80))]
    var offset: UInt64 = 0
    for _ in 0..<500 {
      if random.chance(40) { offset += UInt64(random.below(1 << 20)) }
      let size = TerminalSize(UInt16(1 + random.below(300)), UInt16(1 + random.below(300)))
      if expected.last?.offset == offset { expected.removeLast() }
      expected.append(SizeNote(offset: offset, size: size))
      sizes.set(size, from: offset)
      #expect(sizes.now == size)
    }
    #expect(kept == expected)
  }

  @Test(.enabled(if: geteuid() == 0, "only root may mount"))
  func `what a full disk does not take is kept when there is room, and leaves no hole`() throws {
    let disk = place.path + "/disk"
    #expect(mkdir(disk, 0o700) == 0)
    let code = try Child.run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", disk])
    guard code == 0 else { throw TestFailure("mount -t tmpfs was refused (\(code))") }
    defer { _ = try? Child.run("/usr/bin/umount", ["-l", disk]) }
    try Kept.save([UInt8](repeating: 1, count: 16 << 10), disk + "/ballast")
    var sizes = Sizes(directory: Array(disk.utf8), first: TerminalSize(24, 80))
    var expected = [SizeNote(offset: 0, size: TerminalSize(24, 80))]
    for n: UInt16 in 1...10 {
      sizes.set(TerminalSize(1, n), from: UInt64(n))
      sizes.set(TerminalSize(2, n), from: UInt64(n))
      expected.append(SizeNote(offset: UInt64(n), size: TerminalSize(2, n)))
    }
    func kept() -> [SizeNote] { SizeNote.all(Kept.load(disk + "/" + RunFile.sizes) ?? []) }
    #expect(kept() == [] && sizes.now == TerminalSize(2, 10))
    unlink(disk + "/ballast")
    sizes.keep()
    #expect(kept() == expected)
    sizes.set(TerminalSize(3, 10), from: 10)
    expected[10].size = TerminalSize(3, 10)
    #expect(kept() == expected)
  }
}
