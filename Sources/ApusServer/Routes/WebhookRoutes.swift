import ApusCoordinator
import ApusCore
import ApusLoop
import ApusWire
import CSystem

/// Those who are told of events by requests.
enum WebhookRoutes {
  static let all: [Route] = [
    Route(
      .get, "/v1/webhooks", "listWebhooks", "Who is told of events by requests", need: .care,
      answer: .json(.list(.named("Webhook")))
    ) { call in
      try .json(call.door.webhooks.all.values.sorted { $0.id < $1.id }.map { WebhookObject($0) })
    },
    Route(
      .post, "/v1/webhooks", "createWebhook",
      "Have events sent to an address: in order, at least once, signed; its secret is told once", need: .care,
      body: [
        Field("url", .line(most: 2000), required: true, "https://… (or http://…) of a machine that is none of yours"),
        Field("types", .lines(count: 0...50, length: 1...60), "types of events; `turn.` takes all that begin so"),
        Field("session", .line(most: 64), "only those of that session"),
        Field("secret", .line(most: 200), "what signatures are made with; left out, one is made"),
      ], answer: .json(.named("Webhook"), status: 201), tellsSecrets: true
    ) { call in try create(call) },
    Route(
      .delete, "/v1/webhooks/{webhook}", "deleteWebhook", "Send nothing there any more", need: .care, answer: .empty
    ) { call in
      try call.door.webhooks.remove(call.names["webhook"] ?? "")
      return .empty
    },
  ]

  @LoopActor
  private static func create(_ call: Call) throws -> HTTPReply {
    let url = call.body.text("url") ?? ""
    guard WebhookAddress(url) != nil else {
      throw Failure(
        .usage, "\"\(SessionName.excerpt(url))\" is no address a webhook may have",
        hint: "https://HOST/PATH, without a user")
    }
    guard let number = Digest.random(4), let secret = Digest.random(32) else {
      throw Failure(.internalError, "the machine has no random numbers", hint: "`apus doctor` may say more")
    }
    let session = try call.body.text("session").map { try call.brain.require($0).id }
    let given = call.body.text("secret")
    if let given, given.utf8.count < 16 {
      throw Failure(.usage, "a secret has at least 16 characters", hint: "leave it out, and one is made")
    }
    let webhook = Webhook(
      id: Digest.hexadecimal(number), url: url, secret: given ?? Digest.base64(secret, forAddresses: true),
      grant: call.grant, types: call.body.lines("types"), session: session, createdAt: apus_wall_seconds(),
      position: call.door.feed.last)
    try call.door.webhooks.add(webhook)
    return try .json(WebhookObject(webhook, telling: true), status: 201)
  }
}

/// A webhook as programs see it.
struct WebhookObject: Codable {
  var id: String
  var url: String
  var types: [String]
  var session: String?
  var createdAt: String
  /// The id of the last event that was taken.
  var position: Int64
  /// `working`, `failing` (it is tried again), `gone` (it said so).
  var state: String
  var failures: Int
  var problem: String?
  var secret: String?

  init(_ webhook: Webhook, telling: Bool = false) {
    id = webhook.id
    url = webhook.url
    types = webhook.types
    session = webhook.session
    createdAt = MomentText.iso(webhook.createdAt)
    position = webhook.position
    state = webhook.isGone ? "gone" : webhook.failures > 0 ? "failing" : "working"
    failures = webhook.failures
    problem = webhook.problem
    secret = telling ? webhook.secret : nil
  }
}
