import ApusFrames
import ApusTestKit
import Glibc
import Testing

@Suite("a keeper on a full disk") struct KeeperDiskTests {
  /// A small file system of its own; unmounted when it goes.
  private final class SmallDisk {
    let place: TemporaryDirectory
    let path: String

    init(megabytes: Int) throws {
      place = try TemporaryDirectory()
      path = place.path + "/disk"
      guard mkdir(path, 0o700) == 0 else { throw TestFailure("mkdir: errno \(errno)") }
      let code = try Child.run("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m,mode=700", "tmpfs", path])
      guard code == 0 else {
        throw TestFailure("mount -t tmpfs was refused (\(code)): these tests need the right to mount (CAP_SYS_ADMIN)")
      }
    }

    /// Takes all room but for `kilobytes`.
    func fill(leaving kilobytes: Int) throws {
      var facts = statvfs()
      guard statvfs(path, &facts) == 0 else { throw TestFailure("statvfs: errno \(errno)") }
      let room = Int(facts.f_bavail) * Int(facts.f_frsize)
      try Kept.save([UInt8](repeating: 1, count: room - kilobytes * 1024), path + "/ballast")
    }

    func makeRoom() { unlink(path + "/ballast") }

    deinit { _ = try? Child.run("/usr/bin/umount", ["-l", path]) }
  }

  /// Others than root cannot mount; what is here is tested where tests run as root.
  private static var mayMount: Bool { geteuid() == 0 }

  @Test(.enabled(if: mayMount, "only root may mount"))
  func `a full disk stalls the agent, is reported, loses no byte and ends when there is room`() throws {
    let disk = try SmallDisk(megabytes: 8)
    let run = try Kept("read go; seq 1 700000; echo last; exit 6", place: disk.place, directory: disk.path)
    try disk.fill(leaving: 1024)
    let attached = try run.attach()
    try attached.send(.follow(offset: 0))
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    var output: [UInt8] = []
    func next(_ isIt: (KeeperReply) -> Bool) throws {
      while true {
        let reply = try attached.next()
        if case .output(let offset, let bytes) = reply {
          #expect(offset == UInt64(output.count))
          output += bytes
        }
        if isIt(reply) { return }
      }
    }
    try next { $0 == .trouble(ENOSPC) }
    // It waits, and who comes now is told why.
    #expect(run.agent.isAlive)
    let late = try Attached(run.socket)
    try late.hello()
    #expect(try late.next() == .trouble(ENOSPC))
    #expect(run.recordingSize < 4_788_895)
    disk.makeRoom()
    try next { $0 == .trouble(0) }
    try next { if case .ending = $0 { true } else { false } }
    #expect(output == Array(((1...700_000).map { "\($0)\n" }.joined() + "last\n").utf8))
    #expect(run.recording == output)
    #expect(run.note == EndingNote(ending: .exit(6), recorded: UInt64(output.count)))
    try run.finish()
  }

  @Test(.enabled(if: mayMount, "only root may mount"))
  func `an ending for which there is no room is told only once it is kept`() throws {
    let disk = try SmallDisk(megabytes: 2)
    let run = try Kept("read go; exit 8", place: disk.place, directory: disk.path)
    try disk.fill(leaving: 0)
    let attached = try run.attach()
    try attached.send(.follow(offset: 0))
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    try attached.taken(1)
    try run.agent.waitForEnd()
    #expect(run.note == nil)
    let asking = try run.attach()
    for _ in 0..<50 { #expect(try asking.hello().agent == run.card.agent) }
    #expect(!Wait.readable(attached.descriptor, seconds: 0))
    disk.makeRoom()
    guard case .ending(.exit(8), 0) = try attached.next() else {
      Issue.record("no ending")
      return
    }
    #expect(run.note == EndingNote(ending: .exit(8), recorded: 0))
    try run.finish()
  }

  @Test(.enabled(if: mayMount, "only root may mount"))
  func `the last words of an agent that ended while the disk was full are recorded before its ending`() throws {
    let disk = try SmallDisk(megabytes: 4)
    let run = try Kept(
      "read go; head -c 282144 /dev/zero; read on; head -c 30000 /dev/zero; exit 2", place: disk.place,
      directory: disk.path)
    try disk.fill(leaving: 256)
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    while try attached.next() != .trouble(ENOSPC) {}
    // Nothing more is read of it; what it says now stays in the pipe, where it fits.
    try attached.send(.input(number: 2, bytes: Array("on\n".utf8)))
    try run.agent.waitForEnd()
    let asking = try run.attach()
    while try asking.next() != .trouble(ENOSPC) {}
    for _ in 0..<20 {
      try asking.send(.input(number: 1, bytes: []))
      try asking.taken(1)
    }
    disk.makeRoom()
    let told = try run.finish()
    #expect(told.ending == .exit(2) && told.output.count == 312_144 && told.recorded == 312_144)
    #expect(run.note == EndingNote(ending: .exit(2), recorded: 312_144))
  }

  @Test(.enabled(if: mayMount, "only root may mount"))
  func `a stalled agent can be ended, and what it said is not lost`() throws {
    let disk = try SmallDisk(megabytes: 4)
    let run = try Kept("read go; yes", place: disk.place, directory: disk.path)
    try disk.fill(leaving: 256)
    let attached = try run.attach()
    try attached.send(.input(number: 1, bytes: Array("go\n".utf8)))
    while try attached.next() != .trouble(ENOSPC) {}
    try attached.send(.end([]))
    try run.agent.waitForEnd()
    disk.makeRoom()
    let told = try run.finish()
    #expect(told.ending == .signal(SIGKILL))
    #expect(told.output.count >= 256 << 10)
    #expect(told.recorded == UInt64(told.output.count))
  }
}
