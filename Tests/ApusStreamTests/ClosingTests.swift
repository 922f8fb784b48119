import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row F11: how a client leaves, and what an agent of pipes is given to read and to write.
@Suite struct ClosingTests {
  private static let words = ["--output-format", "stream-json", "--input-format", "stream-json"]
  private static let persisting = ["PERSIST_CLAUDE_SESSIONS": "true"]

  private func client(_ home: TestHome, extra: [String: String] = [:]) throws -> Running {
    try Running(
      [Checkout.programs + "/apus-claude"] + Self.words, environment: home.environment.merging(extra) { $1 },
      directory: home.work)
  }

  private func withEchoes<T: Sendable>(_ body: (TestHome) async throws -> T) async throws -> T {
    try await TestHome.with(agent: Backend.clients + "/echo-agent") { try await body($0) }
  }

  @Test func `a closed client of the SDK ends its agent, unless sessions are to persist`() async throws {
    try await TestHome.with { home in
      for persists in [false, true] {
        let made = try await Backend.with(home, extra: persists ? Self.persisting : [:]) { backend in
          #expect(try await backend.ask("say: one").last?.result == "one")
          let made = try await home.session("show", backend.conversation(home))
          await backend.program.say("!close")
          #expect(try await backend.hear("closed").code == 0)
          return made
        }
        if persists {
          let now = try await home.session("show", made.id)
          #expect(now.state == .running && now.agentMark == made.agentMark && now.activity == .idle)
        } else {
          #expect(try await home.session("wait", made.id, "--for", "ended").ending == .exit(0))
        }
      }
    }
  }

  @Test func `where sessions persist, what was asked is still answered to a client that closed its side`() async throws
  {
    try await TestHome.with { home in
      let prompt = #"{"type":"user","message":{"role":"user","content":"slow 0.5: said to the end"}}"#
      let told = await Program.run(
        [Checkout.programs + "/apus-claude"] + Self.words + ["--verbose"],
        environment: home.environment.merging(Self.persisting) { $1 }, directory: home.work, input: prompt + "\n")
      #expect(told.status == 0 && told.output.contains(#""result":"said to the end""#), "\(told)")
      let now = try await home.only()
      #expect(now.state == .running && now.activity == .idle)
    }
  }

  @Test func `bytes, complaints, codes and signals are the agent's own`() async throws {
    try await withEchoes { home in
      let text = "one\ncomplain\n\n\u{1F41F}\nno end"
      let told = await Program.run(
        [Checkout.programs + "/apus-claude"] + Self.words, environment: home.environment, directory: home.work,
        input: text)
      #expect(told.status == 7 && told.output == text && told.errors == "a complaint\n", "\(told)")
      for number in [SIGTERM, SIGINT] {
        let one = try client(home)
        await one.say("hello")
        #expect(try await one.line() == Array("hello".utf8))
        one.kill(number)
        #expect(try await one.finish().status == 128 + number)
        await one.release()
      }
      let persisting = try client(home, extra: Self.persisting)
      await persisting.say("hello")
      #expect(try await persisting.line() == Array("hello".utf8))
      persisting.kill(SIGTERM)
      #expect(try await persisting.finish().status == 0)
      await persisting.release()
      let hungUp = try client(home)
      await hungUp.say("hello")
      #expect(try await hungUp.line() == Array("hello".utf8))
      hungUp.kill(SIGHUP)
      #expect(try await hungUp.finish().status == 128 + SIGHUP)
      await hungUp.release()
      let listed = try JSONText.decode(
        [SessionObject].self, from: Array(await home.apus("list", "--all", "--json").output.utf8))
      #expect(listed.filter { $0.state == .running }.count == 2)
    }
  }

  @Test func `a client that does not read, and one that says much, make nothing grow`() async throws {
    try await withEchoes { home in
      let one = try client(home)
      await one.say("hello")
      #expect(try await one.line() == Array("hello".utf8))
      let session = try await home.only()
      let keeper = try #require(session.keeperPID.map { Int32($0) })
      let before = try #require(Weight(of: keeper)).memory
      // 64 MB out, and nobody reads; then 64 MB in, and the agent reads when it has done that.
      await one.say("flood 64")
      let wrote = await eventually(seconds: 120) { home.recording(session).count > 64 << 20 }
      #expect(wrote)
      let (after, own) = (try #require(Weight(of: keeper)), try #require(Weight(of: one.pid)))
      #expect(after.memory < before + 4096 && own.memory < 24 << 10, "keeper \(after), client \(own)")
      var lines = 0
      while let line = try await one.line() {
        if line == Array("flood 64".utf8) { break }
        lines += 1
      }
      #expect(lines == 64 * 16)
      await one.release()
    }
    try await withEchoes { home in
      let one = try client(home)
      await one.say("hello")
      #expect(try await one.line() == Array("hello".utf8))
      let session = try await home.only()
      let keeper = try #require(session.keeperPID.map { Int32($0) })
      let gate = home.root + "/gate"
      #expect(mkfifo(gate, 0o600) == 0)
      await one.say("sleep \(gate)")
      async let fed: Void = feed(one, "swallow " + String(repeating: "x", count: 65_527), 1024)
      // The agent reads nothing: what is under way is what sockets, pipes and one queue hold.
      var most = 0
      for _ in 0..<20 {
        await letOthersRun(milliseconds: 20)
        most = max(most, (Weight(of: keeper)?.memory ?? 0) + (Weight(of: one.pid)?.memory ?? 0))
      }
      #expect(most < 24 << 10, "\(most) KB")
      let opened = apus_open(gate, O_WRONLY, 0)
      close(opened)
      await fed
      await one.say("after")
      while let line = try await one.line(), line != Array("after".utf8) {}
      #expect((Weight(of: keeper)?.memory ?? .max) < 24 << 10)
      await one.closeInput()
      #expect(try await one.finish().status == 7)
      await one.release()
    }
  }

  private func feed(_ one: Running, _ line: String, _ count: Int) async { for _ in 0..<count { await one.say(line) } }

  @Test func `where nothing can be kept, the real program runs all the same`() async throws {
    try await withEchoes { home in
      let taken = home.root + "/taken"
      Disk.write("no directory", to: taken)
      let told = await Program.run(
        [Checkout.programs + "/apus-claude"] + Self.words,
        environment: home.environment.merging(["APUS_HOME": taken]) { $1 },
        directory: home.work, input: "hello\n")
      #expect(told.status == 7 && told.output == "hello\n" && told.errors.contains("apus: not kept: "), "\(told)")
    }
  }
}

extension Backend {
  /// The id of the session whose agent its client speaks with: the newest.
  func conversation(_ home: TestHome) async throws -> String {
    let listed = await home.apus("list", "--json")
    let all = try JSONText.decode([SessionObject].self, from: Array(listed.output.utf8))
    return try #require(all.max { $0.createdAt < $1.createdAt }).id
  }
}
