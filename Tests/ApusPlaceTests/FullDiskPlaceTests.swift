import ApusCore
import ApusTesting
import ApusWire
import Testing

/// What does not fit is not made, and leaves nothing.
@Suite(.enabled(if: SmallDisk.isPossible)) struct FullDiskPlaceTests {
  @Test func `a worktree that does not fit on the disk leaves no branch, no files and no port`() async throws {
    try await TestHome.withRepository { home in
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 96))
      defer { disk.takeAway() }
      // Not to be made smaller by git on its way.
      for number in 0..<12 {
        var state = UInt64(number) + 1
        let bytes = (0..<10_000_000).map { _ -> UInt8 in
          state = state &* 6_364_136_223_846_793_005 &+ 1
          return UInt8(truncatingIfNeeded: state >> 56)
        }
        Disk.write(bytes, to: home.work + "/big\(number).bin", mode: 0o644)
      }
      await home.git("add", "--all")
      await home.git("-c", "core.compression=0", "commit", "--quiet", "-m", "large")
      let before = await home.footprint()

      let (failure, code) = try await home.failure("new", "too-large")
      #expect(code == 1)
      #expect(failure.code == .diskFull, "\(failure.summary)")
      #expect(await home.footprint() == before)
      let ports: [PortObject] = try await home.json("ports")
      #expect(ports.isEmpty)
      #expect(await home.apus("list", "--all", "--json").output == "[]\n")

      // There is room for one that is not as large.
      await home.git("switch", "--quiet", "--create", "small", "HEAD~1")
      let made = try await home.session("new", "too-large", "--base", "small")
      #expect(made.ports.count == 1)
      #expect(await home.apus("down", "--end").status == 0)
    }
  }
}
