import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// What happens, as it happens: server-sent events.
enum EventRoutes {
  static let all: [Route] = [
    Route(
      .get, "/v1/events", "followEvents",
      "Events of all sessions as they come; with Last-Event-ID, from there on, none missed and none twice",
      need: .look,
      query: [
        Field("after", .whole(0...(1 << 53)), "the id of the last event that is known; left out, only new ones"),
        Field("session", .line(most: 64), "only those of that session"),
        Field(
          "type", .line(most: 400), "only those of these types, with commas between; `turn.` takes all that begin so"),
        Field(
          "signals", .flag,
          "also tell, without numbers, what looks different (`changed`) and what agents are saying (`saying`)"),
      ], answer: .events
    ) { call in try follow(call) }
  ]

  @LoopActor
  private static func follow(_ call: Call) throws -> HTTPReply {
    let feed = call.door.feed
    let wanted = try Wanted(call)
    var start = call.query.whole("after").map(Int64.init)
    if let text = call.head.value("last-event-id"), !text.isEmpty {
      guard let number = Int64(text), number >= 0 else {
        throw Failure(
          .requestMalformed, "Last-Event-ID is none of ours", hint: "send the id of the last event, or none")
      }
      start = number
    }
    // Of a future that never was: another store's. Then only what comes can be told.
    let isKnown = start.map { $0 <= feed.last } ?? true
    let position = isKnown ? start ?? feed.last : feed.last
    let outbox = Outbox()
    let hello: JSON = .object(["id": .integer(position), "version": .string(Version.text), "known": .bool(isKnown)])
    outbox.put(
      Array("id: \(position)\nevent: hello\nretry: 1000\ndata: ".utf8) + (try JSONText.encode(hello)) + [10, 10])
    let door = call.door
    let token = call.token
    let standing = door.stand(by: token) { outbox.finish() }
    let brain = call.brain
    let signals =
      call.query.flag("signals")
      ? Signals(name: { brain.name(of: $0) ?? "" }, sees: { wanted.takes(session: $0) }) : nil
    feed.add(outbox, signals)
    outbox.whenLeft {
      feed.remove(outbox)
      door.forget(standing, token: token)
    }
    LoopActor.begin { await send(feed, outbox, signals, from: position, wanted, door.log) }
    return HTTPReply(
      status: 200, headers: [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")], body: .stream(outbox))
  }

  @LoopActor
  private static func send(
    _ feed: Feed, _ outbox: Outbox, _ signals: Signals?, from start: Int64, _ wanted: Wanted, _ log: Log
  ) async {
    var position = start
    while !outbox.isLeft {
      do {
        let items = try feed.items(after: position)
        guard let last = items.last else {
          // What is being said comes after all that was.
          let bytes = try signals?.take() ?? []
          guard !bytes.isEmpty else {
            await feed.next(outbox)
            continue
          }
          outbox.put(wanted.hides ? Secrets.hidden(in: bytes) : bytes)
          await outbox.room()
          continue
        }
        for item in items where wanted.takes(item) { outbox.put(wanted.hides ? item.hidden : item.plain) }
        position = last.number
        await outbox.room()
        // Whoever takes few of many would else keep everybody waiting until it is up to date.
        await Task.yield()
      } catch {
        log.error("events: \(error)")
        return outbox.finish()
      }
    }
  }

  /// Which events one who follows gets.
  @LoopActor
  struct Wanted {
    private let brain: Coordinator
    private let session: String?
    private let owner: String?
    private let types: [Substring]
    let hides: Bool

    init(_ call: Call) throws {
      brain = call.brain
      owner = call.grant.owner
      hides = !call.grant.seesSecrets
      types = (call.query.text("type") ?? "").split(separator: ",")
      var chosen = try call.query.text("session").map { try call.brain.require($0) }
      if let found = chosen, !call.grant.sees(owner: found.owner) { chosen = nil }
      if case .session(let id) = call.grant.scope {
        guard chosen == nil || chosen?.id == id else { throw Call.forbidden(call.grant) }
        session = id
      } else {
        session = chosen?.id
        if session == nil, let name = call.query.text("session") {
          throw Failure(
            .sessionNotFound, "there is no session \"\(SessionName.excerpt(name))\"",
            hint: "`GET /v1/sessions` lists them")
        }
      }
    }

    func takes(session id: String) -> Bool {
      if let session, id != session { return false }
      return owner == nil || brain.owner(of: id) == owner
    }

    func takes(_ item: Feed.Item) -> Bool {
      guard takes(session: item.session) else { return false }
      return types.isEmpty || types.contains { $0.hasSuffix(".") ? item.type.hasPrefix($0) : item.type == $0 }
    }
  }
}
