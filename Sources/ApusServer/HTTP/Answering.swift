import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

// From a request that was let in to its answer.

extension HTTPDoor {
  func answer(_ exchange: Exchange) async -> HTTPReply {
    guard let (route, names) = RouteTable.find(exchange.head) else {
      return RouteTable.missing(exchange.head) ?? .problem(Failure(.routeUnknown, "there is nothing there"))
    }
    do { return await Packing.pack(try await perform(route, names, exchange), for: exchange.head) } catch {
      let failure = error as? Failure ?? Failure(.internalError, "\(error)", hint: "`apus logs --daemon` says more")
      if HTTPStatus.of(failure.code) == 500 {
        log.error("\(route.name) failed: \(failure.code.rawValue): \(failure.summary)")
      }
      return hidden(.problem(failure), for: exchange.grant)
    }
  }

  private func perform(_ route: Route, _ names: [String: String], _ exchange: Exchange) async throws -> HTTPReply {
    let grant = exchange.grant
    // Of a session's own token it depends on the session, which is looked up first.
    if !route.parts.contains("{session}") || !grant.isOfSession, !grant.mayAsk(route.need) {
      throw Call.forbidden(grant)
    }
    log.debug("request \(route.name)")
    let query = try Fields(query: exchange.head.query, route.query)
    let bytes = exchange.body
    let body = try route.body.map { try Fields(body: bytes, $0) } ?? Fields.none
    let caller = Caller(deliver: { _ in }, drained: {})
    exchange.whenOver { caller.leave() }
    let call = Call(
      route: route, head: exchange.head, grant: grant, token: exchange.token, names: names, query: query, body: body,
      bytes: bytes, brain: coordinator, door: self, caller: caller, exchange: exchange)
    let reply = try await route.perform(call)
    return route.tellsSecrets ? reply : hidden(reply, for: grant)
  }

  private func hidden(_ reply: HTTPReply, for grant: AccessGrant) -> HTTPReply {
    guard !grant.seesSecrets, case .bytes(let bytes) = reply.body else { return reply }
    var reply = reply
    reply.body = .bytes(Secrets.hidden(in: bytes))
    return reply
  }
}

extension AccessGrant {
  var isOfSession: Bool { if case .session = scope { true } else { false } }

  /// Whether there is anything of that kind for it at all.
  func mayAsk(_ need: Need) -> Bool {
    if case .session(let id) = scope { return allows(need, session: id) }
    return allows(need)
  }
}
