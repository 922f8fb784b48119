import ApusCore
import Testing

/// What is remembered of the file between two looks.
@Suite struct SessionsFileMemoryTests {
  private func text(_ number: Int) -> String {
    SessionsFile.build(previous: nil, locks: [], rows: [SessionsFile.Row("s\(number)", started: 1)]).render()
  }

  @Test func `what a writer may have read is remembered for half an hour, the oldest of it to the end`() {
    var memory = SessionsFileMemory()
    for second in 0..<1000 { memory.wrote(text(second), now: Double(second)) }
    #expect(memory.versions.count <= 128)
    #expect(memory.versions.first?.text == text(0))
    #expect(memory.versions.suffix(50).map(\.text) == (950..<1000).map(text))
    #expect(memory.base?.rows.map(\.id) == ["s999"] && memory.earlier.count == memory.versions.count - 1)
    memory.wrote(text(5000), now: 2500)
    #expect(memory.versions.allSatisfy { $0.at >= 700 })
    memory.wrote(text(5001), now: 9000)
    #expect(memory.versions.map(\.text) == [text(5000), text(5001)])
    memory.neverWrote()
    #expect(memory.versions.map(\.text) == [text(5000)])
  }

  @Test func `versions keep their order when the clock goes back, and the same text is none`() {
    var memory = SessionsFileMemory()
    memory.wrote(text(1), now: 100)
    memory.wrote(text(2), now: 50)
    memory.wrote(text(2), now: 300)
    let again = SessionsFileMemory(kept: memory.kept, versions: memory.versions.reversed())
    #expect(again.versions.map(\.text) == [text(1), text(2)])
  }

  @Test func `rows and locks of others come back as they were kept`() {
    var memory = SessionsFileMemory()
    memory.take(.registered(id: "e1b2", started: 10, lastActive: 20))
    memory.take(.editing(id: "e1b2", paths: ["a, b|c.swift", "d"]))
    memory.take(.touched(id: "e1b2", lastActive: 30))
    memory.holds["docker"] = SessionsFile.Hold("e1b2", note: "api", since: 15, lastUpdated: 25)
    memory.take(.lockRenewed(lock: "docker", by: "e1b2", lastUpdated: 28, note: "worker"))
    memory.take(.lockRenewed(lock: "docker", by: "c9d0", lastUpdated: 29, note: nil))
    let again = SessionsFileMemory(kept: memory.kept, versions: [])
    #expect(again == memory)
    #expect(again.rows == [SessionsFile.Row("e1b2", started: 10, lastActive: 30, editing: ["a, b|c.swift", "d"])])
    #expect(again.holds["docker"] == SessionsFile.Hold("e1b2", note: "worker", since: 15, lastUpdated: 28))
    memory.take(.lockReleased(lock: "docker"))
    memory.take(.left(id: "e1b2"))
    #expect(memory == SessionsFileMemory() && SessionsFileMemory(kept: "rubbish", versions: []) == memory)
  }

  @Test func `who is silent for half an hour is set aside then and not before`() {
    var memory = SessionsFileMemory(rows: [
      SessionsFile.Row("e1b2", lastActive: 100), SessionsFile.Row("c9d0", started: 50),
      SessionsFile.Row("a7f3", lastActive: 9000),
    ])
    #expect(memory.nextEnd == 1850)
    #expect(memory.setAside(now: 1849.9, ours: []) == [])
    #expect(memory.setAside(now: 1850, ours: ["a7f3"]) == ["c9d0", "a7f3"])
    #expect(memory.nextEnd == 1900)
  }

  @Test func `a sign of life is written down at least every half minute, but not each of them`() {
    #expect(SessionsFileMemory.lastUpdated(shown: nil, proven: 100) == 100)
    #expect(SessionsFileMemory.lastUpdated(shown: 100, proven: 110) == 100)
    #expect(SessionsFileMemory.lastUpdated(shown: 100, proven: 125) == 125)
    #expect(SessionsFileMemory.lastUpdated(shown: 100, proven: 50) == 50)
    // Keepers are asked every 30 s: what is shown is never a minute old.
    var shown: Double?
    for proven in stride(from: 0.0, to: 600, by: 30) {
      shown = SessionsFileMemory.lastUpdated(shown: shown, proven: proven)
      #expect(proven + 30 - (shown ?? 0) < 60)
    }
  }

  @Test func `every holder has an id that can be written, and those of the file are known by theirs`() {
    let session = LockOwner(id: "a1b2", name: "one", isSession: true)
    #expect(SessionsFile.writable(session) == "a1b2" && SessionsFile.fileID(session) == nil)
    #expect(SessionsFile.writable(SessionsFile.owner("e1b2")) == "e1b2")
    #expect(SessionsFile.fileID(SessionsFile.owner("e1b2")) == "e1b2")
    #expect(SessionsFile.writable(LockOwner(id: "12-345", name: "pid 12", isSession: false)) == "12-345")
    for id in ["", "-", "a b|c\n", "é", String(repeating: "#", count: 300)] {
      let written = SessionsFile.writable(LockOwner(id: id, name: "", isSession: false))
      let file = SessionsFile.build(
        previous: nil, locks: [SessionsFile.HeldLock("docker", SessionsFile.Hold(written))], rows: [])
      #expect(file.hold(of: "docker")?.holder == written)
    }
  }

  @Test func `a text that cannot be read but has one of the headings is meant to be the file`() {
    #expect(SessionsFile.isMeant(Array("notes\n## docker rebuild lock \r\n".utf8)))
    #expect(SessionsFile.isMeant(Array("# Claude Session Coordination\n".utf8)))
    #expect(!SessionsFile.isMeant(Array("# My sessions\n- Docker Rebuild Lock\n".utf8)))
    #expect(!SessionsFile.isMeant([]))
  }
}
