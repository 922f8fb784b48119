import ApusTesting
import CSystem
import Glibc
import Testing

@testable import ApusClient

/// Row D10: what the command line can do with sessions, in process.
@Suite struct ClientSessionTests {
  @Test func `a Swift program makes, asks, stops, resumes, copies and sets aside a session`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      var options = SessionOptions(name: "one", directory: home.work, prompt: "say: first")
      (options.owner, options.tags) = ("ada", ["swift"])
      options.environment["MARK"] = "42"
      let one = try await apus.create(options, wait: true)
      #expect(one.result == "first")
      #expect(one.state == .running)
      #expect(one.activity == .idle)
      #expect((one.owner, one.tags, one.directory) == ("ada", ["swift"], home.work))
      let pid = try #require(one.pid)
      #expect(TestHome.environment(of: pid)["MARK"] == "42")

      #expect(try await one.send("say: second", wait: true).result == "second")
      #expect(try await apus.session(named: "one").id == one.id)
      #expect(try await apus.sessions(owner: "ada").map(\.name) == ["one"])
      #expect(try await apus.sessions(owner: "bob").isEmpty)

      let stopped = try await one.stop()
      #expect(stopped.state == .ended)
      #expect(try await one.verdict().resumable)
      #expect(try await apus.sessions(resumable: true).map(\.id) == [one.id])
      #expect(try await one.resume("say: third", wait: true).result == "third")
      #expect(try await one.refreshed().run == 2)

      let copy = try await one.fork(as: "two", "say: fourth", wait: true)
      #expect((copy.name, copy.result) == ("two", "fourth"))
      let said = try await copy.transcript().filter { $0.role == "assistant" }.map(\.text)
      #expect(said == ["first", "second", "third", "fourth"])
      #expect(try await one.transcript().filter { $0.role == "assistant" }.count == 3)

      try await copy.stop()
      #expect(try await copy.archive().state == .archived)
      #expect(try await apus.sessions().map(\.name) == ["one"])
      #expect(Set(try await apus.sessions(archived: true).map(\.name)) == ["one", "two"])
      try await one.stop(now: true)
      #expect(await home.isQuiet())
    }
  }

  @Test func `a Swift program answers what an agent asks, and interrupts it`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let one = try await apus.create(SessionOptions(name: "one", directory: home.work, prompt: "ask: rm -r build"))
      let asking = try await one.wait(for: .needsYou)
      #expect(asking.activity == .needsYou)
      let need = try #require(asking.needs.first)
      #expect((need.tool, need.input["command"]?.string) == ("Bash", "rm -r build"))
      try await one.permit(false, request: need.id, message: "not today")
      try await one.wait()
      #expect(try await one.transcript().last?.text == "denied: not today")

      try await one.send("hush")
      try await one.interrupt()
      #expect(try await one.wait(timeout: .seconds(60)).activity == .idle)
    }
  }

  @Test func `what goes wrong has the code and the hint that apus prints`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let missing = await refusal { _ = try await apus.session(named: "nobody") }
      #expect(missing?.code == .sessionNotFound)
      let (printed, _) = try await home.failure("show", "nobody")
      #expect((missing?.summary, missing?.hint) == (printed.summary, printed.hint))

      let options = SessionOptions(name: "one", directory: home.work)
      let one = try await apus.create(options)
      #expect(await refusal { _ = try await apus.create(options) }?.code == .nameTaken)
      #expect(await refusal { try await one.archive() }?.code == .sessionLive)
      try await one.send("hush")
      #expect(await refusal { try await one.wait(timeout: .milliseconds(10)) }?.code == .timedOut)
      #expect(await refusal { for try await _ in one.events(from: 0, follow: false).prefix(1) {} } == nil)
      let relative = SessionOptions(name: "two", directory: "somewhere")
      #expect(await refusal { _ = try await apus.create(relative) }?.code.rawValue == "directory.missing")
      #expect(await refusal { _ = try await one.fork(as: "no name") }?.code.rawValue == "name.invalid")
      let gone = SessionEvents(daemon: apus.daemon, session: "ffff", from: 0, follow: true)
      #expect(await refusal { for try await _ in gone {} }?.code == .sessionNotFound)
      #expect(await home.isQuiet())
    }
  }

  @Test func `without the programs nothing can be started, and that is said`() async throws {
    let places = ["APUS_HOME": "/nonexistent/apus", "PATH": "/usr/bin:/bin"]
    let apus = try Apus(environment: places, programs: "/nonexistent")
    let refused = await refusal { _ = try await apus.sessions() }
    #expect(["daemon.unreachable", "home.refused"].contains(refused?.code.rawValue))
    #expect(refused?.hint != nil)
    #expect(await refusal { _ = try Apus(environment: [:]) }?.code.rawValue == "home.refused")
  }

  @Test func `a hundred who wait for sessions keep no thread of the program's`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let apus = try home.client()
      let one = try await apus.create(SessionOptions(name: "one", directory: home.work, prompt: "hush"))
      await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<100 { group.addTask { try await one.wait() } }
        #expect(await eventually { home.connections() == 100 })
        // None of them is in the way of this.
        #expect((try? await apus.sessions().count) == 1)
        group.cancelAll()
        while let result = await group.nextResult() {
          #expect(throws: CancellationError.self) { try result.get() }
        }
      }
      #expect(await home.isQuiet())
      #expect(try await one.refreshed().activity == .working)
    }
  }

  @Test func `words of a later version are passed on`() throws {
    let apus = try Apus(environment: ["APUS_HOME": "/nonexistent"])
    let session = try #require(
      Session(
        .object([
          "id": .string("e1b2"), "name": .string("one"), "state": .string("dreaming"), "activity": .string("asleep"),
          "pid": .string("what"), "problem": .object(["code": .string("moon.full")]), "more": .integer(7),
        ]), of: apus))
    #expect(session.state == SessionState(rawValue: "dreaming"))
    #expect(session.activity.rawValue == "asleep")
    #expect((session.pid, session.problem?.code.rawValue) == (nil, "moon.full"))
    #expect(session.object["more"]?.integer == 7)
    let event = try #require(Event(Array(#"{"n":3,"type":"moon.rose","detail":[1]}"#.utf8)))
    #expect((event.number, event.kind.rawValue, event.detail.array?.count) == (3, "moon.rose", 1))
  }

  @Test func `a Swift program has the real claude answer, and reads what it said`() async throws {
    try await TestHome.with { home in
      let apus = try home.client()
      let one = try await apus.create(
        SessionOptions(name: "one", directory: home.work, prompt: "say: hello"), wait: true)
      #expect(one.result == "hello")
      var kinds: [Event.Kind] = []
      for try await event in one.events(follow: false) { kinds.append(event.kind) }
      #expect(kinds.contains(.turnEnded))
      try await one.stop()
      #expect(try await one.verdict().resumable)
      #expect(try await one.resume("say: again", wait: true).result == "again")
      #expect(try await one.transcript().filter { $0.role == "assistant" }.map(\.text) == ["hello", "again"])
    }
  }

  @Test func `the example does what it says`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let done = await Program.run(
        [Checkout.programs + "/example-client", home.work, "say: hello"], environment: home.environment,
        directory: home.work)
      #expect(done.status == 0)
      #expect(done.output.contains("says: hello\n"), "\(done.output) \(done.errors)")
      #expect(done.output.contains("has the lock example, token "))
      #expect(done.output.contains("answers: You said: And in one word?\n"))
      #expect(done.output.hasSuffix("ended; can be resumed: true\n"))
    }
  }
}
