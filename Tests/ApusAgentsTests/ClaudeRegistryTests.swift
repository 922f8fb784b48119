import ApusAgents
import ApusCore
import ApusTestKit
import Foundation
import Testing

@Suite("who else has a conversation open") struct ClaudeRegistryTests {
  private let id = Transcripts.id

  private func registry(_ entries: [String: String]) throws -> ClaudeRegistry {
    let place = try TemporaryDirectory()
    for (name, text) in entries { try place.write("sessions/" + name, text) }
    return ClaudeRegistry.load(configuration: place.path)
  }

  private func entry(_ pid: Int32, start: String? = nil, id: String? = nil) -> String {
    let start = start.map { #","procStart":\#($0)"# } ?? ""
    return #"{"pid":\#(pid),"sessionId":"\#(id ?? self.id)","status":"busy"\#(start)}"#
  }

  private func own() throws -> ProcessID { try #require(ProcessID(pid: getpid())) }

  @Test func `a living process of another's is elsewhere`() throws {
    let own = try own()
    for start in ["\(own.start)", "\"\(own.start)\""] {
      let found = try registry(["1.json": entry(own.pid, start: start)]).elsewhere(id, ours: [])
      #expect(found == Verdict.Elsewhere(pid: Int(own.pid), program: "claude"))
    }
  }

  @Test func `an entry without a start counts while its process lives`() throws {
    #expect(try registry(["1.json": entry(getpid())]).elsewhere(id, ours: []) != nil)
  }

  @Test func `a run of our own is no obstacle`() throws {
    let own = try own()
    let registry = try registry(["1.json": entry(own.pid, start: "\(own.start)")])
    #expect(registry.elsewhere(id, ours: [ProcessMark(pid: own.pid, start: own.start)]) == nil)
    #expect(registry.elsewhere(id, ours: [ProcessMark(pid: own.pid, start: own.start + 1)]) != nil)
  }

  @Test func `a pid that another process has now is nobody`() throws {
    let own = try own()
    #expect(try registry(["1.json": entry(own.pid, start: "\(own.start - 1)")]).entries.isEmpty)
  }

  @Test func `the dead are nobody, though their files stay`() throws {
    let pid = try Child.start("/bin/true")
    let text = entry(pid)
    #expect(Child.wait(pid) == 0)
    #expect(try registry(["\(pid).json": text, "0.json": entry(0), "neg.json": entry(-1)]).entries.isEmpty)
  }

  @Test func `a process that ended and was not waited for is dead`() throws {
    let pid = try Child.start("/bin/true")
    let child = try #require(ProcessID(pid: pid))
    try child.waitForEnd()
    #expect(try registry(["1.json": entry(pid, start: "\(child.start)")]).entries.isEmpty)
    #expect(Child.wait(pid) == 0)
  }

  @Test func `another conversation is none of ours, and case is no difference`() throws {
    let other = try registry(["1.json": entry(getpid(), id: "22222222-1111-4111-8111-111111111111")])
    #expect(other.elsewhere(id, ours: []) == nil && other.entries.count == 1)
    let upper = try registry(["1.json": entry(getpid(), id: "AAAAAAAA-1111-4111-8111-111111111111")])
    #expect(upper.elsewhere("aaaaaaaa-1111-4111-8111-111111111111", ours: []) != nil)
  }

  @Test func `files that make no sense are passed over`() throws {
    let registry = try registry([
      "1.json": "", "2.json": "{", "3.json": "[]", "4.json": #"{"pid":"x","sessionId":"\#(id)"}"#,
      "5.json": #"{"pid":99999999999,"sessionId":"\#(id)"}"#, "6.json": #"{"pid":1}"#, "7.key": entry(getpid()),
      "8.json": entry(getpid()),
    ])
    #expect(registry.entries.map(\.mark.pid) == [getpid()])
  }

  @Test func `an entry says what its process does, and what the dead left is told apart`() throws {
    let own = try own()
    let said = """
      "sessionId":"\(id)","cwd":"/there","name":"there-1","kind":"interactive","status":"waiting",
      "waitingFor":"permission prompt","statusUpdatedAt":1500
      """
    let registry = try registry([
      "1.json": #"{"pid":\#(own.pid),"procStart":"\#(own.start)",\#(said)}"#,
      "2.json": #"{"pid":\#(own.pid),"procStart":"\#(own.start - 1)",\#(said)}"#,
    ])
    let entry = try #require(registry.entries.first)
    #expect([entry.cwd, entry.name, entry.kind] == ["/there", "there-1", "interactive"])
    #expect([entry.status, entry.waitingFor] == ["waiting", "permission prompt"])
    #expect(entry.statusUpdatedAt == 1.5 && entry.path.hasSuffix("/sessions/1.json"))
    #expect(registry.stale.map(\.path).map { $0.hasSuffix("/sessions/2.json") } == [true])
    #expect(registry.stale.first?.mark == ProcessMark(pid: own.pid, start: own.start - 1))
  }

  @Test func `where there is no list nobody is elsewhere`() throws {
    #expect(ClaudeRegistry.load(configuration: try TemporaryDirectory().path).entries.isEmpty)
  }
}

@Suite("what the list says of a process") struct ClaudeSightingTests {
  private func write(_ status: String, pid: Int32? = nil) throws -> (TemporaryDirectory, ProcessMark) {
    let own = try #require(ProcessID(pid: getpid()))
    let place = try TemporaryDirectory()
    let text =
      #"{"pid":\#(pid ?? own.pid),"procStart":"\#(own.start)","sessionId":"c-1","cwd":"/p","name":"p-1"\#(status)}"#
    try place.write("sessions/\(own.pid).json", text)
    return (place, ProcessMark(pid: own.pid, start: own.start))
  }

  static let cases: [(String, Sighting?)] = [
    ("", nil), (#","status":"busy""#, nil),
    (
      #","status":"busy","statusUpdatedAt":1795212096828,"updatedAt":1795212096999"#,
      Sighting(mode: .running, waitingFor: nil, isForTool: false, at: 1_795_212_096.828)
    ),
    (
      #","status":"idle","updatedAt":1000"#, Sighting(mode: .idle, waitingFor: nil, isForTool: false, at: 1)
    ),
    (
      #","status":"shell","statusUpdatedAt":1000"#, Sighting(mode: .idle, waitingFor: nil, isForTool: false, at: 1)
    ),
    (
      #","status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":1500"#,
      Sighting(mode: .waiting, waitingFor: "permission prompt", isForTool: true, at: 1.5)
    ),
    (
      #","status":"waiting","waitingFor":"dialog open","statusUpdatedAt":1500"#,
      Sighting(mode: .waiting, waitingFor: "dialog open", isForTool: false, at: 1.5)
    ),
    (
      #","status":"of a later version","statusUpdatedAt":1500"#,
      Sighting(mode: .unknown, waitingFor: nil, isForTool: false, at: 1.5)
    ),
  ]

  @Test(arguments: cases.indices) func `an entry is read as it was measured`(_ n: Int) throws {
    let (place, mark) = try write(Self.cases[n].0)
    let entry = try #require(ClaudeRegistry.find(mark, configuration: place.path))
    #expect(entry.sighting == Self.cases[n].1)
    #expect(entry.mark == mark && entry.conversationID == "c-1" && entry.name == "p-1" && entry.cwd == "/p")
  }

  @Test func `another process, or another file's word, is not believed`() throws {
    let (place, mark) = try write("")
    let other = ProcessMark(pid: mark.pid, start: mark.start + 1)
    #expect(ClaudeRegistry.find(other, configuration: place.path) == nil)
    #expect(ClaudeRegistry.find(ProcessMark(pid: 1, start: 1), configuration: place.path) == nil)
    let (lying, own) = try write("", pid: getppid())
    #expect(ClaudeRegistry.find(own, configuration: lying.path) == nil)
  }

  @Test func `a file of the list names its process`() {
    #expect(ClaudeRegistry.process(file: "4242.json") == 4242)
    for name in ["4242.abc.key", "x.json", ".json", "4242", "99999999999.json"] {
      #expect(ClaudeRegistry.process(file: name) == nil, "\(name)")
    }
  }
}
