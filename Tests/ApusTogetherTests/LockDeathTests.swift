import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E3: what happens to a lock whose holder dies, falls silent, or is robbed of it.
@Suite struct LockDeathTests {
  /// Holds on in a tree of which nothing ends when it is asked to; prints the pids of all of it.
  private static let stubborn =
    #"trap '' TERM HUP; (setsid sh -c 'trap "" TERM HUP; echo $$; while :; do sleep 0.05; done' &); "#
    + "echo $$; while :; do sleep 0.05; done"

  private static func pids(_ running: Running, _ count: Int) async throws -> [Int32] {
    var pids: [Int32] = []
    for _ in 0..<count {
      let line = try #require(try await running.line())
      pids.append(try #require(Int32(String(decoding: line, as: UTF8.self))))
    }
    return pids
  }

  /// What the next holder sees of the last one's processes; ended ones that nobody has buried yet are none.
  private static func look(_ pids: [Int32]) -> String {
    pids.map { "grep -hs '^State:.[^ZX]' /proc/\($0)/status" }.joined(separator: "; ") + "; echo looked"
  }

  @Test func `a killed holder's whole tree has ended before the next has the lock`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try home.start(["lock", "run", "a", "--", "bash", "-c", Self.stubborn])
      let pids = try await Self.pids(holder, 2)
      let next = try home.start(["lock", "run", "a", "--", "sh", "-c", Self.look(pids)])
      try await home.queue("a", is: 1)
      holder.kill()
      #expect(try await next.finish().output == "looked\n")
      let story = try #require(try await home.lockHistory("a").last)
      #expect(story.ending.hasPrefix("process \(holder.pid) ended; "), "\(story.ending)")
      #expect(story.ending.hasSuffix("processes of its command were ended"), "\(story.ending)")
      await holder.release()
    }
  }

  @Test func `what runs under another lock inside a killed holder's tree ends before the next has the lock`()
    async throws
  {
    try await TestHome.withLocks { home async throws in
      let program = home.program("inside", "#!/bin/bash\n" + Self.stubborn + "\n")
      let holder = try home.start(["lock", "run", "outer", "--", "apus", "lock", "run", "inner", "--", program])
      let pids = try await Self.pids(holder, 2)
      let next = try home.start(["lock", "run", "outer", "--", "sh", "-c", Self.look(pids)])
      try await home.queue("outer", is: 1)
      holder.kill()
      #expect(try await next.finish().output == "looked\n")
      #expect(await home.apus("lock", "run", "inner", "--wait", "20s", "--", "true").status == 0)
      await holder.release()
    }
  }

  @Test func `after a death with a delay the next waits that long`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a", "--on-death", "delay:1s")
      let next = try home.start(["lock", "run", "a", "--", "echo", "mine"])
      try await home.queue("a", is: 1)
      let began = clock
      holder.kill()
      #expect(try await next.finish().output == "mine\n")
      #expect(clock - began >= 1)
      // A clean end needs no delay.
      #expect(await home.apus("lock", "run", "a", "--on-death", "delay:1000s", "--", "true").status == 0)
      #expect(try await home.lock("a").state == "free")
      await holder.release()
    }
  }

  @Test func `after a death with a probe the next waits until that says nothing goes on`() async throws {
    try await TestHome.withLocks { home async throws in
      let idle = home.root + "/idle"
      let holder = try await home.holding("a", "--on-death", "probe:test -e \(idle)", "--note", "build")
      let next = try home.start(["lock", "run", "a", "--", "echo", "mine"])
      try await home.queue("a", is: 1)
      holder.kill()
      #expect(try await eventually { try await home.lock("a").state == "draining" })
      let shown = try await home.lock("a")
      #expect(shown.evidence == "process \(holder.pid) ended")
      #expect(shown.onDeath == "probe:test -e \(idle)")
      #expect(shown.queue.count == 1)
      let refused = await home.apus("lock", "acquire", "a", "--try")
      #expect(refused.status == 4 && refused.errors.contains("which died"), "\(refused.errors)")
      TestHome.write("", to: idle)
      #expect(try await next.finish().output == "mine\n")
      #expect(try await home.lockHistory("a").last?.ending == "process \(holder.pid) ended; the probe succeeded")
      await holder.release()
    }
  }

  @Test func `after a death on hold a person has to break it, with a reason that is kept`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a", "--on-death", "hold")
      let token = try #require(try await home.lock("a").token)
      holder.kill()
      #expect(try await eventually { try await home.lock("a").state == "draining" })
      #expect(await home.apus("lock", "run", "a", "--wait", "1s", "--", "true").status == 124)
      #expect(await home.apus("lock", "break", "a").status == 2)
      #expect(await home.apus("lock", "break", "a", "--reason", "the build is gone").status == 0)
      #expect(try await home.lock("a").state == "free")
      let after = await home.apus("lock", "run", "a", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN")
      #expect(try #require(after.lines.first.flatMap { Int64($0) }) > token)
      #expect(try await home.lockHistory("a").last?.ending == "broken: a person: the build is gone")
      #expect(await home.apus("lock", "break", "a", "--reason", "again").status == 4)
      await holder.release()
    }
  }

  @Test func `who is robbed of a lock hears it at once and ends its command`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try home.start(["lock", "run", "a", "--", "bash", "-c", Self.stubborn])
      let pids = try await Self.pids(holder, 2)
      let marks = pids.compactMap { Processes.mark(of: $0) }
      #expect(await home.apus("lock", "break", "a", "--reason", "it hangs").status == 0)
      let ran = try await holder.finish(seconds: 20)
      #expect(ran.status != 0)
      #expect(ran.errors.contains("error: the lock a was lost"), "\(ran.errors)")
      for mark in marks { #expect(!Processes.isAlive(mark)) }
      #expect(try await home.lock("a").state == "free")
    }
  }

  @Test func `a holder that is stopped keeps its lock for as long as it may be silent, and learns that it lost it`()
    async throws
  {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a", "--ttl", "2s")
      // Alive it keeps the lock beyond that time.
      #expect(await home.apus("lock", "run", "a", "--wait", "3s", "--", "true").status == 124)
      holder.kill(SIGSTOP)
      let began = clock
      let next = await home.apus("lock", "run", "a", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN")
      let waited = clock - began
      #expect(next.status == 0, "\(next.errors)")
      #expect(waited >= 1.5, "\(waited)")
      let story = try #require(try await home.lockHistory("a").last)
      #expect(story.ending.hasPrefix("no sign of life for "), "\(story.ending)")
      #expect(try #require(next.lines.first.flatMap { Int64($0) }) > story.token)
      holder.kill(SIGCONT)
      let ran = try await holder.finish()
      #expect(ran.status == 143, "\(ran)")
      #expect(ran.errors.contains("error: the lock a was lost"), "\(ran.errors)")
    }
  }
}
