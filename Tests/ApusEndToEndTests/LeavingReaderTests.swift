import ApusCore
import ApusFrames
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row D1: whoever stops listening, the conversation goes on and can be resumed. The seed's bug cannot be written.
@Suite struct LeavingReaderTests {
  /// How a reader breaks off once it saw that the conversation had begun.
  enum Reader: Int, CaseIterable {
    case events, logs, waitingNew, keeper
  }

  @Test func `twenty sessions whose readers broke at init are all resumable and all resume`() async throws {
    try await TestHome.with(slots: 3) { home in
      let count = 20
      try await side(by: 4, count) { number in
        try await begin(number, home)
        _ = try await home.session("wait", "s\(number)")
      }
      let checked = try await home.check()
      #expect(checked.filter(\.verdict.resumable).count == count)
      #expect(checked.count == count)
      try await side(by: 4, count) { number in
        let name = "s\(number)"
        _ = try await home.session("stop", name)
        let resumed = try await home.session("resume", name, "say: back \(number)", "--wait")
        #expect(resumed.result == "back \(number)")
        #expect(resumed.run == 2)
        #expect(try await home.events(name).answers == ["one two \(number)", "back \(number)"])
        _ = try await home.session("stop", name)
      }
      #expect(try await home.check().filter(\.verdict.resumable).count == count)
      let traces = await Program.run(
        ["/bin/grep", "-rl", "No conversation found", home.root], environment: [:], directory: "/")
      #expect(traces.output == "")
    }
  }

  private func begin(_ number: Int, _ home: TestHome) async throws {
    let (name, prompt) = ("s\(number)", "slow 0.3: one two \(number)")
    let reader = Reader(rawValue: number % Reader.allCases.count) ?? .events
    if reader == .waitingNew {
      let new = try home.begin("new", name, "--prompt", prompt, "--wait")
      _ = await eventually { await home.apus("show", name).status == 0 }
      try await home.follow(name) { feed in _ = try await feed.until(.turnBegan) }
      new.kill()
      await new.release()
      return
    }
    let session = try await home.session("new", name, "--prompt", prompt)
    switch reader {
    case .waitingNew: break
    case .events:
      // `follow` kills its reader; this one is a pipe nobody reads any more.
      let reader = try home.begin("events", name, "-f")
      while let line = try await reader.line(), !String(decoding: line, as: UTF8.self).contains("turn.began") {}
      await reader.leave()
      _ = try await home.session("wait", name)
      await reader.release()
    case .logs:
      let reader = try home.begin("logs", name, "-f")
      _ = try await reader.line()
      await reader.leave()
      _ = try await home.session("wait", name)
      await reader.release()
    case .keeper: #expect(Self.breakAtInit(home, session))
    }
  }

  /// Reads the agent's own stream from its keeper until the `init` line, and hangs up.
  private static func breakAtInit(_ home: TestHome, _ session: SessionObject) -> Bool {
    let places = Places(home: home.apusHome, temporary: home.root + "/tmp", user: getuid())
    let descriptor = apus_unix_connect(places.keeperSocket(session: session.id, run: session.run), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    for request in [KeeperRequest.hello(version: KeeperProtocol.version), .follow(offset: 0)] {
      let bytes = request.frame.encoded
      guard write(descriptor, bytes, bytes.count) == bytes.count else { return false }
    }
    var chunk = [UInt8](repeating: 0, count: 4096)
    var seen = ""
    while !seen.contains("\"subtype\":\"init\"") {
      let got = read(descriptor, &chunk, chunk.count)
      guard got > 0 else { return false }
      seen += String(decoding: chunk[..<got], as: UTF8.self)
    }
    return true
  }

  private func side(by width: Int, _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        if number >= width { try await group.next() }
        group.addTask { try await body(number) }
      }
      try await group.waitForAll()
    }
  }

  @Test(arguments: [["events", "one", "-f"], ["logs", "one", "-f"]])
  func `who follows a silent session ends when its own reader left`(arguments: [String]) async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one", "--prompt", "say: all there is", "--wait")
      let follower = try Running(
        [Checkout.programs + "/apus"] + arguments, environment: home.environment, directory: home.work)
      _ = try #require(try await follower.line())
      await follower.leave()
      _ = try await follower.finish(seconds: 10)
      await follower.release()
      #expect(try await home.session("show", "one").activity == .idle)
    }
  }

  @Test func `a reader that leaves after the first line changes nothing`() async throws {
    try await TestHome.with { home in
      let words = (1...40).map { "word\($0)" }.joined(separator: " ")
      var told: [[String]] = []
      for isLeft in [false, true] {
        let name = isLeft ? "left" : "heard"
        let session = try await home.session("new", name, "--prompt", "slow 0.5: \(words)")
        // Nothing may be on disk yet; nothing is missing, either.
        #expect(session.verdict.reason == nil || session.verdict.reason == .notStarted)
        let reader = try home.begin("events", name, "-f")
        _ = try #require(try await reader.line())
        if isLeft { await reader.leave() }
        let idle = try await home.session("wait", name)
        await reader.release()
        #expect(idle.pid == session.pid)
        #expect(idle.run == 1)
        #expect(idle.verdict.resumable)
        let events = try await home.events(name)
        #expect(events.areContiguous)
        #expect(events.answers == [words])
        told.append(events.map(\.type))
        let path = try #require(idle.verdict.path)
        #expect(TestHome.text(path).contains(words))
      }
      #expect(told[0] == told[1])
    }
  }
}

extension TestHome {
  func check(_ names: String...) async throws -> [CheckItem] {
    let outcome = await Program.run(
      [Checkout.programs + "/apus", "check", "--json"] + names, environment: environment, directory: work)
    return try JSONText.decode([CheckItem].self, from: Array(outcome.output.utf8))
  }
}
