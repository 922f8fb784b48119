import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows E2, E3: locks of sessions, several at once, and where a name counts.
@Suite struct LockSetTests {
  private func acquire(_ home: TestHome, _ session: String, _ words: String...) async -> Outcome {
    await home.run(["lock", "acquire", "--session", session] + words)
  }

  private func session(_ home: TestHome, _ name: String) async throws -> SessionObject {
    try await home.session("new", name, "--prompt", "say: hello", "--wait")
  }

  @Test func `two sessions that would wait for each other for ever are told so, with the circle`() async throws {
    try await TestHome.withLocks { home async throws in
      for name in ["one", "two"] { _ = try await session(home, name) }
      #expect(await acquire(home, "one", "a").status == 0)
      #expect(await acquire(home, "two", "b").status == 0)
      let waiting = try home.start(["lock", "acquire", "--session", "two", "a"])
      try await home.queue("a", is: 1)
      let refused = await acquire(home, "one", "b")
      #expect(refused.status == 4)
      #expect(refused.errors.contains("that would never end: one would wait for b, which two has"), "\(refused.errors)")
      #expect(refused.errors.contains("two would wait for a, which one has"), "\(refused.errors)")
      #expect(try await home.lock("b").queue.isEmpty)
      #expect(await home.apus("lock", "release", "--session", "one", "a").status == 0)
      #expect(try await waiting.finish().status == 0)
      #expect(try await home.lock("a").holder?.name == "two")
    }
  }

  @Test func `a session has what it took until its run ends, however that ends`() async throws {
    try await TestHome.withLocks { home async throws in
      for end in ["agent", "keeper", "stop"] {
        let made = try await session(home, end)
        #expect(await acquire(home, end, "a", "b").status == 0)
        // The same session has it again, and once more is not enough to lose it.
        #expect(await acquire(home, end, "a").status == 0)
        #expect(await home.apus("lock", "release", "--session", end, "a").status == 0)
        #expect(try await home.lock("a").holder == LockOwner(id: made.id, name: end, isSession: true))
        #expect(await home.apus("lock", "run", "a", "--try", "--", "true").status == 4)
        let next = try home.start(["lock", "run", "a", "--", "true"])
        try await home.queue("a", is: 1)
        switch end {
        case "agent": Processes.signal(try #require(made.agentMark), SIGKILL)
        case "keeper": Processes.signal(try #require(made.keeperMark), SIGKILL)
        default: _ = try await home.session("stop", end)
        }
        #expect(try await next.finish().status == 0)
        #expect(try await home.lock("b").state == "free")
        let story = try #require(try await home.lockHistory("a").first { $0.holder.name == end })
        #expect(story.ending != "released" && !story.ending.isEmpty)
        let refused = await acquire(home, end, "a")
        #expect(refused.status == 4 && refused.errors.contains("is not running"), "\(refused.errors)")
      }
    }
  }

  @Test func `a session at rest that went on with other things is woken when it has its lock`() async throws {
    try await TestHome.withLocks { home async throws in
      for name in ["one", "two"] { _ = try await session(home, name) }
      #expect(await acquire(home, "one", "a").status == 0)
      let later = await acquire(home, "two", "a", "--later")
      #expect(later.status == 0)
      #expect(later.output == "a is held by one; you are next and will be told\n")
      #expect(await home.apus("lock", "release", "--session", "one", "a").status == 0)
      #expect(try await eventually(seconds: 60) { try await home.events("two").answers.count == 2 })
      let answers = try await home.events("two").answers
      #expect(answers.last?.contains("You have the lock a now") == true, "\(answers)")
      #expect(try await home.lock("a").holder?.name == "two")
      #expect(await home.apus("inbox", "--session", "two", "--all").output.contains("You have the lock a now"))
      // Nobody else can go away for later: nobody could be told.
      #expect(await home.apus("lock", "acquire", "a", "--later").status == 2)
    }
  }

  @Test func `who went on with other things hears of its lock over a new daemon as well`() async throws {
    try await TestHome.withLocks { home async throws in
      let one = try await session(home, "one")
      let two = try await session(home, "two")
      #expect(await acquire(home, "one", "a").status == 0)
      #expect(await acquire(home, "two", "a", "--later").status == 0)
      // A keeper that is held up: the new daemon does not know yet that its session is at rest.
      let keeper = try #require(two.keeperMark)
      Processes.signal(keeper, SIGSTOP)
      try home.killDaemon()
      try await home.queue("a", is: 1)
      Processes.signal(try #require(one.agentMark), SIGKILL)
      #expect(try await eventually(seconds: 60) { try await home.lock("a").holder?.name == "two" })
      Processes.signal(keeper, SIGCONT)
      #expect(try await eventually(seconds: 60) { try await home.events("two").answers.count == 2 })
    }
  }

  @Test func `a lock belongs to its repository, outside to the home, and with --global to all`() async throws {
    try await TestHome.withRepository { home in
      let other = home.root + "/other"
      await home.makeRepository(other, settings: nil)
      let outside = home.root + "/tmp"
      let holder = try await home.holding("a")
      #expect(await home.run(["lock", "run", "a", "--try", "--", "true"], directory: home.work + "/ui").status == 4)
      for place in [other, outside] {
        #expect(await home.run(["lock", "run", "a", "--try", "--", "true"], directory: place).status == 0)
        #expect(await home.run(["lock", "list", "--json"], directory: place).output == "[]\n")
      }
      #expect(try await home.lock("a").scope.hasSuffix(home.work + "/.git"))
      #expect(await home.run(["lock", "list", "--all"], directory: other).output.contains("pid \(holder.pid)"))
      #expect(await home.apus("lock", "run", "a", "--global", "--try", "--", "true").status == 0)
      let everywhere = try await home.holding("g", "--global")
      for place in [home.work, other] {
        #expect(await home.run(["lock", "run", "g", "--global", "--try", "--", "true"], directory: place).status == 4)
        #expect(await home.run(["lock", "run", "g", "--try", "--", "true"], directory: place).status == 0)
      }
      #expect(await home.run(["lock", "run", "g", "--try", "--", "true"], directory: outside).status == 4)
      for one in [holder, everywhere] {
        await one.closeInput()
        #expect(try await one.finish().status == 0)
      }
    }
  }

  @Test func `requests that make no sense are refused and change nothing`() async throws {
    try await TestHome.withLocks { home async throws in
      #expect(await home.apus("lock", "list").status == 0)
      let asker = #""asker":{"directory":"/","isEverywhere":true}"#
      let most = (0..<33).map { "\"n\($0)\"" }.joined(separator: ",")
      func lock(_ rest: String, ticket: String = "12345678", names: String = #"["a"]"#) -> String {
        "{\(asker),\"names\":\(names),\"ticket\":\"\(ticket)\",\"isReentrant\":true,\"isOfProcess\":false,\"isLater\":false\(rest)}"
      }
      let garbage: [(Verb, String)] = [
        (.lock, ""), (.lock, "{"), (.lock, "[]"), (.lock, "{}"), (.lock, "\u{0}\u{1}"), (.lock, "null"),
        (.lock, String(repeating: "[", count: 100_000)), (.lock, lock("", names: "[]")),
        (.lock, lock("", names: "[1]")),
        (.lock, lock("", names: "[\(most)]")), (.lock, lock("", names: #"["\u0000"]"#)),
        (.lock, lock("", ticket: "short")), (.lock, lock("", ticket: String(repeating: "t", count: 65))),
        (.lock, lock("", ticket: "blank in it")), (.lock, lock(#","leaseSeconds":0"#)),
        (.lock, lock(#","leaseSeconds":-5"#)), (.lock, lock(#","leaseSeconds":1e300"#)),
        (.lock, lock(#","leaseSeconds":"x""#)), (.lock, lock(#","onDeath":"explode""#)),
        (.lock, lock(#","onDeath":"delay:""#)), (.lock, lock(#","waitSeconds":1e400"#)),
        (.heldLock, "{\(asker),\"act\":\"release\",\"name\":\"a\"}"),
        (.heldLock, "{\(asker),\"act\":\"release\",\"name\":\"a\",\"ticket\":\"nobody's-ticket\"}"),
        (.heldLock, "{\(asker),\"act\":\"renew\",\"name\":\"a\",\"token\":-1}"),
        (.heldLock, "{\(asker),\"act\":\"verify\",\"name\":\"a\",\"token\":99999999999999999999}"),
        (.heldLock, "{\(asker),\"act\":\"steal\",\"name\":\"a\",\"token\":1}"),
        (.heldLock, "{\(asker),\"act\":\"break\",\"name\":\"a\"}"),
        (.locks, "{\(asker),\"all\":false,\"name\":\"a b\"}"), (.lockStories, "{\(asker),\"all\":false,\"name\":\"\"}"),
      ]
      for (verb, text) in garbage {
        let codes: Set<ErrorCode> = [.usage, .nameInvalid, .lockStale]
        let failure = try home.refusal(verb, Array(text.utf8))
        #expect(
          failure.map { codes.contains($0.code) } == true, "\(verb) \(text.prefix(200)): \(String(describing: failure))"
        )
      }
      #expect(await home.apus("lock", "list", "--json").output == "[]\n")
      #expect(await home.apus("lock", "history", "--json").output == "[]\n")
      #expect(!home.daemonLog().contains(" error "))
    }
  }
}
