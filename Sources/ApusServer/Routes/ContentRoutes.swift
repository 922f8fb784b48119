import ApusCoordinator
import ApusCore
import ApusFrames
import ApusLoop
import ApusTerminal
import ApusWire
import CSystem
import Glibc

/// What sessions said and did: conversations, events, recordings, screens.
enum ContentRoutes {
  static let all: [Route] = [
    Route(
      .get, "/v1/sessions/{session}/transcript", "getTranscript", "The conversation, from its beginning",
      need: .content, answer: .json(.list(.named("Utterance")))
    ) { call in
      let id = try call.session().id
      return list(call) { caller in
        try await call.brain.logs(LogsRequest(session: id, follow: false), caller)
      }
    },
    Route(
      .get, "/v1/sessions/{session}/events", "listEvents", "What happened to a session, from a number on",
      need: .content,
      query: [
        Field("from", .whole(0...Int(Int32.max)), "the first event's number within the session"),
        Field("limit", .whole(1...10_000), "how many at most; usually 1,000"),
      ], answer: .json(.list(.named("Event")))
    ) { call in
      let id = try call.session().id
      let (from, limit) = (call.query.whole("from") ?? 0, call.query.whole("limit") ?? 1000)
      return list(call, limit: limit) { caller in
        try await call.brain.events(EventsRequest(session: id, from: from, follow: false), caller)
      }
    },
    Route(
      .get, "/v1/sessions/{session}/recording", "getRecording",
      "What the agent of a run wrote, byte for byte; `Range: bytes=N-` goes on from there", need: .content,
      query: [Field("run", .whole(1...1_000_000), "usually the latest")],
      answer: .bytes(type: "application/octet-stream"),
      also: [206: "The part that was asked for.", 416: "There is no such part."]
    ) { call in try await recording(call) },
    Route(
      .get, "/v1/sessions/{session}/diff", "getDiff", "What a session changed, committed or not", need: .content,
      answer: .json(.named("Diff"))
    ) { call in try .json(try await call.brain.diff(SessionRequest(session: try call.session().id))) },
    Route(
      .get, "/v1/sessions/{session}/screen", "getScreen", "What a session's terminal shows", need: .content,
      answer: .json(.named("Screen"))
    ) { call in
      let session = try call.session()
      let place = try call.brain.locate(SessionRequest(session: session.id))
      guard place.terminal else {
        throw Failure(
          .sessionNotRunning, "\(place.name) (\(place.id)) runs without a terminal",
          hint: "its conversation is at /v1/sessions/\(place.id)/transcript")
      }
      let shown = await Offload.run {
        RecordedScreen.load(directory: place.directory, until: nil).map { ScreenObject($0.screen) }
      }
      guard let shown else {
        throw Failure(
          .keeperFailed, "the recording of \(place.name) cannot be read", hint: "`apus doctor` says what may be wrong")
      }
      return try .json(shown)
    },
  ]

  /// A list that is written as it is read, so that the longest conversation takes no room here.
  @LoopActor
  private static func list(
    _ call: Call, limit: Int = .max, _ read: @escaping @LoopActor @Sendable (Caller) async throws -> Void
  ) -> HTTPReply {
    let outbox = Outbox()
    let hides = !call.grant.seesSecrets
    var count = 0
    var reader: Caller?
    let caller = Caller(
      deliver: { bytes in
        guard count < limit else { return }
        outbox.put(Array((count == 0 ? "[" : ",").utf8) + (hides ? Secrets.hidden(in: bytes) : bytes))
        count += 1
        if count == limit { reader?.leave() }
      }, drained: { await outbox.room() })
    reader = caller
    outbox.whenLeft { caller.leave() }
    let log = call.door.log
    LoopActor.begin {
      do {
        try await read(caller)
        outbox.put(Array((count == 0 ? "[]" : "]").utf8))
      } catch { log.error("a list was cut off: \(error)") }
      outbox.finish()
    }
    return HTTPReply(status: 200, headers: [("Content-Type", "application/json")], body: .stream(outbox))
  }

  @LoopActor
  private static func recording(_ call: Call) async throws -> HTTPReply {
    let session = try call.session()
    let run = call.query.whole("run") ?? session.run
    guard run <= session.run else {
      throw Failure(
        .sessionNotFound, "\(session.name) has had \(session.run) runs", hint: "leave run out for the latest")
    }
    let range = try call.head.value("range").map(ByteRange.init)
    let directory = call.brain.runDirectory(session: session.id, run: run)
    guard let kept = await Offload.run({ RecordingFiles(directory) }) else {
      throw Failure(
        .sessionNotFound, "run \(run) of \(session.name) has no recording any more",
        hint: "`apus gc` may have let it go")
    }
    guard let range else { return whole(kept) }
    guard range.first >= kept.oldest, range.first < kept.end else {
      var reply = HTTPReply.problem(
        Failure(.requestMalformed, "there is nothing of that: bytes \(kept.oldest) to \(kept.end) are kept"),
        status: 416)
      reply.headers.append(("Content-Range", "bytes */\(kept.end)"))
      return reply
    }
    let wanted = min((range.last ?? .max) - range.first, RecordingFiles.most - 1) + 1
    let bytes = await Offload.run { kept.read(from: range.first, most: wanted) }
    let last = range.first + bytes.count - 1
    return HTTPReply(
      status: 206,
      headers: [
        ("Content-Type", "application/octet-stream"), ("Content-Range", "bytes \(range.first)-\(last)/\(kept.end)"),
      ], body: .bytes(bytes))
  }

  /// As far as it goes now, a piece at a time.
  @LoopActor
  private static func whole(_ kept: RecordingFiles) -> HTTPReply {
    let outbox = Outbox()
    LoopActor.begin {
      var at = kept.oldest
      while at < kept.end, !outbox.isLeft {
        let from = at
        let bytes = await Offload.run { kept.read(from: from, most: min(RecordingFiles.piece, kept.end - from)) }
        guard !bytes.isEmpty else { break }
        at += bytes.count
        outbox.put(bytes)
        await outbox.room()
      }
      outbox.finish()
    }
    return HTTPReply(
      status: 200, headers: [("Content-Type", "application/octet-stream"), ("Accept-Ranges", "bytes")],
      body: .stream(outbox))
  }
}

/// `Range: bytes=10-` or `bytes=10-19`: one range, from a place on.
struct ByteRange {
  var first: Int
  /// Included.
  var last: Int?

  init(_ text: String) throws(Failure) {
    let wrong = Failure(
      .requestMalformed, "\"\(SessionName.excerpt(text))\" is no range that is understood",
      hint: "bytes=FIRST-LAST or bytes=FIRST-")
    guard text.hasPrefix("bytes=") else { throw wrong }
    let parts = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Int(parts[0]), first >= 0 else { throw wrong }
    self.first = first
    guard !parts[1].isEmpty else { return }
    guard let last = Int(parts[1]), last >= first else { throw wrong }
    self.last = last
  }
}

/// What is kept of a run's recording, as it is when it is asked for.
struct RecordingFiles: Sendable {
  /// One answer has no more than this.
  static let most = 4 << 20
  static let piece = 1 << 18

  private let directory: String
  private let starts: [UInt64]
  /// The first offset that is still there.
  var oldest: Int { Int(clamping: starts.first ?? 0) }
  let end: Int

  init?(_ directory: String) {
    self.directory = directory
    starts = RecordedScreen.segments(directory)
    guard !starts.isEmpty else { return nil }
    end = Int(clamping: RecordedScreen.end(directory: directory))
  }

  /// From there, at most so many, and none beyond one file.
  func read(from offset: Int, most: Int) -> [UInt8] {
    guard let start = starts.last(where: { $0 <= offset }) else { return [] }
    let descriptor = apus_open(directory + "/" + RunFile.segment(from: start), O_RDONLY, 0)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: most)
    let got = pread(descriptor, &bytes, bytes.count, off_t(offset) - off_t(start))
    return got > 0 ? Array(bytes.prefix(got)) : []
  }
}
