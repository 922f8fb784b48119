import ApusCore
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// One daemon, one owner, and nothing of a home is for others to read.
@Suite struct HomeTests {
  /// A daemon started by hand; what it says of its start.
  private func startDaemon(_ home: TestHome) async -> String {
    await home.shell("exec apusd 3>&1").output
  }

  @Test func `a second daemon says who has the home and leaves it alone`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one")
      let daemon = try #require(home.daemon())
      let said = await startDaemon(home)
      #expect(said.contains("another daemon (pid \(daemon.pid)) serves \(home.apusHome)"), "\(said)")
      #expect(home.daemon() == daemon)
      #expect(try await home.session("send", "one", "say: still here", "--wait").result == "still here")
    }
  }

  @Test func `the socket file of a daemon that was killed is replaced`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      #expect(await home.apus("up").status == 0)
      let daemon = try #require(home.daemon())
      kill(daemon.pid, SIGKILL)
      #expect(ended(daemon.pid, start: daemon.start))
      #expect(Disk.isThere(home.apusHome + "/apusd.sock"))
      let again = await home.apus("up", "--json")
      #expect(again.status == 0, "\(again.output)")
      #expect(home.daemon() != daemon)
    }
  }

  @Test func `a socket that still answers is neither unlinked nor taken for a daemon`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      _ = try await home.session("new", "one")
      #expect(await home.apus("down", "--end").status == 0)
      let path = home.apusHome + "/apusd.sock"
      let stranger = apus_unix_listen(path, 16)
      try #require(stranger >= 0)
      var before = stat()
      lstat(path, &before)
      let said = await startDaemon(home)
      #expect(said.contains("something answers at \(path) although no daemon holds the home's lock"), "\(said)")
      // It never says a word: whoever asks must not wait for it for ever.
      let (failure, status) = try await home.failure("list")
      #expect(failure.code == .daemonTaken)
      #expect(failure.summary.contains(path))
      #expect(status == 4)
      var after = stat()
      lstat(path, &after)
      #expect(after.st_ino == before.st_ino)
      close(stranger)
      #expect(await home.apus("list").status == 0)
    }
  }

  @Test(.enabled(if: OtherUser.isPossible))
  func `another user's home is refused, from both sides`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      // Ours, and theirs to try.
      #expect(await home.apus("up").status == 0)
      let user = try await OtherUser(home)
      let refused = await user.apus("list", "--json")
      #expect(refused.status == 1)
      #expect(refused.output.contains("home.refused") || refused.output.contains("daemon.unreachable"))
      #expect(refused.output.contains("APUS_HOME"))

      // Theirs, and ours to refuse although root could enter.
      let theirs = home.root + "/theirs"
      let made = await user.run(["/bin/mkdir", "-m", "755", theirs])
      #expect(made.status == 0)
      let (failure, status) = try await home.failure("list", extra: ["APUS_HOME": theirs])
      #expect(failure.code == .homeRefused)
      #expect(failure.summary.contains("belongs to another user (uid \(OtherUser.id))"))
      #expect(status == 1)
      #expect(Disk.mode(theirs) == 0o755)
      #expect(Disk.everything(below: theirs).count == 1)

      // A living daemon of theirs is not spoken to either.
      let up = await user.apus("up", extra: ["APUS_HOME": theirs])
      #expect(up.status == 0, "\(up.errors)")
      let (other, _) = try await home.failure("list", extra: ["APUS_HOME": theirs])
      #expect(other.code == .homeRefused)
      #expect(await user.apus("down", extra: ["APUS_HOME": theirs]).status == 0)
    }
  }

  @Test func `a home open to others is closed, and all that is in it after use`() async throws {
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      mkdir(home.apusHome, 0o755)
      chmod(home.apusHome, 0o755)
      _ = try await home.session("new", "one", "--prompt", "say: hello", "--wait")
      _ = try await home.session("new", "two")
      #expect(await home.apus("stop", "one").status == 0)
      try expectClosed(home.apusHome)
      #expect(await home.apus("down", "--end").status == 0)
      try expectClosed(home.apusHome)
    }
  }

  @Test func `a home with a long name works, its sockets in a directory of its own below TMPDIR`() async throws {
    let base = "/tmp/apus-test-XXXXXX/"
    let long = String(repeating: "n", count: 200 - base.utf8.count)
    try await TestHome.with(agent: Checkout.scriptedAgent) { home in
      let path = home.root + "/" + long
      #expect(path.utf8.count == 200)
      let extra = ["APUS_HOME": path]
      let made = try await home.session("new", "one", "--prompt", "say: far down", "--wait", extra: extra)
      #expect(made.result == "far down")
      #expect(try await home.session("stop", "one", extra: extra).state == .ended)
      #expect(try await home.session("resume", "one", "say: again", "--wait", extra: extra).result == "again")
      let sockets = home.root + "/tmp"
      let entries = Disk.everything(below: sockets).dropFirst()
      let directory = try #require(entries.first)
      #expect(directory.path.hasPrefix("\(sockets)/apus-\(getuid())-"))
      #expect(directory.mode == 0o700)
      #expect(entries.contains { $0.path == directory.path + "/apusd.sock" })
      try expectClosed(directory.path)
      try expectClosed(path)
      // From a shell with another TMPDIR the same daemon is found.
      let here = try await home.json("up", extra: extra)
      let there = try await home.json("up", extra: extra.merging(["TMPDIR": home.work]) { $1 })
      #expect(here["pid"] == there["pid"])
      let down = await home.run(["down", "--end"], extra: extra)
      #expect(down.status == 0)

      // Somebody else was there first: refused, not shared.
      if OtherUser.isPossible {
        chown(directory.path, OtherUser.id, OtherUser.id)
        let (failure, status) = try await home.failure("list", extra: extra)
        #expect(failure.code == .homeRefused)
        #expect(status == 1)
        chown(directory.path, getuid(), getgid())
      }
    }
  }

  private func expectClosed(_ path: String) throws {
    // A link has no permissions of its own.
    for entry in Disk.everything(below: path) where !entry.isLink {
      #expect(entry.mode == (entry.isDirectory ? 0o700 : 0o600), "\(entry.path) \(String(entry.mode, radix: 8))")
    }
  }
}
