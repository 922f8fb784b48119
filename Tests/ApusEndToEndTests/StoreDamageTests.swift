import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// A store that cannot be read is told and left as it is; one of a later version keeps what is not ours.
@Suite struct StoreDamageTests {
  @Test func `a damaged store is told and not touched`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      #expect(await home.apus("down", "--end").status == 0)
      let path = home.apusHome + "/apus.db"
      let whole = Disk.bytes(path)
      let cases = [
        Array("this is no database, whatever its name says".utf8) + whole.dropFirst(43),
        whole.prefix(4096) + [UInt8](repeating: 0xA5, count: whole.count - 4096), Array(whole.prefix(whole.count / 2)),
      ]
      for damaged in cases {
        Disk.write(damaged, to: path)
        let (failure, status) = try await home.failure("list")
        #expect(status == 1)
        #expect(failure.summary.contains(path), "\(failure.summary)")
        #expect(failure.summary.contains("damaged") || failure.summary.contains("cannot be read"), "\(failure.summary)")
        #expect(failure.hint != nil)
        #expect(Disk.bytes(path) == damaged, "it was left as it is")
      }
      Disk.write(whole, to: path)
      #expect(try await home.session("resume", "one", "say: again", "--wait").result == "again")
    }
  }

  @Test func `a record that cannot be read stops the daemon, and is not lost`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      #expect(await home.apus("down", "--end").status == 0)
      let body = try await home.store("SELECT body FROM sessions")
      try await home.store("UPDATE sessions SET body = '{\"id\":7}'")
      let (failure, status) = try await home.failure("list")
      #expect(status == 1)
      #expect(failure.summary.contains("a record in the store cannot be read"), "\(failure.summary)")
      #expect(try await home.store("SELECT body FROM sessions") == #"{"id":7}"#)
      try await home.store("UPDATE sessions SET body = ?", body)
      #expect(try await home.session("show", "one").name == "one")
    }
  }

  @Test func `fields of a later version survive every change of the record`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      #expect(await home.apus("down", "--end").status == 0)
      try await home.store(
        """
        UPDATE sessions SET body = json_set(body, '$.worktree', json('{"branch":"b/ü","ports":[1,2.5,null,true]}'),
          '$.zeal', 'später')
        """)
      _ = try await home.session("tag", "one", "later")
      _ = try await home.session("rename", "one", "uno")
      #expect(try await home.session("resume", "uno", "say: again", "--wait").result == "again")
      #expect(await home.apus("down", "--end").status == 0)
      let kept = try JSONText.decode(JSON.self, from: Array(try await home.store("SELECT body FROM sessions").utf8))
      #expect(kept["worktree"]?["branch"]?.string == "b/ü")
      #expect(kept["worktree"]?["ports"] == .array([.integer(1), .number(2.5), .null, .bool(true)]))
      #expect(kept["zeal"]?.string == "später")
      #expect(kept["name"]?.string == "uno")
    }
  }
}
