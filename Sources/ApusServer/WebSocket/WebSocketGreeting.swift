/// How a connection becomes a WebSocket.
enum WebSocketGreeting {
  /// What our subprotocol is called.
  static let name = "apus.v1"
  private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// The headers of the answer; nil where the request asks for no WebSocket of ours.
  static func answer(_ head: RequestHead) -> [(String, String)]? {
    func says(_ name: String, _ word: String) -> Bool {
      head.values(name).contains { $0.split(separator: ",").contains { $0.trimmingBlanks.lowercased() == word } }
    }
    guard head.method == "GET", says("upgrade", "websocket"), says("connection", "upgrade"),
      head.value("sec-websocket-version") == "13", let key = head.value("sec-websocket-key"), key.utf8.count == 24,
      key.hasSuffix("==")
    else { return nil }
    var headers = [
      ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", Digest.base64(Digest.sha1(Array((key + magic).utf8)))),
    ]
    // Never the one with the token in it.
    if says("sec-websocket-protocol", name) { headers.append(("Sec-WebSocket-Protocol", name)) }
    return headers
  }
}
