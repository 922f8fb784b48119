import ApusCoordinator
import ApusCore
import ApusFrames
import ApusLoop
import ApusWire

/// Terminals over WebSockets.
enum TerminalRoutes {
  static let all: [Route] = [
    Route(
      .get, "/v1/sessions/{session}/terminal", "attachTerminal",
      "Attach to a session's terminal over a WebSocket: bytes are binary messages, all else JSON texts", need: .content,
      query: [
        Field(
          "wish", .choice(["watch", "follow", "lead"]), "only watch (usual); type once nobody else does; type at once"),
        Field("columns", .whole(1...1000), "this side's width; usually 80"),
        Field("rows", .whole(1...1000), "this side's height; usually 24"),
      ], answer: .webSocket, also: [426: "It is not asked for as a WebSocket."]
    ) { call in try attach(call) }
  ]

  @LoopActor
  private static func attach(_ call: Call) throws -> HTTPReply {
    let session = try call.session()
    let wish: View.Wish
    switch call.query.text("wish") {
    case "lead": wish = .lead
    case "follow": wish = .follow
    default: wish = .watch
    }
    // Typing at an agent is steering it.
    guard wish == .watch || call.grant.allows(.operate) else { throw Call.forbidden(call.grant) }
    guard let headers = WebSocketGreeting.answer(call.head) else {
      var reply = HTTPReply.problem(
        Failure(.requestMalformed, "this is a WebSocket", hint: "ask with Upgrade: websocket, version 13"), status: 426)
      reply.headers += [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
      return reply
    }
    let place = try call.brain.locate(SessionRequest(session: session.id))
    guard place.terminal, place.isLive else {
      throw Failure(
        .sessionNotRunning, "\(place.name) (\(place.id)) has no terminal that is alive",
        hint: "start one with \"terminal\": {\"columns\": 80, \"rows\": 24}")
    }
    let size = TerminalSize(
      rows: UInt16(call.query.whole("rows") ?? 24), columns: UInt16(call.query.whole("columns") ?? 80))
    let door = call.door
    let token = call.token
    let listener = call.exchange.listener
    return HTTPReply(
      status: 101, headers: headers,
      body: .upgrade { upgraded in
        let socket = WebSocketLink(upgraded)
        let terminal = TerminalSocket(socket, place, wish: wish, size: size)
        let sitting = listener.sit { socket.cutOff(1001, "this address is no longer served") }
        let standing = door.stand(by: token) { socket.close(1008, "the token was revoked") }
        socket.onGone = {
          terminal.end()
          door.forget(standing, token: token)
          listener.stand(sitting)
        }
        terminal.begin()
        socket.begin()
      })
  }
}
