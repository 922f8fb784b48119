import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// Locks, claims and messages: in the name of a session, or of the program that asks.
enum TogetherRoutes {
  private static let session = Field("session", .line(most: 64), "in whose name; a session's token says that itself")
  private static let directory = Field("directory", .path, "the repository it is about; left out, it is everywhere")
  private static let ticket = Field("ticket", .line(most: 64), "as acquiring answered it")
  private static let lock = Schema.named("Lock")

  static let all: [Route] = [
    Route(
      .get, "/v1/locks", "listLocks", "Named locks: who has them, who waits", need: .look,
      query: [session, directory, Field("all", .flag, "of every repository")], answer: .json(.list(lock))
    ) { call in
      var request = LocksRequest(asker: try lookingAsker(call))
      request.all = call.query.flag("all") || request.asker.isEverywhere
      return try .json(try call.brain.locks(request))
    },
    Route(
      .post, "/v1/locks/{lock}/acquire", "acquireLock", "Take a lock, or wait for it", need: .together,
      body: [
        session, directory, ticket, Field("note", .line(most: 500), "why"),
        Field("waitSeconds", .number(0...86_400), "how long to wait at most; left out, not at all"),
        Field("leaseSeconds", .number(1...604_800), "after how long without a renewal it is stale"),
      ], answer: .json(.named("LockReply"))
    ) { call in
      var request = LockRequest(
        asker: try asker(call), names: [call.names["lock"] ?? ""],
        ticket: call.body.text("ticket") ?? Digest.hexadecimal(Digest.random(8) ?? []))
      request.note = call.body.text("note")
      request.waitSeconds = call.body.number("waitSeconds")
      request.leaseSeconds = call.body.number("leaseSeconds")
      return try .json(try await call.brain.lock(request, call.caller))
    },
    held("release", "releaseLock", "Give a lock back", .release),
    held(
      "renew", "renewLock", "Say that its holder still needs it", .renew,
      [Field("seconds", .number(1...604_800), "for how long")]),
    held("verify", "verifyLock", "Ask whether the right of that token still stands", .verify),
    held(
      "break", "breakLock", "Take a lock from its holder", .shatter, need: .operate,
      [Field("reason", .line(most: 500), required: true, "why; its holder is told")]),
    Route(
      .get, "/v1/claims", "listClaims", "Which files sessions are editing; without session and directory everywhere",
      need: .look, query: [session, directory],
      answer: .json(.list(.named("Claim")))
    ) { call in
      let all = try await call.brain.claims(ClaimRequest(asker: try lookingAsker(call), act: .list, paths: []))
      return try .json(all.filter { call.grant.sees(owner: call.brain.owner(of: $0.id)) })
    },
    claims("/v1/claims", "addClaims", "Claim paths before editing them", .add),
    claims("/v1/claims/release", "releaseClaims", "Let go of claims", .release),
    claims("/v1/claims/check", "checkClaims", "Ask who has a claim that stands against editing these paths", .check),
    Route(
      .post, "/v1/messages", "tell", "Tell a session, or all of a repository, something", need: .together,
      body: [
        session, directory, Field("to", .line(most: 64), required: true, "a session, or all"),
        Field("text", .text(least: 1, most: 10_000), required: true, "what it is to read"),
      ],
      answer: .json(.object(["told": .list(.text)]))
    ) { call in
      let request = TellRequest(
        asker: try asker(call), to: call.body.text("to") ?? "", text: call.body.text("text") ?? "")
      return try .json(try call.brain.tell(request))
    },
    Route(
      .get, "/v1/sessions/{session}/messages", "readMessages", "What a session is to be told", need: .content,
      query: [Field("all", .flag, "also what it was told before")], answer: .json(.list(.named("Notice")))
    ) { call in
      var asker = Asker(directory: "/")
      asker.session = try call.session().id
      return try .json(try call.brain.inbox(InboxRequest(asker: asker, all: call.query.flag("all"), reads: false)))
    },
  ]

  private static func held(
    _ verb: String, _ name: String, _ summary: String, _ act: HeldLockRequest.Act,
    need: AccessGrant.Need = .together, _ more: [Field] = []
  ) -> Route {
    Route(
      .post, "/v1/locks/{lock}/\(verb)", name, summary, need: need,
      body: [
        session, directory, ticket, Field("token", .whole(0...Int(Int64.max >> 1)), "the fencing token of the right"),
      ]
        + more, answer: .json(lock)
    ) { call in
      var request = HeldLockRequest(asker: try asker(call), act: act, name: call.names["lock"] ?? "")
      request.token = call.body.whole("token").map(Int64.init)
      request.ticket = call.body.text("ticket")
      request.seconds = call.body.number("seconds")
      request.reason = call.body.text("reason")
      return try .json(try call.brain.heldLock(request))
    }
  }

  private static func claims(_ path: String, _ name: String, _ summary: String, _ act: ClaimRequest.Act) -> Route {
    Route(
      .post, path, name, summary, need: .together,
      body: [
        session, directory,
        Field("paths", .lines(count: 1...200, length: 1...1024), required: true, "paths or patterns"),
        Field("shared", .flag, "others may claim them as well"),
      ], answer: .json(.list(.named("Claim")))
    ) { call in
      var request = ClaimRequest(asker: try asker(call), act: act, paths: call.body.lines("paths"))
      request.isShared = call.body.flag("shared")
      return try .json(try await call.brain.claims(request))
    }
  }

  @LoopActor
  private static func asker(_ call: Call) throws(Failure) -> Asker {
    var asker = try call.asker(session: call.body.text("session"), directory: call.body.text("directory"))
    // What one token's program holds is no other's.
    if asker.session == nil {
      let id = call.token ?? "person"
      asker.program = LockOwner(id: "api:\(id)", name: "a program (\(id))", isSession: false)
    }
    return asker
  }

  @LoopActor
  static func lookingAsker(_ call: Call) throws(Failure) -> Asker {
    try call.asker(session: call.query.text("session"), directory: call.query.text("directory"))
  }
}
