import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows E2, E3: who waits, in which order, and for how long.
@Suite struct LockWaitTests {
  @Test func `who does not want to wait is told who has it and why`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("docker", "--note", "api, task-worker")
      let refused = await home.apus("lock", "run", "docker", "--try", "--", "echo", "never")
      #expect(refused.status == 4 && refused.output == "")
      #expect(refused.errors.contains("docker is held by pid \(holder.pid)"), "\(refused.errors)")
      #expect(refused.errors.contains("\"api, task-worker\""))
      let (failure, code) = try await home.failure("lock", "acquire", "docker", "--try")
      #expect(failure.code == .lockHeld && code == 4)
      await holder.closeInput()
      #expect(try await holder.finish().status == 0)
      #expect(await home.apus("lock", "run", "docker", "--try", "--", "echo", "now").output == "now\n")
    }
  }

  @Test func `a wait that runs out ends with 124 and leaves nothing in line`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a")
      let began = clock
      let late = await home.apus("lock", "run", "a", "--wait", "1s", "--", "echo", "never")
      #expect(late.status == 124 && late.output == "")
      #expect(clock - began >= 1)
      #expect(late.errors.contains("pid \(holder.pid)"), "\(late.errors)")
      let lock = try await home.lock("a")
      #expect(lock.queue.isEmpty)
      #expect(lock.holder?.name == "pid \(holder.pid)")
      await holder.closeInput()
      #expect(try await holder.finish().status == 0)
      #expect(try await home.lock("a").state == "free")
    }
  }

  @Test func `eight who wait get it in the order in which they came`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a", "--note", "first")
      let order = home.root + "/order"
      var waiting: [Running] = []
      for number in 0..<8 {
        waiting.append(
          try home.start(["lock", "run", "a", "--", "sh", "-c", "echo \(number) $APUS_LOCK_TOKEN >> \(order)"]))
        try await home.queue("a", is: number + 1)
      }
      await holder.closeInput()
      for one in waiting { #expect(try await one.finish().status == 0) }
      let rows = TestHome.text(order).split(separator: "\n").map { $0.split(separator: " ").compactMap { Int64($0) } }
      #expect(rows.map(\.first) == (0..<8).map { Int64($0) })
      #expect(rows.compactMap(\.last) == rows.compactMap(\.last).sorted())
      #expect(try await home.lockHistory("a").count == 9)
      _ = try await holder.finish()
    }
  }

  @Test func `who is killed while waiting is out of the line at once`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a")
      let run = try home.start(["lock", "run", "a", "--", "echo", "never"])
      try await home.queue("a", is: 1)
      let asked = try home.start(["lock", "acquire", "a"])
      try await home.queue("a", is: 2)
      let last = try home.start(["lock", "run", "a", "--", "echo", "mine"])
      try await home.queue("a", is: 3)
      run.kill()
      try await home.queue("a", is: 2)
      asked.kill()
      try await home.queue("a", is: 1)
      await holder.closeInput()
      #expect(try await last.finish().output == "mine\n")
      #expect(try await home.lock("a").state == "free")
      for one in [holder, run, asked] { await one.release() }
    }
  }

  @Test func `who waits is told for whom, and which place it has`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a", "--note", "why not")
      let first = try home.start(["lock", "run", "a", "--", "true"])
      try await home.queue("a", is: 1)
      let second = try home.start(["lock", "run", "a", "--", "true"])
      try await home.queue("a", is: 2)
      await holder.closeInput()
      let (one, other) = (try await first.finish(), try await second.finish())
      #expect(one.errors.contains("waiting for a: held by pid \(holder.pid)"), "\(one.errors)")
      #expect(one.errors.contains("for \"why not\"; next in line"))
      #expect(other.errors.contains("; 2nd in line"), "\(other.errors)")
      _ = try await holder.finish()
    }
  }

  @Test func `a command inside has the lock of the one around it, unless it will not`() async throws {
    try await TestHome.withLocks { home async throws in
      let inner = #"apus lock run a -- sh -c 'echo $APUS_LOCK_TOKEN'"#
      let twice = await home.apus("lock", "run", "a", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN; \(inner)")
      #expect(twice.status == 0 && twice.lines.count == 2 && twice.lines[0] == twice.lines[1], "\(twice)")
      // The inner one's end does not end the outer one's right.
      let still = await home.apus(
        "lock", "run", "a", "--", "sh", "-c", "apus lock run a -- true; apus lock verify a $APUS_LOCK_TOKEN")
      #expect(still.status == 0, "\(still.errors)")
      #expect(try await home.lockHistory("a").count == 2)

      let never = await home.apus("lock", "run", "a", "--", "apus", "lock", "run", "a", "--no-reentrant", "--", "true")
      #expect(never.status == 4)
      #expect(never.errors.contains("that would never end"), "\(never.errors)")
      let other = await home.apus("lock", "run", "a", "--", "sh", "-c", "apus lock run b -- apus lock show a --json")
      #expect(other.output.contains("\"held\""))
      for name in ["a", "b"] { #expect(try await home.lock(name).state == "free") }
    }
  }
}
