import Testing

@testable import ApusServer

@Suite("WebSocket frames") struct WebSocketFrameTests {
  /// As a client sends it.
  private func frame(
    _ code: UInt8, _ body: [UInt8], isLast: Bool = true, reserved: UInt8 = 0, masked: Bool = true, width: Int? = nil
  ) -> [UInt8] {
    var bytes: [UInt8] = [(isLast ? 0x80 : 0) | reserved | code]
    let bit: UInt8 = masked ? 0x80 : 0
    switch width ?? (body.count < 126 ? 0 : body.count < 65_536 ? 2 : 8) {
    case 0: bytes.append(bit | UInt8(body.count))
    case 2: bytes += [bit | 126, UInt8(body.count >> 8), UInt8(body.count & 0xff)]
    default:
      bytes.append(bit | 127)
      for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: body.count >> shift)) }
    }
    let mask: [UInt8] = [0xa5, 0x5a, 0xff, 0]
    return masked ? bytes + mask + body.enumerated().map { $1 ^ mask[$0 & 3] } : bytes + body
  }

  private func messages(_ bytes: [UInt8], piece: Int = .max) throws -> [WebSocketFrames.Message] {
    var frames = WebSocketFrames()
    var all: [WebSocketFrames.Message] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      frames.feed(rest.prefix(piece))
      rest = rest.dropFirst(piece)
      while let message = try frames.next() { all.append(message) }
    }
    return all
  }

  @Test(arguments: [1, 2, 3, 7, 4096, Int.max])
  func `messages come whole, however they are cut`(_ piece: Int) throws {
    let long = [UInt8](repeating: 7, count: 70_000)
    let bytes =
      frame(1, Array("hä".utf8)) + frame(2, []) + frame(2, Array(long.prefix(300))) + frame(9, [1, 2])
      + frame(2, Array(long.prefix(40_000)), isLast: false) + frame(10, []) + frame(0, Array(long.dropFirst(40_000)))
      + frame(8, [0x03, 0xe8] + Array("bye".utf8))
    #expect(
      try messages(bytes, piece: piece) == [
        .text("hä"), .binary([]), .binary(Array(long.prefix(300))), .ping([1, 2]), .pong([]), .binary(long),
        .close(1000),
      ])
  }

  @Test func `what breaks the rules ends it, with the code that says why`() {
    let cases: [([UInt8], UInt16)] = [
      (frame(1, [0x61], masked: false), 1002), (frame(1, [0x61], reserved: 0x40), 1002), (frame(3, []), 1002),
      (frame(11, []), 1002), (frame(9, [UInt8](repeating: 0, count: 126)), 1002), (frame(9, [], isLast: false), 1002),
      (frame(0, []), 1002), (frame(1, [], isLast: false) + frame(1, []), 1002), (frame(1, [0xff]), 1007),
      (frame(1, [0xc3], isLast: false) + frame(0, [0x28]), 1007), (frame(8, [3]), 1002), (frame(8, [0, 1]), 1002),
      (frame(8, [0x03, 0xed]), 1002), (frame(8, [0x03, 0xe8, 0xff]), 1007), (frame(2, [1], width: 2), 1002),
      (frame(2, [1], width: 8), 1002), ([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1009),
      ([0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0], 1009),
    ]
    for (bytes, code) in cases {
      do {
        _ = try messages(bytes)
        Issue.record("taken: \(bytes.prefix(12))")
      } catch { #expect((error as? WebSocketFrames.Violation)?.code == code, "\(bytes.prefix(12))") }
    }
  }

  @Test func `pieces of one message may not add up to more than one may be`() throws {
    var frames = WebSocketFrames()
    frames.feed(frame(2, [UInt8](repeating: 0, count: WebSocketFrames.longest), isLast: false))
    #expect(try frames.next() == nil)
    frames.feed(frame(0, [1]))
    #expect(throws: WebSocketFrames.Violation.tooLarge) { try frames.next() }
  }

  @Test func `garbage of any kind is read to an end or refused`() {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    for _ in 0..<20_000 {
      var frames = WebSocketFrames()
      for _ in 0..<4 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state) { frames.feed(Array($0)) }
      }
      do { while try frames.next() != nil {} } catch {
        #expect([1002, 1007, 1009].contains(error.code))
      }
    }
  }

  @Test func `the greeting is answered as the standard's example is`() {
    func head(_ more: [(String, String)]) -> RequestHead {
      RequestHead(
        method: "GET", target: "/v1/sessions/a/terminal",
        headers: ([
          ("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"), ("sec-websocket-version", "13"),
          ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] + more).map { (name: $0.0, value: $0.1) }, query: [], isOwnUser: false)
    }
    let answer = Dictionary(uniqueKeysWithValues: WebSocketGreeting.answer(head([])) ?? [])
    #expect(answer["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(answer["Sec-WebSocket-Protocol"] == nil)
    let chosen = WebSocketGreeting.answer(head([("sec-websocket-protocol", "bearer.x, apus.v1")]))
    #expect(chosen?.contains { $0 == ("Sec-WebSocket-Protocol", "apus.v1") } == true)
    for missing in ["upgrade", "connection", "sec-websocket-version", "sec-websocket-key"] {
      var other = head([])
      other.headers.removeAll { $0.name == missing }
      #expect(WebSocketGreeting.answer(other) == nil)
    }
  }
}
