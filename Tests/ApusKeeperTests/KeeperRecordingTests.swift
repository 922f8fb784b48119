import ApusFrames
import ApusTestKit
import Glibc
import Testing

@Suite("what a keeper records") struct KeeperRecordingTests {
  private static let numbers = Array((1...200_000).map { "\($0)\n" }.joined().utf8)

  @Test func `output is on disk before anyone sees it`() throws {
    let run = try Kept("seq 1 200000")
    let attached = try run.attach()
    let told = try attached.followToEnd { seen in #expect(run.recordingSize >= seen) }
    #expect(told.output == Self.numbers)
    #expect(run.recording == Self.numbers)
    #expect(told.ending == .exit(0))
  }

  @Test func `the recording can be read from any offset, again and again`() throws {
    let run = try Kept("seq 1 200000")
    let count = UInt64(Self.numbers.count)
    let attached = try run.attach()
    _ = try attached.followToEnd()
    for offset in [0, 1, 65_535, 65_536, 65_537, count / 2, count - 1, count] {
      #expect(try attached.followToEnd(from: offset).output == Array(Self.numbers[Int(offset)...]), "from \(offset)")
    }
  }

  @Test func `an offset beyond the end gives nothing but the ending`() throws {
    let run = try Kept("echo hello")
    let attached = try run.attach()
    _ = try attached.followToEnd()
    for offset in [7, 1 << 40, UInt64.max] {
      let told = try attached.followToEnd(from: offset)
      #expect(told.output.isEmpty && told.ending == .exit(0) && told.recorded == 6)
    }
  }

  @Test func `a line of ten million bytes arrives whole`() throws {
    let run = try Kept("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo after")
    let told = try run.attach().followToEnd()
    #expect(told.output.count == 10_000_007)
    #expect(told.output[..<10_000_000].allSatisfy { $0 == UInt8(ascii: "x") })
    #expect(told.output[10_000_000...].elementsEqual("\nafter\n".utf8))
  }

  @Test func `bytes that are no text are kept as they are`() throws {
    let run = try Kept("printf '\\000\\377\\376\\n\\303'")
    #expect(try run.attach().followToEnd().output == [0, 255, 254, 10, 195])
  }

  @Test func `errors are kept apart, and only their first part where there are many`() throws {
    let run = try Kept("echo out; head -c 6000000 /dev/zero >&2; echo done")
    let told = try run.attach().followToEnd()
    #expect(told.text == "out\ndone\n")
    #expect(Kept.load(run.directory + "/" + RunFile.errors)?.count == RunFile.errorsLimit)
  }

  @Test func `what follows live and what is read later are the same`() throws {
    let run = try Kept("while read line; do echo \"$line\"; done")
    let live = try run.attach()
    for n: UInt64 in 1...20 { try live.send(.input(number: n, bytes: Array("line \(n)\n".utf8))) }
    let text = try live.read(to: "line 20\n")
    #expect(text == (1...20).map { "line \($0)\n" }.joined())
    let later = try run.attach()
    #expect(try later.read(from: 7, to: "line 20\n") == String(text.dropFirst(7)))
  }

  @Test func `files of a run are for its owner alone`() throws {
    let run = try Kept("echo x; echo y >&2")
    _ = try run.attach().followToEnd()
    for name in [RunFile.recording, RunFile.errors, RunFile.keeper, RunFile.ending, "s"] {
      var facts = stat()
      #expect(stat(run.directory + "/" + name, &facts) == 0)
      #expect(facts.st_mode & 0o777 == 0o600, "\(name)")
    }
  }
}
