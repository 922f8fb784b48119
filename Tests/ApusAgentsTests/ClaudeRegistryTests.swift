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

  @Test func `where there is no list nobody is elsewhere`() throws {
    #expect(ClaudeRegistry.load(configuration: try TemporaryDirectory().path).entries.isEmpty)
  }
}
