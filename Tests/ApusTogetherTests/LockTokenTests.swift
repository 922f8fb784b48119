import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row E3: what a token is good for, and how locks are shown.
@Suite struct LockTokenTests {
  private func acquire(_ home: TestHome, _ words: String...) async throws -> LockReply {
    let ran = await home.run(["lock", "acquire", "--json"] + words)
    try #require(ran.status == 0, "\(ran.output) \(ran.errors)")
    return try JSONText.decode(LockReply.self, from: Array(ran.output.utf8))
  }

  @Test func `a right outside every session is renewed and given back by its token`() async throws {
    try await TestHome.withLocks { home async throws in
      let reply = try await acquire(home, "a", "--ttl", "600s", "--note", "by hand")
      let token = String(try #require(reply.tokens["a"]))
      #expect(reply.granted && reply.owner.name == "a shell")
      #expect(await home.apus("lock", "verify", "a", token).status == 0)
      #expect(await home.apus("lock", "renew", "a", token, "--ttl", "900s").output == "a renewed\n")
      for words in [["verify", "a", "17"], ["renew", "a", "17"], ["release", "a", "17"]] {
        let refused = await home.run(["lock"] + words)
        #expect(refused.status == 4, "\(words): \(refused)")
        #expect(refused.errors.contains("a shell"), "\(refused.errors)")
      }
      #expect(try await home.lock("a").token == reply.tokens["a"])
      #expect(await home.apus("lock", "release", "a", token).output == "a released\n")
      for words in [["verify", "a", token], ["renew", "a", token], ["release", "a", token]] {
        #expect(await home.run(["lock"] + words).status == 4, "\(words)")
      }
      // A later holder is not harmed by an earlier token.
      let second = try await acquire(home, "a", "--ttl", "600s")
      #expect(await home.apus("lock", "release", "a", token).status == 4)
      #expect(try await home.lock("a").token == second.tokens["a"])
      let (failure, code) = try await home.failure("lock", "release", "a", token)
      #expect(failure.code == .lockStale && code == 4)
    }
  }

  @Test func `a right that nobody renews runs out`() async throws {
    try await TestHome.withLocks { home async throws in
      let began = clock
      let reply = try await acquire(home, "a", "--ttl", "1s")
      #expect(await home.apus("lock", "run", "a", "--", "true").status == 0)
      #expect(clock - began >= 1)
      let token = String(try #require(reply.tokens["a"]))
      #expect(await home.apus("lock", "renew", "a", token).status == 4)
      #expect(try await home.lockHistory("a").last?.ending == "no sign of life for 1 s")
    }
  }

  @Test func `of a set all are had or none`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("b")
      #expect(await home.apus("lock", "acquire", "c", "a", "b", "--try").status == 4)
      #expect(await home.apus("lock", "acquire", "c", "a", "b", "--wait", "1s").status == 124)
      for name in ["a", "c"] { #expect(try await home.lock(name).state == "free") }
      await holder.closeInput()
      _ = try await holder.finish()
      let reply = try await acquire(home, "c", "a", "b", "a")
      #expect(reply.names == ["a", "b", "c"])
      #expect(Set(reply.tokens.keys) == ["a", "b", "c"])
      for name in reply.names {
        #expect(await home.apus("lock", "release", name, String(reply.tokens[name] ?? 0)).status == 0)
      }
    }
  }

  @Test func `list, show and history say who, why, since when, and who waits`() async throws {
    try await TestHome.withLocks { home async throws in
      #expect(await home.apus("lock", "list").status == 0)
      let holder = try await home.holding("docker", "--note", "api, task-worker")
      let next = try home.start(["lock", "run", "docker", "--note", "ui", "--", "true"])
      try await home.queue("docker", is: 1)
      let list = await home.apus("lock", "list")
      for word in ["docker", "pid \(holder.pid)", "api, task-worker"] { #expect(list.output.contains(word), "\(list)") }
      let shown = await home.apus("lock", "show", "docker")
      for word in ["pid \(holder.pid)", "api, task-worker", "pid \(next.pid)", "ui", "release"] {
        #expect(shown.output.contains(word), "\(word): \(shown.output)")
      }
      let all: [JSON] = try await home.json("lock", "list")
      let lock = try #require(all.first?.object)
      #expect(all.count == 1)
      #expect(lock["name"]?.string == "docker" && lock["state"]?.string == "held" && lock["scope"]?.string == "")
      #expect(lock["holder"]?["name"]?.string == "pid \(holder.pid)")
      #expect(lock["holder"]?["isSession"]?.bool == false)
      #expect(lock["note"]?.string == "api, task-worker" && lock["onDeath"]?.string == "release")
      #expect(lock["token"]?.integer != nil && lock["since"]?.string?.hasSuffix("Z") == true)
      #expect(lock["proof"]?.string == "asked" && lock["proofAge"]?.double != nil && lock["holds"]?.integer == 1)
      #expect(lock["queue"]?.array?.first?["note"]?.string == "ui")
      await holder.closeInput()
      #expect(try await holder.finish().status == 0)
      #expect(try await next.finish().status == 0)
      let history = await home.apus("lock", "history", "docker")
      #expect(history.lines.count >= 2 && history.output.contains("released"), "\(history.output)")
      let stories = try await home.lockHistory("docker")
      #expect(stories.map(\.note) == ["ui", "api, task-worker"])
      #expect(await home.apus("lock", "history", "--json", "--limit", "1").output.contains("\"ui\""))
    }
  }
}
