import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row E3: a daemon may be killed at any moment, its store may be an older copy, its disk may be full.
@Suite struct LockRestartTests {
  private static let rounds = getenv("APUS_SOAK") == nil ? 20 : 200

  @Test func `a killed daemon costs no holder its right and nobody who waits its place`() async throws {
    try await TestHome.withLocks { home async throws in
      let order = home.root + "/order"
      var highest: Int64 = 0
      for round in 0..<Self.rounds {
        let holder = try await home.holding("a", "--on-death", "hold")
        let token = try #require(try await home.lock("a").token)
        #expect(token > highest, "round \(round)")
        var waiting: [Running] = []
        for number in 0..<3 {
          waiting.append(
            try home.start([
              "lock", "run", "a", "--", "sh", "-c", "echo \(round) \(number) $APUS_LOCK_TOKEN >> \(order)",
            ]))
          try await home.queue("a", is: number + 1)
        }
        try home.killDaemon()
        if round % 2 == 0 { #expect(await home.apus("list").status == 0) }
        #expect(await home.apus("lock", "verify", "a", String(token)).status == 0)
        #expect(await home.apus("lock", "run", "a", "--try", "--", "true").status == 4)
        #expect(try await home.lock("a").queue.map(\.owner.name) == waiting.map { "pid \($0.pid)" })
        if round % 3 == 0 { try home.killDaemon() }
        await holder.closeInput()
        #expect(try await holder.finish().status == 0)
        for one in waiting { #expect(try await one.finish().status == 0, "round \(round)") }
        highest = try #require(try await home.lockHistory("a").first?.token)
      }
      let rows = TestHome.text(order).split(separator: "\n").map { $0.split(separator: " ").compactMap { Int64($0) } }
      #expect(rows.map { $0.prefix(2) } == (0..<Int64(Self.rounds)).flatMap { round in (0..<3).map { [round, $0] } })
      #expect(rows.map { $0[2] } == rows.map { $0[2] }.sorted() && Set(rows.map { $0[2] }).count == rows.count)
    }
  }

  @Test func `a holder that dies while there is no daemon does not keep its lock`() async throws {
    try await TestHome.withLocks { home async throws in
      let holder = try await home.holding("a")
      let next = try home.start(["lock", "run", "a", "--", "echo", "mine"])
      try await home.queue("a", is: 1)
      // Neither may begin a new one yet.
      next.kill(SIGSTOP)
      try home.killDaemon()
      holder.kill()
      next.kill(SIGCONT)
      #expect(try await next.finish().output == "mine\n")
      #expect(try await home.lockHistory("a").last?.ending.contains("was gone when the daemon began") == true)
      await holder.release()
    }
  }

  @Test func `with an older copy of the store tokens go on above all that were given`() async throws {
    try await TestHome.withLocks { home async throws in
      func token() async throws -> Int64 {
        let ran = await home.apus("lock", "run", "a", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN")
        return try #require(ran.lines.first.flatMap { Int64($0) }, "\(ran.errors)")
      }
      var tokens = [try await token()]
      for _ in 0..<3 {
        #expect(await home.apus("down").status == 0)
        #expect(await home.shell("rm -rf \(home.root)/copy && cp -a \(home.apusHome) \(home.root)/copy").status == 0)
        for _ in 0..<5 { tokens.append(try await token()) }
        #expect(await home.apus("down").status == 0)
        #expect(
          await home.shell("rm -f \(home.apusHome)/*.db* && cp -a \(home.root)/copy/*.db* \(home.apusHome)/").status
            == 0)
        tokens.append(try await token())
      }
      #expect(tokens == tokens.sorted() && Set(tokens).count == tokens.count, "\(tokens)")
    }
  }

  @Test func `of very many holdings the latest are remembered`() async throws {
    try await TestHome.withLocks { home async throws in
      let hold = ["lock", "run", "a", "--note", "kept", "--", "true"]
      #expect(await home.run(hold).status == 0)
      #expect(await home.apus("down").status == 0)
      // The next holding is the 21 504th, which is when it is looked how many there are.
      try await home.store(
        """
        WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < 21503)
        INSERT INTO stories SELECT n, scope, name, until, body FROM numbers, stories WHERE row = 1
        """, file: "events.db")
      #expect(await home.run(hold).status == 0)
      #expect(try await home.lockHistory("a").count == 1000)
      #expect(await home.apus("down").status == 0)
      let kept = try await home.store("SELECT COUNT(*) || ' from ' || MIN(row) FROM stories", file: "events.db")
      #expect(kept == "20000 from 1505")
    }
  }

  @Test(.enabled(if: SmallDisk.isPossible))
  func `on a full disk nothing is granted that could not be kept, and it goes on with room`() async throws {
    try await TestHome.withLocks { home async throws in
      let disk = try #require(SmallDisk(at: home.apusHome, megabytes: 16))
      defer { disk.takeAway() }
      let holder = try await home.holding("a", "--on-death", "hold")
      let before = try #require(try await home.lock("a").token)
      disk.fill()
      var refused = 0
      var tokens: [String: [Int64]] = [:]
      // What is free already in the store's files may hold some more.
      for number in 0..<400 where refused < 20 {
        let name = "b\(number % 3)"
        let ran = await home.apus("lock", "run", name, "--try", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN")
        if ran.status == 0 { tokens[name, default: []].append(try #require(ran.lines.first.flatMap { Int64($0) })) }
        guard ran.status != 0, ran.status != 4 else { continue }
        refused += 1
        #expect(ran.status == 1 && ran.output == "")
        #expect(ran.errors.contains("is full"), "\(ran.errors)")
        #expect(ran.errors.contains("hint: "))
      }
      #expect(refused > 0)
      #expect(await home.apus("lock", "verify", "a", String(before)).status == 0)
      disk.makeRoom()
      for name in ["b0", "b1", "b2"] {
        let ran = await home.apus("lock", "run", name, "--wait", "30s", "--", "sh", "-c", "echo $APUS_LOCK_TOKEN")
        #expect(ran.status == 0, "\(ran.errors)")
        tokens[name, default: []].append(try #require(ran.lines.first.flatMap { Int64($0) }))
      }
      // A name that was begun on a full disk begins again above the time of day, not at one.
      for all in tokens.values {
        #expect(all == all.sorted() && Set(all).count == all.count && all[0] > 1_000_000_000_000)
      }
      await holder.closeInput()
      #expect(try await holder.finish().status == 0)
      #expect(try await home.lock("a").state == "free")
      #expect(await home.apus("down", "--end").status == 0)
    }
  }
}
