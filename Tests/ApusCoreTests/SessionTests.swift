import ApusCore
import Testing

@Suite("records") struct SessionTests {
  private func session() -> Session {
    Session(
      id: "a7f3", name: "fix-parser", conversationID: "8b1c", directory: "/p",
      spec: SpawnSpec(
        program: "claude", model: "m", permissionMode: "manual", maxTurns: 3, environment: ["A": "b", "É": ""]),
      createdAt: 1_795_000_000.25)
  }

  private func full() -> Session {
    var session = session()
    session.owner = "o"
    session.tags = ["t", "é"]
    session.agentVersion = "2.1.329"
    session.state = .lost
    session.run = 12
    session.persists = true
    session.lastActive = 1_795_000_001.5
    session.ending = .signal(9)
    session.model = "m2"
    session.cost = 0.25
    session.tokens = Tokens(input: 5, output: 6)
    session.prompted = true
    session.transcriptSeen = true
    session.transcriptBytes = 141_591
    session.interrupted = true
    session.forkedFrom = "b000"
    session.problem = Failure(.agentLimit, "limit", hint: "wait")
    session.archivedAt = 1_795_000_002
    session.queued = QueuedStart(
      ticket: 3, since: 1_795_000_003, resumes: true, terminal: TerminalWish(rows: 24, columns: 80), prompt: "p")
    session.watched = ProcessMark(pid: 7, start: 1_197_338)
    session.stopped = true
    return session
  }

  @Test func `a session comes back as it was`() throws {
    for one in [session(), full()] {
      #expect(try JSONText.decode(Session.self, from: JSONText.encode(one)) == one)
    }
  }

  @Test func `fields of a later version are kept and written again`() throws {
    guard case .object(var fields) = try JSONText.decode(JSON.self, from: JSONText.encode(full())) else { return }
    fields["worktree"] = .object(["path": .string("/w"), "ports": .array([.integer(3000), .null])])
    fields["colour"] = .string("red")
    let read = try JSONText.decode(Session.self, from: JSONText.encode(JSON.object(fields)))
    #expect(read.unknown.keys.sorted() == ["colour", "worktree"])
    var changed = read
    changed.name = "other"
    guard case .object(let written) = try JSONText.decode(JSON.self, from: JSONText.encode(changed)) else { return }
    fields["name"] = .string("other")
    #expect(written == fields)
  }

  @Test func `an old record with only what is needed is read`() throws {
    let text = #"""
      {"id":"a7f3","name":"n","conversationID":"c","state":"ended","run":2,"createdAt":5,
       "spec":{"program":"claude","permissionMode":"manual","environment":{}}}
      """#
    let session = try JSONText.decode(Session.self, from: text.utf8)
    #expect(session.directory == "" && session.agent == "claude" && session.lastActive == 5 && session.run == 2)
    #expect(session.tags.isEmpty && !session.persists && session.ending == nil && session.unknown.isEmpty)
  }

  @Test(arguments: ["{}", "[]", #"{"id":"a"}"#]) func `a record without what is needed is refused`(_ text: String) {
    #expect(throws: (any Error).self) { _ = try JSONText.decode(Session.self, from: text.utf8) }
  }

  @Test func `an ending is an exit or a signal`() throws {
    #expect(try JSONText.string(Ending.exit(0)) == #"{"exit":0}"#)
    #expect(try JSONText.string(Ending.signal(9)) == #"{"signal":9}"#)
    #expect(try JSONText.decode(Ending.self, from: #"{"signal":15}"#.utf8) == .signal(15))
    #expect(throws: (any Error).self) { _ = try JSONText.decode(Ending.self, from: "{}".utf8) }
  }

  @Test func `sessions that may still run are live, the others are not`() {
    #expect(SessionState.allCases.filter(\.isLive) == [.queued, .starting, .running])
  }

  @Test func `a run comes back as it was, and is the holder of what it holds`() throws {
    var run = Run(
      session: "a7f3", number: 2, directory: "/r", socket: "/s", startedAt: 1.5, continuing: true, leaseToken: 9)
    run.keeper = ProcessMark(pid: 1, start: .max)
    run.ending = .exit(1)
    #expect(run.holder == "a7f3/2")
    #expect(try JSONText.decode(Run.self, from: JSONText.encode(run)) == run)
  }

  @Test func `an input and an event come back as they were`() throws {
    var input = Input(row: 1, session: "a", kind: .control, promptID: "p", text: "é\u{0}\n", acceptedAt: 2)
    input.number = .max
    #expect(try JSONText.decode(Input.self, from: JSONText.encode(input)) == input)
    let event = Event(n: 3, at: 1.25, session: "a", run: 1, kind: .permissionAsked, detail: .object(["x": .null]))
    #expect(try JSONText.decode(Event.self, from: JSONText.encode(event)) == event)
    #expect(try JSONText.string(event).contains("\"permission.asked\""))
  }

  @Test func `a failure is the same object on every door`() throws {
    let failure = Failure(.sessionNotFound, "no session \"x\"", hint: "`apus list`")
    #expect(
      try JSONText.string(failure)
        == #"{"code":"session.not_found","hint":"`apus list`","summary":"no session \"x\""}"#)
    #expect(try JSONText.decode(Failure.self, from: JSONText.encode(failure)) == failure)
  }

  @Test func `exit codes tell kinds of failure apart`() {
    let expected: [(ErrorCode, Int32)] = [
      (.usage, 2), (.nameInvalid, 2), (.sessionNotFound, 3), (.permissionNotFound, 3), (.nameTaken, 4),
      (.sessionLive, 4), (.daemonTaken, 4), (.agentMissing, 5), (.agentLogin, 5), (.agentCrashed, 5), (.timedOut, 124),
      (.internalError, 1), (.notResumable, 1), (.diskFull, 1),
    ]
    for (code, exit) in expected { #expect(code.exitCode == exit, "\(code)") }
    for code in ErrorCode.allCases {
      #expect([1, 2, 3, 4, 5, 124].contains(code.exitCode))
      if code.rawValue.hasPrefix("agent.") { #expect(code.exitCode == 5) }
      if code.rawValue.hasSuffix(".not_found") { #expect(code.exitCode == 3) }
    }
  }

  @Test(arguments: [
    (#"{"command":"rm -r build","description":"d"}"#, #"Bash "rm -r build""#), (#"{"file_path":"/a"}"#, #"Bash "/a""#),
    (#"{"description":"d"}"#, #"Bash "d""#), ("{}", "Bash"), (#"{"command":3}"#, "Bash"), ("null", "Bash"),
  ])
  func `what is asked is told in one line`(_ input: String, _ brief: String) throws {
    let input = try JSONText.decode(JSON.self, from: input.utf8)
    #expect(PermissionRequest(id: "1", tool: "Bash", input: input).brief == brief)
  }
}
