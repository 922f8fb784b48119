import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// Sessions: made, found, steered, ended.
enum SessionRoutes {
  static let longestPrompt = 4 << 20
  static let text = Field("text", .text(least: 1, most: longestPrompt), required: true, "what the agent is to do")
  static let wait = Field("wait", .flag, "whether the answer waits until the turn is over, and has its result")

  static let all: [Route] = [
    Route(
      .post, "/v1/sessions", "createSession", "Start a session", need: .operate,
      query: [
        Field(
          "wait", .choice(["kept", "ready", "idle"]),
          "what the answer waits for: that it is kept (usual), that its agent is ready, that its first turn is over")
      ],
      body: creation, answer: .json(.named("Session"), status: 201),
      also: [200: "It was made before under this Idempotency-Key."]
    ) { call in try await create(call) },
    Route(
      .get, "/v1/sessions", "listSessions", "Sessions, the one that was active last first", need: .look,
      query: [
        Field("resumable", .flag, "only those that would really resume"),
        Field("owner", .line(most: 200), "only those of that owner"),
        Field("tag", .line(most: 200), "only those with that tag"),
        Field("state", .choice(SessionState.allCases.map(\.rawValue)), "only those in that state"),
        Field("all", .flag, "also archived ones"),
        Field("limit", .whole(1...1000), "how many at most; it counts after everything else was chosen"),
        Field("cursor", .form(Cursor.pattern, { Cursor($0) != nil }), "from the `Link` header of the answer before"),
      ], answer: .json(.list(.named("Session")))
    ) { call in try await list(call) },
    Route(
      .get, "/v1/sessions/{session}", "getSession", "One session", need: .look, answer: .json(.named("Session"))
    ) { call in try .json(try await call.brain.show(SessionRequest(session: try call.session().id))) },
    Route(
      .patch, "/v1/sessions/{session}", "changeSession", "Rename or tag a session", need: .operate,
      body: [
        Field("name", .sessionName, "its new name"),
        Field("addTags", .lines(count: 0...32, length: 0...64), "tags it gets"),
        Field("removeTags", .lines(count: 0...32, length: 0...64), "tags it loses"),
      ], answer: .json(.named("Session"))
    ) { call in
      let id = try call.session().id
      if let name = call.body.text("name") { _ = try await call.brain.rename(RenameRequest(session: id, name: name)) }
      let (add, remove) = (call.body.lines("addTags"), call.body.lines("removeTags"))
      return try .json(try await call.brain.tag(TagRequest(session: id, add: add, remove: remove)))
    },
    Route(
      .delete, "/v1/sessions/{session}", "removeSession",
      "Take a session's worktree, branch and ports away; refuses where work would be lost", need: .operate,
      query: [
        Field("plan", .flag, "only say what would go and what stands against it"),
        Field("stop", .flag, "end it first where it runs"),
        Field("discardUncommitted", .flag, "although there is work that was not committed"),
        Field("discardUnpushed", .flag, "although there are commits that are nowhere else"),
      ], answer: .json(.named("Removal"))
    ) { call in
      let overruled = Removal.Obstacle.allCases.filter { obstacle in
        switch obstacle {
        case .live: call.query.flag("stop")
        case .uncommitted, .untracked: call.query.flag("discardUncommitted")
        case .unpushed: call.query.flag("discardUnpushed")
        }
      }
      return try .json(
        try await call.brain.remove(
          RemoveRequest(session: try call.session().id, overruled: overruled, plansOnly: call.query.flag("plan"))))
    },
    Route(
      .post, "/v1/sessions/{session}/send", "sendPrompt", "Give a session something to do", need: .operate,
      body: [text, wait], answer: .json(.named("Session"))
    ) { call in
      let request = SendRequest(
        session: try call.session().id, text: call.body.text("text") ?? "", wait: call.body.flag("wait"))
      return try .json(try await call.brain.send(request, call.caller))
    },
    Route(
      .post, "/v1/sessions/{session}/wait", "waitForSession", "Answer when a session is where it is wanted",
      need: .look,
      body: [
        Field("for", .choice(WaitGoal.allCases.map(\.rawValue)), "usually idle"),
        Field("seconds", .number(0...86_400), "how long at most"),
      ], answer: .json(.named("Session"))
    ) { call in
      let goal = call.body.text("for").flatMap(WaitGoal.init(rawValue:)) ?? .idle
      let request = WaitRequest(session: try call.session().id, goal: goal, seconds: call.body.number("seconds"))
      return try .json(try await call.brain.wait(request, call.caller))
    },
    Route(
      .post, "/v1/sessions/{session}/interrupt", "interruptSession", "Stop the turn that is under way", need: .operate,
      body: [], answer: .json(.named("Session"))
    ) { call in try .json(try await call.brain.interrupt(SessionRequest(session: try call.session().id))) },
    Route(
      .post, "/v1/sessions/{session}/permit", "answerPermission", "Allow or deny what a session asks", need: .operate,
      body: [
        Field("allow", .flag, required: true, "whether it may"),
        Field("request", .line(most: 200), "the id of what it asks; may be left out where it asks one thing"),
        Field("message", .text(least: 0, most: 10_000), "of a denial: what the agent is told"),
        Field("always", .flag, "with allow: also from now on, as far as the request offers that"),
      ], answer: .json(.named("Session"))
    ) { call in
      let request = PermitRequest(
        session: try call.session().id, request: call.body.text("request"), allow: call.body.flag("allow"),
        message: call.body.text("message"), always: call.body.flag("always"))
      return try .json(try await call.brain.permit(request))
    },
    Route(
      .post, "/v1/sessions/{session}/stop", "stopSession", "End a session's run; it can be resumed", need: .operate,
      body: [Field("now", .flag, "without waiting for the agent to finish what it does")],
      answer: .json(.named("Session"))
    ) { call in
      let request = StopRequest(session: try call.session().id, now: call.body.flag("now"))
      return try .json(try await call.brain.stop(request, call.caller))
    },
    Route(
      .post, "/v1/sessions/{session}/resume", "resumeSession", "Continue a session's conversation in a new run",
      need: .operate,
      body: [
        Field("text", .text(least: 1, most: longestPrompt), "what the agent is to do then"), wait,
        Field("directory", .path, "run there instead"), tiedTo, terminal,
      ], answer: .json(.named("Session"))
    ) { call in try await resume(call, as: nil) },
    Route(
      .post, "/v1/sessions/{session}/fork", "forkSession", "Continue a copy of a session's conversation",
      need: .operate,
      body: [
        Field("name", .sessionName, required: true, "the copy's name"),
        Field("text", .text(least: 1, most: longestPrompt), "what the agent is to do then"), wait,
        Field("directory", .path, "run there instead"), tiedTo, terminal,
      ], answer: .json(.named("Session"), status: 201)
    ) { call in try await resume(call, as: call.body.text("name")) },
    Route(
      .post, "/v1/sessions/{session}/archive", "archiveSession", "Set an ended session aside", need: .operate,
      body: [], answer: .json(.named("Session"))
    ) { call in try .json(try await call.brain.archive(SessionRequest(session: try call.session().id))) },
    Route(
      .get, "/v1/sessions/{session}/verdict", "getVerdict", "Whether a session can be resumed, and why not",
      need: .look, answer: .json(.named("Verdict"))
    ) { call in
      let items = try await call.brain.check(CheckRequest(sessions: [try call.session().id]))
      return try .json(items.first?.verdict ?? .unknownSession)
    },
  ]

  static let tiedTo = Field(
    "tiedTo", .whole(1...4_194_304), "a process whose end is a deliberate shutdown for it, such as your own")
  static let terminal = Field(
    "terminal",
    .object([
      Field("columns", .whole(1...1000), required: true, "its width"),
      Field("rows", .whole(1...1000), required: true, "its height"),
    ]), "in a terminal of that size; without one it is headless")

  private static let creation: [Field] = [
    Field("directory", .path, required: true, "where it works, or the repository its worktree is made of"),
    Field("name", .sessionName, "its name; left out, the directory's with a number where that is taken"),
    Field("prompt", .text(least: 1, most: longestPrompt), "what the agent is to do"),
    Field("model", .line(most: 200), "the model to use"),
    Field("permissionMode", .choice(Coordinator.permissionModes), "what the agent may do unasked"),
    Field("maxTurns", .whole(1...100_000), "end a turn after so many steps of the agent"),
    Field("env", .variables, "variables for the agent, beside those the daemon was started with"),
    Field("owner", .line(most: 200), "whose it is"),
    Field("tags", .lines(count: 0...32, length: 0...64), "what it can be found by"),
    Field("persist", .flag, "whether it goes on through a deliberate shutdown"),
    tiedTo, terminal,
    Field("worktree", .flag, "whether it gets a branch and a worktree of its own; else it works in its directory"),
    Field("component", .line(most: 200), "the part of the repository it works on"),
    Field("kind", .choice(Place.Kind.allCases.map(\.rawValue)), "it names the branch"),
    Field("base", .line(most: 200), "where the branch begins"),
    Field("on", .line(most: 200), "a branch that is there already"),
    Field("profile", .line(most: 200), "a named set of variables"),
    Field("template", .line(most: 200), "a named set of these options"),
  ]

  @LoopActor
  private static func create(_ call: Call) async throws -> HTTPReply {
    var wish = SessionWish(directory: call.body.text("directory") ?? "/")
    wish.name = call.body.text("name")
    wish.prompt = call.body.text("prompt")
    wish.model = call.body.text("model")
    wish.permissionMode = call.body.text("permissionMode")
    wish.maxTurns = call.body.whole("maxTurns")
    wish.variables = call.body.variables("env")
    wish.owner = call.grant.owner ?? call.body.text("owner")
    wish.tags = call.body.lines("tags")
    wish.persists = call.body["persist"]?.bool
    wish.tiedTo = call.body.whole("tiedTo")
    wish.terminal = size(call)
    if let owner = call.grant.owner, let asked = call.body.text("owner"), asked != owner {
      throw Failure(.accessRefused, "with that token sessions are \(owner)'s", hint: "leave owner out")
    }
    let placing = ["component", "kind", "base", "on", "profile", "template"].filter { call.body[$0] != nil }
    if call.body.flag("worktree") {
      var place = PlaceWish(date: "")
      place.component = call.body.text("component")
      place.kind = call.body.text("kind").flatMap(Place.Kind.init(rawValue:))
      (place.base, place.on) = (call.body.text("base"), call.body.text("on"))
      (place.profile, place.template) = (call.body.text("profile"), call.body.text("template"))
      wish.place = place
    } else if let field = placing.first {
      throw Failure(.usage, "\(field) is for sessions with a worktree", hint: "say \"worktree\": true")
    }
    let waits = call.query.text("wait") ?? "kept"
    if waits == "idle", wish.prompt == nil, wish.place?.template == nil {
      throw Failure(
        .usage, "without a prompt there is no turn to wait for", hint: "say what to do in prompt")
    }
    wish.creation = try key(call)
    var request = try call.brain.compose(wish)
    request.isEarly = waits == "kept"
    request.wait = waits == "idle"
    guard let creation = wish.creation else {
      return created(try await call.brain.new(request, call.caller), status: 201)
    }
    // Asked twice at a time, both hear of the one that is made.
    if let made = try call.brain.made(under: creation) {
      return created(try await call.brain.object(made.id), status: 200)
    }
    let (making, isFirst) = call.door.making(creation.key) { [request] in
      try await call.brain.new(request, Caller.nobody())
    }
    let object = try await making.value.get()
    // The other may have asked something else under the same key.
    if !isFirst, let made = try call.brain.made(under: creation) {
      return created(try await call.brain.object(made.id), status: 200)
    }
    return created(object, status: 201)
  }

  private static func created(_ object: SessionObject, status: Int) -> HTTPReply {
    let bytes = (try? JSONText.encode(object)) ?? []
    return .json(bytes, status: status, headers: [("Location", "/v1/sessions/\(object.id)")])
  }

  /// What `Idempotency-Key` makes of the request: the key is the token's own, and stands for this very body.
  @LoopActor
  private static func key(_ call: Call) throws(Failure) -> Session.Creation? {
    guard let text = call.head.value("idempotency-key") else { return nil }
    guard (1...255).contains(text.utf8.count), text.utf8.allSatisfy(isOfKey) else {
      throw Failure(
        .requestMalformed, "an Idempotency-Key is 1 to 255 of A-Z a-z 0-9 . _ -", hint: "a UUID will do")
    }
    let body = String(decoding: call.bytes, as: UTF8.self)
    return Session.Creation(key: "\(call.token ?? "")/\(text)", digest: Digest.sha256(body))
  }

  static let keyPattern = "^[A-Za-z0-9._-]{1,255}$"

  private static func isOfKey(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "._-".utf8.contains(byte)
  }

  @LoopActor
  static func size(_ call: Call) -> TerminalWish? {
    call.body.object("terminal").map { size in
      TerminalWish(rows: Int(size["rows"]?.integer ?? 24), columns: Int(size["columns"]?.integer ?? 80), settings: [])
    }
  }

  @LoopActor
  private static func resume(_ call: Call, as fork: String?) async throws -> HTTPReply {
    let request = ResumeRequest(
      session: try call.session().id, text: call.body.text("text"), fork: fork, directory: call.body.text("directory"),
      wait: call.body.flag("wait"), terminal: size(call),
      tiedTo: try call.body.whole("tiedTo").map { try call.brain.mark(toTie: $0) })
    return try .json(try await call.brain.resume(request, call.caller), status: fork == nil ? 200 : 201)
  }

  @LoopActor
  private static func list(_ call: Call) async throws -> HTTPReply {
    let asked = call.query.text("owner")
    if let owner = call.grant.owner, let asked, asked != owner { return try .json([SessionObject]()) }
    var objects = try await call.brain.list(
      ListRequest(
        all: call.query.flag("all") || call.query.text("state") == SessionState.archived.rawValue,
        resumable: call.query.flag("resumable"), owner: call.grant.owner ?? asked, tag: call.query.text("tag"),
        limit: nil))
    objects.removeAll { $0.source != "apus" }
    objects.sort { ($0.lastActive, $0.id) > ($1.lastActive, $1.id) }
    if let state = call.query.text("state") { objects.removeAll { $0.state.rawValue != state } }
    if let cursor = call.query.text("cursor").flatMap(Cursor.init) { objects.removeAll { !cursor.isBefore($0) } }
    guard let limit = call.query.whole("limit"), objects.count > limit else { return try .json(objects) }
    let page = Array(objects.prefix(limit))
    var next = call.head.query.filter { $0.name != "cursor" }.map { "\($0.name)=\($0.value)" }
    if let last = page.last { next.append("cursor=\(Cursor(last).text)") }
    return try .json(page, headers: [("Link", "</v1/sessions?\(next.joined(separator: "&"))>; rel=\"next\"")])
  }

  /// Up to where a list was read: by what it is sorted by, so that what is made or gone meanwhile shifts nothing.
  struct Cursor {
    var lastActive: String
    var id: String

    init(_ object: SessionObject) { (lastActive, id) = (object.lastActive, object.id) }

    static let pattern = "^[0-9TZ:.-]{20,30}~[0-9a-f]{4,16}$"

    init?(_ text: String) {
      let parts = text.split(separator: "~", omittingEmptySubsequences: false)
      guard parts.count == 2, ShortID.isWellFormed(String(parts[1])), (20...30).contains(parts[0].utf8.count),
        parts[0].utf8.allSatisfy({ (48...57).contains($0) || "TZ:.-".utf8.contains($0) })
      else { return nil }
      (lastActive, id) = (String(parts[0]), String(parts[1]))
    }

    var text: String { Escapes.write("\(lastActive)~\(id)") }

    func isBefore(_ object: SessionObject) -> Bool { (object.lastActive, object.id) < (lastActive, id) }
  }
}
