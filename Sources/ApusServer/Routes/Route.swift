import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire

/// One thing that can be asked over HTTP: how it is asked, by whom, what it takes and answers. Routing, checking and the
/// OpenAPI document all come from here, so none can say what another does not.
struct Route: Sendable {
  enum Method: String, Sendable { case get = "GET", post = "POST", patch = "PATCH", delete = "DELETE" }

  /// What an answer that went well is.
  enum Answer: Sendable {
    case json(Schema, status: Int = 200)
    case empty
    case bytes(type: String)
    case events
    case webSocket
  }

  var method: Method
  /// `/v1/sessions/{session}`; a part in braces takes any text of one part.
  var path: String
  /// For programs: of the whole API no two have the same.
  var name: String
  var summary: String
  var need: AccessGrant.Need
  var query: [Field] = []
  /// Nil: it takes no body.
  var body: [Field]?
  var answer: Answer
  /// Further statuses than those every route may answer with, and when.
  var also: [Int: String] = [:]
  /// Whether what it answers is a secret on purpose.
  var tellsSecrets = false
  /// Whether everybody may ask it, without a token.
  var isOpen = false
  var perform: @LoopActor @Sendable (Call) async throws -> HTTPReply

  let parts: [String]

  init(
    _ method: Method, _ path: String, _ name: String, _ summary: String, need: AccessGrant.Need,
    query: [Field] = [], body: [Field]? = nil, answer: Answer, also: [Int: String] = [:], tellsSecrets: Bool = false,
    isOpen: Bool = false,
    perform: @escaping @LoopActor @Sendable (Call) async throws -> HTTPReply
  ) {
    self.method = method
    self.path = path
    self.name = name
    self.summary = summary
    self.need = need
    self.query = query
    self.body = body
    self.answer = answer
    self.also = also
    self.tellsSecrets = tellsSecrets
    self.isOpen = isOpen
    self.perform = perform
    parts = path.split(separator: "/").map(String.init)
  }

  /// The texts that stand where the path has braces; nil where the path is another's.
  func match(_ asked: [String]) -> [String: String]? {
    guard asked.count == parts.count else { return nil }
    var found: [String: String] = [:]
    for (part, text) in zip(parts, asked) {
      if part.hasPrefix("{") {
        guard !text.isEmpty else { return nil }
        found[String(part.dropFirst().dropLast())] = text
      } else if part != text {
        return nil
      }
    }
    return found
  }

  var parameters: [String] { parts.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) } }
}

/// One request on its way through a route.
@LoopActor
struct Call {
  let route: Route
  let head: RequestHead
  let grant: AccessGrant
  /// The id of the token that was shown.
  let token: String?
  let names: [String: String]
  let query: Fields
  let body: Fields
  /// The body as it came.
  let bytes: [UInt8]
  let brain: Coordinator
  let door: HTTPDoor
  let caller: Caller
  let exchange: Exchange

  /// The session the path names. Whoever may see none of that owner's sessions learns of none.
  func session() throws(Failure) -> Session { try seen(names["session"] ?? "") }

  /// The session of that name, under the same terms.
  func seen(_ text: String) throws(Failure) -> Session {
    let session = try brain.require(text)
    guard grant.sees(owner: session.owner) else {
      throw Failure(
        .sessionNotFound, "there is no session \"\(SessionName.excerpt(text))\"", hint: "`GET /v1/sessions` lists them")
    }
    guard grant.allows(route.need, session: session.id) else { throw Self.forbidden(grant) }
    return session
  }

  static func forbidden(_ grant: AccessGrant) -> Failure {
    Failure(
      .accessRefused, "a token of scope \(grant.scope.text) may not do that",
      hint: "`apus token create --scope operate` makes one that may")
  }

  /// In whose name locks, claims and messages are asked for: the token's session, else the one that is named.
  func asker(session: String?, directory: String?) throws(Failure) -> Asker {
    var asker = Asker(directory: directory ?? "/")
    asker.isEverywhere = directory == nil && session == nil
    if case .session(let id) = grant.scope {
      asker.session = id
      asker.isEverywhere = false
    } else if let session {
      asker.session = try brain.require(session).id
    }
    if let id = asker.session {
      let owner = brain.owner(of: id)
      guard grant.sees(owner: owner), grant.allows(route.need, session: id) else { throw Self.forbidden(grant) }
    }
    return asker
  }

  /// What the daemon was started with and is anybody's: for programs that are looked for, and git.
  var environment: [String: String] { brain.environment }
}
