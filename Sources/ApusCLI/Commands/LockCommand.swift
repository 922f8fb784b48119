import ApusCore
import ApusLink
import ApusWire
import CSystem
import Glibc

struct LockCommand: Command {
  static let about = About(
    name: "lock", group: .together, summary: "names only one may have at a time",
    example: "apus lock run docker --note \"api\" -- docker compose up -d",
    more:
      "`lock run NAME -- CMD` has the lock for as long as CMD and all it started live, and gives CMD's exit code; the "
      + "token is in $APUS_LOCK_TOKEN. `lock acquire A [B …]` takes one or several, all or none: a session keeps them "
      + "until it gives them back or ends, anybody else until --ttl runs out. `lock verify NAME TOKEN` says whether that "
      + "right still holds. Locks belong to the repository; --global ones to all of this home. Held and not to be waited "
      + "for: exit 4; waited for in vain: 124.")

  @Operands(
    "ACT NAME …", help: "run, acquire, release, renew, verify, break, list, show or history, then names", least: 1,
    choices: ["run", "acquire", "release", "renew", "verify", "break", "list", "show", "history"]) var words
  @Option("--note", value: "TEXT", help: "why, for everybody who waits") var note: String?
  @Option("--wait", value: "TIME", help: "how long to wait (30m; 90s, 2h)", parse: DurationText.seconds) var wait:
    Double?
  @Flag("--try", help: "do not wait") var isTry
  @Option("--ttl", value: "TIME", help: "how long a holder may be silent (300s)", parse: DurationText.seconds)
  var ttl: Double?
  @Option("--verify", value: "CMD", help: "run: keep it until this command succeeds") var verify: String?
  @Option("--verify-for", value: "TIME", help: "run: how long to try that (10m)", parse: DurationText.seconds)
  var verifyFor: Double?
  @Option("--on-death", value: "WHAT", help: "release, delay:15s, probe:CMD or hold, when the holder dies")
  var onDeath: String?
  @Option("--reason", value: "TEXT", help: "break: why") var reason: String?
  @Option("--session", value: "NAME", help: "ask for that session") var session: String?
  @Option("--limit", value: "N", help: "history: how many (50)", atLeast: 1) var limit: Int?
  @Flag("--global", help: "a lock of the whole home, not of this repository") var isGlobal
  @Flag("--all", help: "list, history: those of every repository") var all
  @Flag("--no-reentrant", help: "wait also where the session has it already") var isNotReentrant
  @Flag("--later", help: "acquire: answer at once; the session is told when it has it") var isLater

  func run(_ context: Context) throws(Failure) -> Int32 {
    let names = Array(words.dropFirst())
    switch words[0] {
    case "run":
      guard names.count >= 2 else { throw Usage.wrong("lock", "run takes a name, and a command behind --") }
      return try LockRun(try request([names[0]], context), command: Array(names.dropFirst()), self, context).perform()
    case "acquire":
      guard !names.isEmpty else { throw Usage.wrong("lock", "acquire takes one or several names") }
      return try acquire(try request(names, context), context)
    case "release":
      guard !names.isEmpty else { throw Usage.wrong("lock", "release takes names, or one name and its token") }
      return try release(names, context)
    case "renew": return try show(.renew, names, tokenIsNeeded: false, context)
    case "verify": return try show(.verify, names, tokenIsNeeded: true, context)
    case "break":
      guard let reason, !reason.isEmpty else {
        throw Failure(.usage, "breaking a lock needs a reason", hint: "`apus lock break NAME --reason WHY`: it is kept")
      }
      return try show(.shatter, names, tokenIsNeeded: false, context)
    case "list":
      guard names.isEmpty else { throw Usage.wrong("lock", "list takes no name; `show NAME` does") }
      return try LockOutput.list(try context.raw(.locks, locks(nil, context)), context)
    case "show":
      guard names.count == 1 else { throw Usage.wrong("lock", "show takes one name") }
      return try LockOutput.show(try context.raw(.locks, locks(names[0], context)), context)
    case "history":
      guard names.count <= 1 else { throw Usage.wrong("lock", "history takes one name or none") }
      return try LockOutput.history(try context.raw(.lockStories, locks(names.first, context)), context)
    default:
      throw Usage.wrong(
        "lock",
        "there is no \"\(SessionName.excerpt(words[0]))\": run, acquire, release, renew, verify, "
          + "break, list, show or history")
    }
  }

  private func request(_ names: [String], _ context: Context) throws(Failure) -> LockRequest {
    var asker = context.asker(session: session)
    asker.isEverywhere = isGlobal
    asker.process = words[0] == "run" ? Processes.mark(of: getpid()) : nil
    var request = LockRequest(asker: asker, names: names, ticket: Ticket.make())
    request.note = note
    request.waitSeconds = isTry ? nil : wait ?? Self.usualWait
    request.leaseSeconds = ttl
    request.onDeath = onDeath
    request.isReentrant = !isNotReentrant
    request.isOfProcess = words[0] == "run"
    request.isLater = isLater
    guard !(isTry && wait != nil) else {
      throw Usage.wrong("lock", "--try does not wait; leave out one of --try and --wait")
    }
    return request
  }

  static let usualWait: Double = 1800

  private func locks(_ name: String?, _ context: Context) -> LocksRequest {
    var request = LocksRequest(asker: context.asker(session: session), name: name)
    request.asker.isEverywhere = isGlobal
    request.all = all
    request.limit = limit
    return request
  }

  private func acquire(_ request: LockRequest, _ context: Context) throws(Failure) -> Int32 {
    let bytes = try LockAsking.ask(request, context)
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    let reply: LockReply = try context.decode(bytes)
    if !reply.granted {
      let place = reply.place.map(LockWords.place) ?? "waiting"
      context.output.write(
        "\(reply.waitsFor ?? "it") is held by \(reply.holder?.name ?? "another"); you are \(place) and will be told\n")
      return 0
    }
    for name in reply.names {
      context.output.write("\(name)  token \(reply.tokens[name].map { String($0) } ?? "–")\n")
    }
    if !reply.owner.isSession, context.output.isTerminal {
      context.output.note(
        "kept for \(DurationText.text(ttl ?? LockTicket.usualLease)) unless renewed: `apus lock renew NAME TOKEN`; "
          + "give it back: `apus lock release NAME TOKEN`")
    }
    return 0
  }

  private func held(_ act: HeldLockRequest.Act, _ name: String, _ token: Int64?, _ context: Context) -> HeldLockRequest
  {
    var request = HeldLockRequest(asker: context.asker(session: session), act: act, name: name)
    request.asker.isEverywhere = isGlobal
    request.token = token
    request.seconds = ttl
    request.reason = reason
    return request
  }

  /// `release A B`, `release A TOKEN`; a token may also stand in the environment.
  private func release(_ words: [String], _ context: Context) throws(Failure) -> Int32 {
    var names = words
    var token: Int64?
    if words.count == 2, let number = Int64(words[1]) {
      names = [words[0]]
      token = number
    } else if words.count == 1, session == nil {
      token = Self.inherited(words[0], context)
    }
    var objects: [LockObject] = []
    for name in names { objects.append(try context.ask(.heldLock, held(.release, name, token, context))) }
    if context.isJSON {
      context.output.json(objects)
    } else {
      for object in objects { context.output.write("\(object.name) released\n") }
    }
    return 0
  }

  /// The token of the `lock run` around us, where it is for that lock.
  private static func inherited(_ name: String, _ context: Context) -> Int64? {
    guard context.environment[LockVariable.name] == name else { return nil }
    return context.environment[LockVariable.token].flatMap { Int64($0) }
  }

  private func show(
    _ act: HeldLockRequest.Act, _ words: [String], tokenIsNeeded: Bool, _ context: Context
  ) throws(Failure) -> Int32 {
    guard let name = words.first, words.count <= 2, act != .shatter || words.count == 1 else {
      throw Usage.wrong("lock", "\(act.rawValue) takes a name\(act == .shatter ? "" : " and its token")")
    }
    var token = Self.inherited(name, context)
    if words.count == 2 {
      guard let number = Int64(words[1]) else {
        throw Usage.wrong("lock", "a token is a number, as acquire printed it")
      }
      token = number
    }
    if tokenIsNeeded, token == nil { throw Usage.wrong("lock", "\(act.rawValue) takes a name and its token") }
    let bytes = try context.raw(.heldLock, held(act, name, act == .shatter ? nil : token, context))
    if context.isJSON {
      context.output.line(bytes)
      return 0
    }
    switch act {
    case .renew: context.output.write("\(name) renewed\n")
    case .verify: context.output.write("\(name): the token is the holder's\n")
    case .shatter: context.output.write("\(name) broken\n")
    case .release, .leave: break
    }
    return 0
  }
}

/// Names for wishes, that are known again.
enum Ticket {
  static func make() -> String {
    (0..<16).map { _ in String(UInt8.random(in: 0...255), radix: 16) }.map { $0.count == 1 ? "0" + $0 : $0 }.joined()
  }
}
