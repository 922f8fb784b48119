import ApusCore
import ApusTestKit
import ApusTesting
import ApusWire
import Foundation
import Testing

/// Somebody else's WebSocket client at a terminal of ours.
private struct Sitter {
  let program: Running

  init(_ home: TestHome, _ knock: Knock, _ name: String, _ query: String = "", token: String?? = nil, _ more: String...)
    throws
  {
    guard case .tcp(let port) = knock.door else { throw Failure(.usage, "tcp") }
    let shown = token ?? knock.token
    program = try Running(
      [
        Checkout.python, Checkout.root + "/Tests/ApusServerTests/terminal-client.py",
        "ws://127.0.0.1:\(port)/v1/sessions/\(name)/terminal\(query)", shown ?? "",
      ] + more, environment: home.environment, directory: home.work)
  }

  func next() async throws -> JSON {
    guard let line = try await program.line() else {
      throw Failure(.internalError, "\(try await program.finish().errors)")
    }
    return try JSONText.decode(JSON.self, from: line)
  }

  func say(_ step: String) async { await program.say(step) }
  func type(_ keys: String) async { await say((try? JSONText.string(["type": keys])) ?? "") }

  /// The next message of that type.
  func hear(_ type: String) async throws -> JSON {
    while true {
      let message = try await next()
      if message["text"]?["type"]?.string == type { return message["text"] ?? .null }
      if message["closed"] != nil { throw Failure(.internalError, "closed: \(message)") }
    }
  }

  /// All bytes up to those.
  func see(_ text: String) async throws -> String {
    var pieces: [String] = []
    var end = ""
    while !end.contains(text) {
      let message = try await next()
      if message["closed"] != nil { throw Failure(.internalError, "closed: \(message)") }
      let piece = message["bytes"]?.string ?? ""
      pieces.append(piece)
      end = end.suffix(text.count) + piece
    }
    return pieces.joined()
  }

  func closed() async throws -> JSON {
    while true {
      let message = try await next()
      if message["closed"] != nil || message["refused"] != nil { return message }
    }
  }

  func end() async throws {
    await program.closeInput()
    _ = try await program.finish()
  }
}

@Suite("terminals over WebSockets") struct TerminalTests {
  private static let size = #","terminal":{"columns":70,"rows":20}"#

  private func seated(_ body: @escaping (TestHome, Knock) async throws -> Void) async throws {
    try await TestHome.with(agent: Checkout.terminalAgent) { home in
      let knock = try await Knock.at(home)
      let made = try await knock.post(
        "/v1/sessions?wait=ready", #"{"directory":"\#(home.work)","name":"t"\#(Self.size)}"#)
      #expect(made.status == 201, "\(made.body)")
      try await body(home, knock)
    }
  }

  @Test func `one attaches, types, sees what comes of it, and leaves nothing behind`() async throws {
    try await seated { home, knock in
      let one = try Sitter(home, knock, "t", "?wish=lead&columns=70&rows=20", token: nil, "apus.v1")
      let viewing = try await one.hear("viewing")
      #expect(viewing["columns"]?.integer == 70 && viewing["rows"]?.integer == 20 && viewing["leads"]?.bool == true)
      _ = try await one.hear("reset")
      await one.type("echo $((6*7)); stty size\r")
      #expect(try await one.see("20 70").contains("42"))
      await one.say(#"{"say":{"type":"size","columns":90,"rows":33}}"#)
      #expect(try await one.hear("sized")["columns"]?.integer == 90)
      await one.type("stty size\r")
      _ = try await one.see("33 90")
      await one.say(#"{"ping":true}"#)
      while try await one.next()["pong"]?.bool != true {}
      try await one.end()
      // Who comes then sees what is there.
      let two = try Sitter(home, knock, "t")
      _ = try await two.hear("reset")
      #expect(try await two.see("33 90").contains("42"))
      try await two.end()
    }
  }

  @Test func `one who watches may not type, and the lead goes to who asks for it`() async throws {
    try await seated { home, knock in
      let lead = try Sitter(home, knock, "t", "?wish=lead")
      #expect(try await lead.hear("viewing")["leads"]?.bool == true)
      let second = try Sitter(home, knock, "t", "?wish=follow")
      #expect(try await second.hear("viewing")["leads"]?.bool == false)
      await second.say(#"{"say":{"type":"lead"}}"#)
      #expect(try await second.hear("leads")["leads"]?.bool == true)
      #expect(try await lead.hear("leads")["leads"]?.bool == false)
      let watcher = try Sitter(home, knock, "t")
      _ = try await watcher.hear("viewing")
      await watcher.type("echo never\r")
      #expect(try await watcher.closed()["closed"]?.integer == 1008)
      let reader = try await Knock.token(home, scope: "read")
      let watching = try Sitter(home, knock, "t", "", token: reader)
      _ = try await watching.hear("viewing")
      let typing = try Sitter(home, knock, "t", "?wish=lead", token: reader)
      #expect(try await typing.closed()["refused"]?.integer == 403)
      await second.type("echo seen $((1+1))\r")
      #expect(try await !watching.see("seen 2").contains("never"))
      for one in [lead, second, watcher, watching, typing] { try await one.end() }
    }
  }

  @Test func `A12, A14: no token, a wrong one and a revoked one see nothing`() async throws {
    try await seated { home, knock in
      for token in ["", "apus", "Apus" + (knock.token ?? "").dropFirst(4), String((knock.token ?? "").dropLast())] {
        let one = try Sitter(home, knock, "t", "", token: token)
        #expect(try await one.closed()["refused"]?.integer == 401, "\(token)")
      }
      // A browser's way of showing it.
      let browser = try Sitter(home, knock, "t", "", token: "", "apus.v1", "bearer." + (knock.token ?? ""))
      _ = try await browser.hear("viewing")
      let other = try await Knock.token(home)
      let one = try Sitter(home, knock, "t", "", token: other)
      _ = try await one.hear("viewing")
      #expect(await home.apus("token", "revoke", String(other.split(separator: "_")[1])).status == 0)
      #expect(try await one.closed()["closed"]?.integer == 1008)
      await browser.say(#"{"ping":true}"#)
      while try await browser.next()["pong"] == nil {}
      for one in [browser, one] { try await one.end() }
    }
  }

  @Test func `A32: what may not pass to a person's terminal does not pass here`() async throws {
    try await seated { home, knock in
      let one = try Sitter(home, knock, "t", "?wish=lead")
      _ = try await one.hear("reset")
      // Asks the terminal for its title, reports its state, sets a key; and a link.
      await one.type(
        #"printf 'a\033[21tb\033P$qm\033\\c\033]50;?\007d\033]8;;http://x\007e\033]8;;\007f\n'; echo do""ne"# + "\r")
      let seen = try await one.see("done\r")
      #expect(!seen.contains("\u{1b}[21t") && !seen.contains("\u{1b}P") && !seen.contains("\u{1b}]50"))
      try await one.end()
    }
  }

  /// Nobody else reads meanwhile: who shows no sign of life for a minute is let go of, and a busy machine takes its time.
  @Test func `one who does not read for long sees the screen as it is then`() async throws {
    try await seated { home, knock in
      let session = try await home.session("show", "t")
      let slow = try Sitter(home, knock, "t", "?wish=lead")
      _ = try await slow.hear("reset")
      let pid = Int32(try await knock.get("/v1/status").json["pid"]?.integer ?? 0)
      let before = try #require(Weight(of: pid)).memory
      await slow.type("seq 1 1200000; echo all do\"\"ne\r")
      await slow.say(#"{"pause":true}"#)
      while try await slow.next()["paused"]?.bool != true {}
      let end = Array("all done\r\n".utf8)
      #expect(await eventually(seconds: 240) { home.recording(session).suffix(200).contains(end) })
      #expect(try #require(Weight(of: pid)).memory - before < 64 << 10)
      await slow.say(#"{"pause":false}"#)
      let seen = try await slow.see("all done")
      // Not all eight megabytes of it.
      #expect(seen.utf8.count < 6 << 20)
      try await slow.end()
    }
  }

  @Test func `what is no WebSocket, no terminal or no longer there is said`() async throws {
    try await seated { home, knock in
      #expect(try await knock.get("/v1/sessions/t/terminal").status == 426)
      let one = try Sitter(home, knock, "t", "?wish=lead")
      _ = try await one.hear("reset")
      await one.say(#"{"raw":"no object"}"#)
      #expect(try await one.closed()["closed"]?.integer == 1007)
      let two = try Sitter(home, knock, "t", "?wish=lead")
      _ = try await two.hear("reset")
      await two.type("exit 3\r")
      #expect(try await two.hear("ended")["exit"]?.integer == 3)
      #expect(try await two.closed()["closed"]?.integer == 1000)
      let three = try Sitter(home, knock, "t")
      #expect(try await three.closed()["refused"]?.integer == 409)
      for one in [one, two, three] { try await one.end() }
    }
  }
}
