import ApusAgents
import ApusCore
import ApusTestKit
import Foundation
import Testing

@Suite("sessions nobody of ours started") struct ForeignSessionTests {
  private let living = "11111111-1111-4111-8111-111111111111"
  private let dead = "22222222-1111-4111-8111-111111111111"

  private func own() throws -> ProcessID { try #require(ProcessID(pid: getpid())) }

  private func entry(_ pid: Int32, _ start: UInt64, _ id: String, _ more: String = "") -> String {
    #"{"pid":\#(pid),"procStart":"\#(start)","sessionId":"\#(id)","cwd":"/there","name":"n-1","status":"busy"\#(more)}"#
  }

  @Test func `living ones come first, and those whose process is gone are ended`() throws {
    let own = try own()
    let place = try TemporaryDirectory()
    try place.write("sessions/1.json", entry(own.pid, own.start + 1, dead))
    try place.write("sessions/2.json", entry(own.pid, own.start, living.uppercased(), #","waitingFor":"x""#))
    let found = ForeignSession.load(configurations: [place.path])
    #expect(found.map(\.conversationID) == [living, dead])
    #expect(found[0].mark == ProcessMark(pid: own.pid, start: own.start) && found[0].source == "sessions/2.json")
    #expect(found[0].activity == .working && found[0].waitingFor == "x" && found[0].configuration == place.path)
    #expect(found[1].mark == nil && found[1].pid == own.pid && found[1].activity == .unknown)
    #expect(found[1].directory == "/there" && found[1].name == "n-1")
  }

  @Test func `what it does is told in our words, and nothing is guessed`() throws {
    let own = try own()
    for (status, activity) in [("busy", Activity.working), ("idle", .idle), ("shell", .idle), ("new", .unknown)] {
      let told = #"[{"pid":\#(own.pid),"sessionId":"\#(living)","status":"\#(status)"}]"#
      let found = ForeignSession.read(agents: Array(told.utf8), configuration: "/c")
      #expect(found?.first?.activity == activity, "\(status)")
    }
  }

  @Test func `what a process of another machine or container left says nothing about its end`() throws {
    let place = try TemporaryDirectory()
    try place.write("sessions/1.json", entry(1, 0, dead, #","pidDomain":"linux:another:pid:[4026531836]""#))
    #expect(ForeignSession.load(configurations: [place.path]).isEmpty)
  }

  @Test func `the program's own list is read leniently`() throws {
    let own = try own()
    let printed = """
      [{"pid":\(own.pid),"cwd":"/a","kind":"interactive","sessionId":"\(living)","name":"a","status":"waiting",
      "waitingFor":"permission prompt"},{"id":"abcd","state":"stopped","sessionId":"\(dead)"},{"pid":3},7]
      """
    let found = try #require(ForeignSession.read(agents: Array(printed.utf8), configuration: "/c"))
    #expect(found.map(\.conversationID) == [living, dead])
    #expect(found[0].mark?.pid == own.pid && found[0].activity == .needsYou && found[0].source == "claude agents")
    #expect(found[1].mark == nil && found[1].pid == nil && found[1].directory == nil)
    for text in ["", "{}", "not logged in"] {
      #expect(ForeignSession.read(agents: Array(text.utf8), configuration: "/c") == nil)
    }
  }

  @Test func `a conversation is told once, and its living process counts more than a dead one`() throws {
    let own = try own()
    let place = try TemporaryDirectory()
    try place.write("sessions/1.json", entry(own.pid, own.start + 1, living))
    let told = try #require(
      ForeignSession.read(
        agents: Array(#"[{"pid":\#(own.pid),"sessionId":"\#(living)"}]"#.utf8), configuration: place.path))
    let merged = ForeignSession.merged(ForeignSession.load(configurations: [place.path]) + told)
    #expect(merged.map(\.source) == ["claude agents"] && merged.first?.mark != nil)
  }

  @Test func `its directory is what the transcript says last, whatever the file's place`() throws {
    let place = try TemporaryDirectory()
    let lines = [
      #"{"type":"user","cwd":"/first"}"#, #"{"type":"user","cwd":"/la\u0073t"}"#, #"{"type":"mode"}"#, "{torn",
    ]
    try place.write("projects/-first/\(dead).jsonl", lines.joined(separator: "\n"))
    let found = try #require(ForeignSession.find(conversation: dead, configurations: ["/nowhere", place.path]))
    #expect(found.directory == "/last" && found.source == "transcript" && found.mark == nil)
    #expect(ForeignSession.find(conversation: living, configurations: [place.path]) == nil)

    let told = try #require(
      ForeignSession.read(agents: Array(#"[{"sessionId":"\#(dead)"}]"#.utf8), configuration: place.path)?.first)
    #expect(told.withDirectory().directory == "/last")
  }
}
