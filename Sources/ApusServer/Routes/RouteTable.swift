import ApusCore

/// Everything that can be asked over HTTP.
enum RouteTable {
  static let all: [Route] =
    SessionRoutes.all + ContentRoutes.all + EventRoutes.all + TerminalRoutes.all + WebhookRoutes.all + PageRoutes.all
    + TogetherRoutes.all + PlaceRoutes.all + CareRoutes.all

  /// The route that is asked for, and what stands where its path has braces.
  static func find(_ head: RequestHead) -> (route: Route, names: [String: String])? {
    guard let parts = head.parts else { return nil }
    let method = head.method == "HEAD" ? "GET" : head.method
    for route in all where route.method.rawValue == method {
      if let names = route.match(parts) { return (route, names) }
    }
    return nil
  }

  /// What is answered where nothing can be asked so; nil where it can.
  static func missing(_ head: RequestHead) -> HTTPReply? {
    if find(head) != nil { return nil }
    let here = head.parts.map { parts in all.filter { $0.match(parts) != nil } } ?? []
    guard !here.isEmpty else {
      return .problem(
        Failure(
          .routeUnknown, "there is nothing at \(SessionName.excerpt(head.target))",
          hint: "`GET /v1/openapi.json` says what there is"))
    }
    let allowed = here.map(\.method.rawValue).sorted().joined(separator: ", ")
    var reply = HTTPReply.problem(
      Failure(
        .routeUnknown, "\(SessionName.excerpt(head.method)) is nothing that can be done here", hint: "use \(allowed)"),
      status: 405)
    reply.headers.append(("Allow", allowed))
    return reply
  }
}
