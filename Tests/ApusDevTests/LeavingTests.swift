import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Row A9: however a server's owner ends, nothing of the server is left, and its port is free.
@Suite struct LeavingTests {
  private func gone(_ home: TestHome, _ tree: [ProcessMark], _ port: Int?) async -> Bool {
    await eventually(seconds: 15) { tree.filter(Processes.isAlive).isEmpty && home.isFree(port) }
  }

  /// A server with children in sessions of their own, one of which cleared its environment; all that is below its owner.
  private func withTree(
    _ home: TestHome, _ words: [String] = [], _ body: (Running, DevServerObject, [ProcessMark]) async throws -> Void
  ) async throws {
    let running = try Running(
      [Checkout.programs + "/apus", "dev", "--stop-limit", "500ms"] + words + ["--", "python3", "plain.py", "workers"],
      environment: home.environment, directory: home.server)
    let server = try await home.until { $0.health == .healthy }
    let tree = Processes.below([Int32(server.owner)])
    #expect(tree.count >= 4)
    try await body(running, server, tree)
    await running.release()
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
  func `signals end all of it, and the exit code says which`(_ signal: Int32, _ code: Int32) async throws {
    try await TestHome.withServers { home in
      try await withTree(home) { running, server, tree in
        running.kill(signal)
        let ended = try await running.finish()
        #expect(ended.status == code)
        // What is over when the command is: nobody has to wait for the rest.
        #expect(tree.filter(Processes.isAlive).isEmpty && home.isFree(server.port))
      }
    }
  }

  @Test func `an owner that is killed leaves nothing`() async throws {
    try await TestHome.withServers { home in
      try await withTree(home) { running, server, tree in
        running.kill(SIGKILL)
        #expect(await gone(home, tree, server.port))
        let isForgotten = try await eventually { try await home.servers().isEmpty }
        #expect(isForgotten)
      }
    }
  }

  @Test func `an owner that is killed while no daemon is there leaves nothing`() async throws {
    try await TestHome.withServers { home in
      try await withTree(home) { running, server, tree in
        #expect(await home.apus("down", "--persist").status == 0)
        running.kill(SIGKILL)
        #expect(await gone(home, tree, server.port))
      }
    }
  }

  @Test func `a guard that is killed leaves nothing, and the server can be started again`() async throws {
    try await TestHome.withServers { home in
      try await withTree(home) { running, server, tree in
        let keeper = try #require(
          tree.first { mark in
            TestHome.text("/proc/\(mark.pid)/cmdline").hasPrefix("apus-keeper\0--guard")
          })
        Processes.signal(keeper, SIGKILL)
        #expect(await gone(home, tree, server.port))
        _ = try await home.until { $0.health == .ended }
        home.edit(text: "two")
        let again = try await home.until { $0.health == .healthy }
        #expect(await home.get(again.port)?.hasPrefix("two") == true)
        running.kill(SIGTERM)
        let ended = try await running.finish()
        #expect(ended.status == 143)
      }
    }
  }

  @Test func `owner and guard killed at once leave nothing that has their mark`() async throws {
    try await TestHome.withServers { home in
      let running = try home.dev("--", "python3", "plain.py")
      let server = try await home.until { $0.health == .healthy }
      let tree = Processes.below([Int32(server.owner)])
      let all =
        [try #require(running.mark)]
        + tree.filter { mark in
          TestHome.text("/proc/\(mark.pid)/cmdline").hasPrefix("apus-keeper")
        }
      #expect(all.count == 2)
      for mark in all { Processes.signal(mark, SIGKILL) }
      #expect(await gone(home, tree, server.port))
      await running.release()
    }
  }

  @Test func `a terminal that closes takes its server along`() async throws {
    try await TestHome.withServers { home in
      var tree: [ProcessMark] = []
      var port: Int?
      try await Pane.with(home) { pane in
        await pane.enter("cd server && apus dev -- python3 plain.py workers")
        try await pane.see("● healthy")
        let server = try await home.until { $0.health == .healthy }
        tree = Processes.below([Int32(server.owner)])
        port = server.port
      }
      #expect(tree.count >= 4)
      #expect(await gone(home, tree, port))
    }
  }

  @Test func `a daemon that is killed disturbs no server, and the next one knows it`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--", "python3", "plain.py") { _ in
        let before = try await home.until { $0.health == .healthy }
        let daemon = try #require(home.daemon())
        Processes.signal(daemon, SIGKILL)
        #expect(ended(daemon.pid, start: daemon.start))
        // Changes are loaded meanwhile, and another daemon is started for what it has to tell.
        home.edit(text: "two")
        let after = try await home.until {
          $0.id == before.id && $0.health == .healthy && $0.change == 1 && $0.pending == 0
        }
        #expect(after.port == before.port && after.owner == before.owner)
        #expect(await home.get(after.port)?.hasPrefix("two") == true)
      }
    }
  }
}
