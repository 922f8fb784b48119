import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire
import CSystem
import Glibc

/// The door for programs that speak HTTP: listens where it is asked to, and performs routes. Nothing of what a request
/// means is decided here: routes are verbs of the coordinator.
@LoopActor
package final class HTTPDoor {
  let coordinator: Coordinator
  let log: Log
  private(set) lazy var feed = Feed(coordinator)
  private(set) lazy var webhooks = Webhooks(coordinator, feed, log)
  let serverLogs = ServerLogs()
  /// What the page is made of; nil where it is not installed.
  private lazy var page = PageFiles.installed()
  var signIns = SignIns()
  private(set) var listeners: [String: Open] = [:]
  private(set) var tokens: [String: AccessToken] = [:]

  struct Open {
    var request: ListenRequest
    var object: ListenerObject
    var listener: Listener?
  }

  package init(coordinator: Coordinator, log: Log) {
    self.coordinator = coordinator
    self.log = log
  }

  /// Listens where it did before, and where the person's settings say. What cannot be served is said in the log and by
  /// `apus serve`; the daemon goes on without it.
  package func begin(_ settings: Settings) {
    do {
      for token in try coordinator.loadTokens() { tokens[token.id] = token }
      for request in try coordinator.loadListens() { reopen(request) }
      try webhooks.begin()
    } catch { log.error("what is kept of the HTTP door cannot be read: \(error)") }
    for address in settings[.listen].split(separator: ",").map({ $0.trimmingBlanks }) where !address.isEmpty {
      if listeners.values.contains(where: { $0.request.address == address || $0.object.address == address }) {
        continue
      }
      reopen(ListenRequest(act: .open, address: address))
    }
  }

  private func reopen(_ request: ListenRequest) {
    do throws(Failure) { _ = try open(request) } catch {
      log.error("not listening at \(request.address ?? ""): \(error.summary)")
      let address = request.address ?? ""
      listeners[address] = Open(
        request: request,
        object: ListenerObject(
          address: address, url: "", tls: request.certificate != nil, names: request.names, problem: error))
    }
  }

  // MARK: verbs

  package func listen(_ request: ListenRequest) async throws -> [ListenerObject] {
    switch request.act {
    case .open:
      let object = try open(request)
      var kept = request
      kept.address = object.address
      try coordinator.keep(kept, at: object.address)
      return [object]
    case .close:
      let all = listeners.keys.sorted()
      let chosen =
        request.address.map { asked in all.filter { $0 == asked || listeners[$0]?.object.url == asked } } ?? all
      guard !chosen.isEmpty || request.address == nil else {
        throw Failure(
          .usage, "nothing listens at \(SessionName.excerpt(request.address ?? ""))",
          hint: "`apus serve` without --listen shows where")
      }
      var closed: [ListenerObject] = []
      for address in chosen {
        guard let open = listeners.removeValue(forKey: address) else { continue }
        try coordinator.forgetListen(address)
        await open.listener?.close()
        if case .unix(let path)? = open.listener?.address.place { unlink(path) }
        log.info("no longer listening at \(address)")
        closed.append(open.object)
      }
      return closed
    case .list: return listeners.values.map(\.object).sorted { $0.address < $1.address }
    }
  }

  package func tokens(_ request: TokensRequest) throws -> [TokenObject] {
    switch request.act {
    case .create: return [try createToken(request)]
    case .list: return tokens.values.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.map { object($0) }
    case .revoke:
      guard let id = request.id, let token = tokens[id] else {
        throw Failure(
          .tokenNotFound, "there is no token \(SessionName.excerpt(request.id ?? ""))",
          hint: "`apus token list` shows them")
      }
      try revoke(id)
      return [object(token)]
    }
  }

  func revoke(_ id: String) throws {
    try coordinator.forgetToken(id)
    tokens[id] = nil
    tellGates()
    leave(token: id)
  }

  private func createToken(_ request: TokensRequest) throws -> TokenObject {
    let asked = request.scope ?? "read"
    guard var scope = AccessGrant.Scope(asked) else {
      throw Failure(
        .usage, "\"\(SessionName.excerpt(asked))\" is no scope", hint: "one of read, operate, session:NAME")
    }
    if case .session(let name) = scope { scope = .session(try coordinator.require(name).id) }
    let (token, text) = try mint(AccessGrant(scope: scope, owner: request.owner, seesSecrets: request.seesSecrets))
    return object(token, text: text)
  }

  /// A new token, kept, and what is to be shown for it. `pageKey`: what its page shows beside it.
  func mint(_ grant: AccessGrant, pageKey: String? = nil) throws -> (AccessToken, text: String) {
    guard let secret = Digest.random(32), let number = Digest.random(4) else {
      throw Failure(.internalError, "the machine has no random numbers", hint: "`apus doctor` may say more")
    }
    let id = Digest.hexadecimal(number)
    guard tokens[id] == nil else { return try mint(grant, pageKey: pageKey) }
    let text = "apus_\(id)_\(Digest.base64(secret, forAddresses: true))"
    let token = AccessToken(
      id: id, digest: Digest.sha256(text), grant: grant, createdAt: apus_wall_seconds(),
      pageKey: pageKey.map(Digest.sha256))
    try coordinator.keep(token)
    tokens[id] = token
    tellGates()
    return (token, text)
  }

  private func object(_ token: AccessToken, text: String? = nil) -> TokenObject {
    var scope = token.grant.scope.text
    if case .session(let id) = token.grant.scope, let name = coordinator.name(of: id) { scope = "session:\(name)" }
    return TokenObject(token, scope: scope, text: text)
  }

  private func tellGates() {
    for open in listeners.values { open.listener?.change { $0.tokens = tokens } }
  }

  // MARK: what is asked twice

  private var inTheMaking: [String: Task<Result<SessionObject, Failure>, Never>] = [:]

  /// One making for all who ask for it at a time.
  func making(
    _ key: String, _ make: @escaping @LoopActor () async throws -> SessionObject
  ) -> (Task<Result<SessionObject, Failure>, Never>, isFirst: Bool) {
    if let known = inTheMaking[key] { return (known, false) }
    let task = LoopActor.begin { [self] () -> Result<SessionObject, Failure> in
      defer { inTheMaking[key] = nil }
      do { return .success(try await make()) } catch {
        return .failure(error as? Failure ?? Failure(.internalError, "\(error)"))
      }
    }
    inTheMaking[key] = task
    return (task, true)
  }

  // MARK: streams and tokens

  /// What goes on in the name of a token ends with it.
  private var standing: [String: [UInt64: @LoopActor () -> Void]] = [:]
  private var nextStanding: UInt64 = 0

  /// `end` is called when the token is revoked; the number is for `forget`.
  func stand(by token: String?, _ end: @escaping @LoopActor () -> Void) -> UInt64 {
    nextStanding += 1
    if let token { standing[token, default: [:]][nextStanding] = end }
    return nextStanding
  }

  func forget(_ number: UInt64, token: String?) {
    guard let token else { return }
    standing[token]?[number] = nil
    if standing[token]?.isEmpty == true { standing[token] = nil }
  }

  private func leave(token: String) {
    for end in (standing.removeValue(forKey: token) ?? [:]).values { end() }
  }

  // MARK: listening

  private func open(_ request: ListenRequest) throws(Failure) -> ListenerObject {
    let address = try ListenAddress(request.address ?? "127.0.0.1:0")
    let tls = try TLSFiles.load(request)
    if !address.isLocal { try refuseOpenness(address, request) }
    let socket: Int32
    var gate = Gate()
    gate.tokens = tokens
    gate.page = page
    gate.scheme = tls == nil ? "http" : "https"
    var bound = address
    var url: String
    switch address.place {
    case .unix(let path):
      socket = try ListenSockets.unix(path)
      url = "http://localhost"
    case .tcp(let host, let wanted):
      var port = Int32(wanted)
      if let open = listeners[address.text], open.listener != nil { throw ListenSockets.taken(address) }
      socket = try ListenSockets.tcp(host, &port, address)
      bound.place = .tcp(host: host, port: Int(port))
      url = "\(gate.scheme)://\(ListenSockets.name(request.names, port: Int(port)) ?? bound.text)"
      gate.hosts = ListenSockets.hosts(host, port: Int(port), scheme: gate.scheme, names: request.names)
    }
    let listener = try Listener(bound, socket: socket, gate: gate, tls: tls) { [weak self] exchange in
      await self?.answer(exchange) ?? .problem(Failure(.daemonUnreachable, "the daemon ends"))
    }
    let object = ListenerObject(
      address: bound.text, url: url, tls: tls != nil, names: request.names, problem: nil)
    listeners[address.text] = nil
    listeners[bound.text] = Open(request: request, object: object, listener: listener)
    log.info("listening at \(bound.text)\(tls == nil ? "" : " with TLS")")
    return object
  }

  private func refuseOpenness(_ address: ListenAddress, _ request: ListenRequest) throws(Failure) {
    guard request.certificate != nil, request.key != nil else {
      throw Failure(
        .usage, "\(address.text) can be reached from other machines: that needs TLS",
        hint: "add --tls-cert FILE --tls-key FILE and --name HOST, or listen at 127.0.0.1 and use an SSH tunnel")
    }
    guard !tokens.isEmpty else {
      throw Failure(
        .usage, "\(address.text) can be reached from other machines, and there is no access token",
        hint: "make one first: `apus token create`")
    }
  }

  /// Lets go of all of them; they are listened at again by the next daemon.
  package func end() async {
    for open in listeners.values {
      if case .unix(let path)? = open.listener?.address.place { unlink(path) }
      await open.listener?.close()
    }
  }
}
