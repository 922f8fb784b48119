import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// Ports, servers, conflicts, the work log; tokens, the daemon itself.
enum CareRoutes {
  private static let directory = Field("directory", .path, required: true, "a directory of the repository")

  static let all: [Route] = [
    Route(
      .get, "/healthz", "getHealth", "Whether the daemon is there; the one thing everybody may ask", need: .look,
      answer: .empty, isOpen: true
    ) { _ in .empty },
    Route(
      .get, "/v1/openapi.json", "getOpenAPI", "This document", need: .look, answer: .json(.any)
    ) { _ in .json(OpenAPI.document) },
    Route(.get, "/v1/status", "getStatus", "The daemon", need: .look, answer: .json(.named("Status"))) { call in
      try .json(call.brain.status())
    },
    Route(
      .get, "/v1/doctor", "getFindings", "What is wrong, and what mends it", need: .care,
      answer: .json(.list(.named("Finding")))
    ) { call in try .json(try await call.brain.examine()) },
    Route(
      .get, "/v1/ports", "listPorts", "Leased ports and who listens there", need: .look,
      query: [Field("port", .whole(1...65_535), "only that one")], answer: .json(.list(.named("Port")))
    ) { call in try .json(try await call.brain.ports(PortsRequest(port: call.query.whole("port")))) },
    Route(
      .get, "/v1/servers", "listServers", "Development servers", need: .look,
      answer: .json(.list(.named("Server")))
    ) { call in
      try .json(try call.brain.devStatus(DevStatusRequest(asker: Asker(directory: "/"), all: true)))
    },
    Route(
      .get, "/v1/servers/{server}/log", "getServerLog", "What a server wrote last; following, as it comes",
      need: .content, query: [Field("follow", .flag, "go on with what comes")], answer: .bytes(type: "text/plain")
    ) { call in
      let path = try find(call).log
      let outbox = Outbox()
      let (logs, following) = (call.door.serverLogs, call.query.flag("follow"))
      LoopActor.begin { await logs.send(path, into: outbox, following: following) }
      return HTTPReply(
        status: 200, headers: [("Content-Type", "text/plain; charset=utf-8"), ("X-Accel-Buffering", "no")],
        body: .stream(outbox))
    },
    server("reload", "reloadServer", "Load what was changed, now", .reload),
    server(
      "hold", "holdServer", "Keep a server from reloading", .hold,
      [
        Field("note", .line(most: 500), "why"),
        Field("seconds", .number(1...86_400), "for how long; left out, until released"),
      ]),
    server("release", "releaseServer", "Let a server reload again", .release),
    server("stop", "stopServer", "End a server", .stop),
    Route(
      .get, "/v1/conflicts", "listConflicts", "Which sessions would conflict if they were merged", need: .look,
      query: [directory], answer: .json(.named("Conflicts"))
    ) { call in
      try .json(
        try await call.brain.conflicts(
          DirectoryRequest(directory: call.query.text("directory") ?? "/", environment: call.environment)))
    },
    Route(
      .get, "/v1/worklog", "listWorkLog", "Open entries of the work log", need: .look, query: [directory],
      answer: .json(.list(.named("WorkLogEntry")))
    ) { call in
      let request = WorkLogRequest(
        directory: call.query.text("directory") ?? "/", environment: call.environment, session: nil, status: nil)
      return try .json(try await call.brain.workLog(request))
    },
    Route(
      .get, "/v1/tokens", "listTokens", "Access tokens, without what they are", need: .care,
      answer: .json(.list(.named("Token")))
    ) { call in try .json(try call.door.tokens(TokensRequest(act: .list))) },
    Route(
      .post, "/v1/tokens", "createToken", "Make an access token; it is told once", need: .care,
      body: [
        Field("scope", .line(most: 80), "read (usual), operate, or session:NAME"),
        Field("owner", .line(most: 200), "only sessions of that owner are there for it"),
        Field("secrets", .flag, "whether it sees secrets in what sessions said"),
      ], answer: .json(.named("Token"), status: 201), tellsSecrets: true
    ) { call in
      var request = TokensRequest(act: .create)
      request.scope = call.body.text("scope")
      request.owner = call.body.text("owner")
      request.seesSecrets = call.body.flag("secrets")
      if request.seesSecrets, !call.grant.seesSecrets { throw Call.forbidden(call.grant) }
      return try .json(try call.door.tokens(request)[0], status: 201)
    },
    Route(
      .delete, "/v1/tokens/{token}", "revokeToken", "Let nobody in with that token any more", need: .care,
      answer: .empty
    ) { call in
      var request = TokensRequest(act: .revoke)
      request.id = call.names["token"]
      _ = try call.door.tokens(request)
      return .empty
    },
  ]

  private static func server(
    _ verb: String, _ name: String, _ summary: String, _ act: DevActRequest.Act, _ more: [Field] = []
  ) -> Route {
    Route(
      .post, "/v1/servers/{server}/\(verb)", name, summary, need: .operate, body: more,
      answer: .json(.list(.named("Server")))
    ) { call in
      var request = DevActRequest(asker: Asker(directory: "/"), names: [try find(call).id], act: act)
      request.note = call.body.text("note")
      request.seconds = call.body.number("seconds")
      return try .json(try await call.brain.devAct(request, call.caller))
    }
  }

  /// The server the path names, by its id or name.
  @LoopActor
  private static func find(_ call: Call) throws -> DevServerObject {
    let name = call.names["server"] ?? ""
    let known = try call.brain.devStatus(DevStatusRequest(asker: Asker(directory: "/"), all: true))
    guard let server = known.first(where: { $0.id == name }) ?? known.first(where: { $0.name == name }) else {
      throw Failure(
        .serverNotFound, "there is no server \"\(SessionName.excerpt(name))\"", hint: "`GET /v1/servers` lists them")
    }
    return server
  }
}
