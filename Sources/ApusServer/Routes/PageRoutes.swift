import ApusCore
import ApusLoop

/// Browsers that sign in and out.
enum PageRoutes {
  static let all: [Route] = [
    Route(
      .post, "/v1/sign-in", "signIn",
      "Sign a browser in with a code of `apus open`: a cookie, and a key to be said with it in X-Apus-Page",
      need: .look,
      body: [Field("code", .line(most: 200), required: true, "good for a minute, and once")],
      answer: .json(.object(["key": .text])), tellsSecrets: true, isOpen: true
    ) { call in
      let (cookie, key) = try call.door.signIn(
        call.body.text("code") ?? "", host: call.head.value("host") ?? "", isSecure: call.exchange.listener.isSecure)
      return try .json(["key": key], headers: [("Set-Cookie", cookie)])
    },
    Route(
      .post, "/v1/sign-out", "signOut", "Let this browser in no more", need: .look, body: [], answer: .empty
    ) { call in
      guard let token = call.token, call.door.tokens[token]?.pageKey != nil else {
        throw Failure(.usage, "only a browser signs out", hint: "`DELETE /v1/tokens/ID` revokes a token")
      }
      try call.door.revoke(token)
      var reply = HTTPReply.empty
      reply.headers.append(
        (
          "Set-Cookie",
          PageSeat.cookie(
            "", host: call.head.value("host") ?? "", isSecure: call.exchange.listener.isSecure, seconds: 0)
        ))
      return reply
    },
  ]
}
