import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// Branches and worktrees: brought up to date, merged, compared, brought back.
enum PlaceRoutes {
  private static let directory = Field("directory", .path, required: true, "a directory of the repository")
  private static let step = Field(
    "step", .choice(["begin", "continue", "abort"]), "after a conflict: go on, or as it was before; usually begin")

  static let all: [Route] = [
    Route(
      .post, "/v1/sessions/{session}/sync", "syncSession", "Bring a session's branch up to date with its base",
      need: .operate, body: [step], answer: .json(.named("BranchReply"))
    ) { call in try .json(try await call.brain.sync(try request(call), call.caller)) },
    Route(
      .post, "/v1/sessions/{session}/merge", "mergeSession", "Test a session's branch, and merge it into its base",
      need: .operate,
      body: [
        step, Field("manner", .choice(["ff", "squash", "no-ff"]), "usually ff"),
        Field("message", .text(least: 1, most: 10_000), "of the commit, where one is made"),
        Field("skipTests", .flag, "without the test command"),
        Field("remove", .flag, "take the session's place away afterwards"),
      ], answer: .json(.named("BranchReply"))
    ) { call in try .json(try await call.brain.merge(try request(call), call.caller)) },
    Route(
      .post, "/v1/sessions/{session}/pr", "openPullRequest", "Bring up to date, test, push, and open a pull request",
      need: .operate,
      body: [
        step, Field("title", .line(most: 300), "of the pull request"), Field("draft", .flag, "as a draft"),
        Field("skipTests", .flag, "without the test command"),
      ], answer: .json(.named("BranchReply"))
    ) { call in try .json(try await call.brain.pullRequest(try request(call), call.caller)) },
    Route(
      .get, "/v1/sessions/{session}/processes", "listProcesses", "Every process of a session's run", need: .look,
      answer: .json(.list(.named("RunProcesses")))
    ) { call in try .json(try await call.brain.processes(ProcessesRequest(sessions: [try call.session().id]))) },
    Route(
      .post, "/v1/compare", "compareSessions", "Approaches side by side", need: .operate,
      body: [
        Field("sessions", .lines(count: 1...20, length: 1...64), required: true, "which"),
        Field("tests", .flag, "run the test command on each"),
      ], answer: .json(.list(.named("Compared")))
    ) { call in
      for name in call.body.lines("sessions") { _ = try call.seen(name) }
      let request = CompareRequest(sessions: call.body.lines("sessions"), tests: call.body.flag("tests"))
      return try .json(try await call.brain.compare(request))
    },
    Route(
      .post, "/v1/sessions/{session}/keep", "keepSession", "Keep one approach: the others are archived", need: .operate,
      body: [Field("over", .lines(count: 1...20, length: 1...64), required: true, "the others")],
      answer: .json(.list(.named("Session")))
    ) { call in
      for name in call.body.lines("over") { _ = try call.seen(name) }
      return try .json(
        try await call.brain.keep(KeepRequest(session: try call.session().id, over: call.body.lines("over"))))
    },
    Route(
      .get, "/v1/rescues", "listRescues", "What was removed and can be brought back", need: .care, query: [directory],
      answer: .json(.list(.named("Rescue")))
    ) { call in
      try .json(
        try await call.brain.rescues(
          DirectoryRequest(directory: call.query.text("directory") ?? "/", environment: call.environment)))
    },
    Route(
      .post, "/v1/rescues/{rescue}/restore", "restoreRescue", "Bring back what was removed", need: .care,
      body: [directory], answer: .json(.object(["id": .text, "steps": .list(.text)], sometimes: ["session": .text]))
    ) { call in
      let request = RestoreRequest(
        directory: call.body.text("directory") ?? "/", environment: call.environment, id: call.names["rescue"])
      return try .json(try await call.brain.restore(request))
    },
    Route(
      .get, "/v1/search", "search", "Branches, commits, the work log, sessions and what they said", need: .care,
      query: [directory, Field("text", .line(most: 200), "what to look for; left out, an overview")],
      answer: .json(.list(.object(["kind": .text, "name": .text, "text": .text], sometimes: ["session": .text])))
    ) { call in
      let request = FindRequest(
        directory: call.query.text("directory") ?? "/", environment: call.environment, text: call.query.text("text"))
      return try .json(try await call.brain.find(request))
    },
    Route(
      .get, "/v1/recoverable", "listRecoverable", "What can be brought back after a reboot or a mass death",
      need: .care,
      answer: .json(.list(.named("Recovered")))
    ) { call in try await recover(call, perform: false) },
    Route(
      .post, "/v1/recoverable/recover", "recover", "Bring sessions back, one by one; answers when that is done",
      need: .care,
      body: [Field("sessions", .lines(count: 0...1000, length: 1...64), "which; left out, all that can be")],
      answer: .json(.list(.named("Recovered")))
    ) { call in try await recover(call, perform: true) },
    Route(
      .get, "/v1/deployments", "listDeployments", "Deployments that are or were watched", need: .look,
      query: [Field("directory", .path, "of that repository")], answer: .json(.list(.any))
    ) { call in
      let asker = try call.asker(session: nil, directory: call.query.text("directory"))
      return try .json(try call.brain.deployStatus(DeployStatusRequest(asker: asker)))
    },
  ]

  @LoopActor
  private static func request(_ call: Call) throws(Failure) -> BranchRequest {
    var request = BranchRequest(session: try call.session().id)
    request.step = call.body.text("step").flatMap(BranchRequest.Step.init(rawValue:)) ?? .begin
    request.manner = call.body.text("manner").flatMap(BranchRequest.Manner.init(rawValue:)) ?? .fastForward
    request.message = call.body.text("message")
    request.title = call.body.text("title")
    request.draft = call.body.flag("draft")
    request.skipsTests = call.body.flag("skipTests")
    request.removes = call.body.flag("remove")
    return request
  }

  @LoopActor
  private static func recover(_ call: Call, perform: Bool) async throws -> HTTPReply {
    var items: [[UInt8]] = []
    // Each is said when it is planned, and again when something came of it: the last word on each counts.
    let caller = Caller(deliver: { items.append($0) }, drained: {})
    let request = RecoverRequest(sessions: call.body.lines("sessions"), perform: perform)
    try await call.brain.recover(request, caller)
    var last: [String: Int] = [:]
    let ids = items.map { item in (try? JSONText.decode(JSON.self, from: item))?["id"]?.string ?? "" }
    for (index, id) in ids.enumerated() { last[id] = index }
    let kept = items.indices.filter { last[ids[$0]] == $0 }.map { items[$0] }
    return .json([UInt8(ascii: "[")] + kept.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")])
  }
}
