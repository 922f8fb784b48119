import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Row E2: a lock that is kept until what it was taken for is well.
@Suite struct LockVerifyTests {
  @Test func `a lock is kept until its check succeeds`() async throws {
    try await TestHome.withLocks { home async throws in
      let well = home.root + "/well"
      let running = try home.start([
        "lock", "run", "up", "--verify", "echo look >> \(home.root)/looks; test -e \(well)", "--", "sh", "-c",
        "echo done; exit 0",
      ])
      #expect(try await running.line() == Array("done".utf8))
      #expect(await eventually { TestHome.text(home.root + "/looks").count > 5 })
      #expect(try await home.lock("up").state == "held")
      let next = try home.start(["lock", "run", "up", "--", "test", "-e", well])
      try await home.queue("up", is: 1)
      TestHome.write("", to: well)
      let ran = try await running.finish()
      #expect(ran.status == 0)
      #expect(ran.errors.contains("up is kept until this succeeds"), "\(ran.errors)")
      #expect(try await next.finish().status == 0)
    }
  }

  @Test func `a check that never succeeds is given up in time, and a failed command's code is kept`() async throws {
    try await TestHome.withLocks { home async throws in
      let never = await home.apus("lock", "run", "up", "--verify", "false", "--verify-for", "1s", "--", "true")
      #expect(never.status == 124)
      #expect(never.errors.contains("up was released although its check never succeeded"), "\(never.errors)")
      let failed = await home.apus(
        "lock", "run", "up", "--verify", "false", "--verify-for", "1s", "--", "sh", "-c", "exit 7")
      #expect(failed.status == 7)
      // One that hangs, and will not end, is ended.
      let hangs = await home.apus(
        "lock", "run", "up", "--verify", "trap '' TERM; sleep 1000; sleep 1000", "--verify-for", "1s", "--", "true")
      #expect(hangs.status == 124)
      #expect(try await home.lock("up").state == "free")
    }
  }

  @Test func `who is asked to end while a check fails gives the lock back`() async throws {
    try await TestHome.withLocks { home async throws in
      for (signal, check) in [(SIGTERM, "false"), (SIGINT, "sleep 1000")] {
        let looks = home.root + "/looks\(signal)"
        let running = try home.start(["lock", "run", "up", "--verify", "echo >> \(looks); \(check)", "--", "true"])
        #expect(await eventually { !TestHome.text(looks).isEmpty })
        running.kill(signal)
        #expect(try await running.finish().status == 128 + signal)
        #expect(try await home.lock("up").state == "free")
      }
    }
  }
}
