import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Named servers of the configuration, in the background: one set for a checkout, or one per session.
@Suite struct UpTests {
  private static let settings = """
    {
      "ports": {"PORT": 3000, "WEB_PORT": 3100},
      "dev": {
        "api": {"command": "exec python3 plain.py", "directory": "server", "ignore": ["*.js"]},
        "web": {"command": "exec node node-server.js", "directory": "server", "port": "WEB_PORT", "watch": ["."], "reload": false}
      }
    }
    """

  private func servers(_ home: TestHome, _ words: String...) async -> Outcome {
    await Program.run(
      [Checkout.programs + "/apus", "dev"] + words, environment: home.environment, directory: home.work)
  }

  @Test func `up starts all of them, status shows them, and stop ends them`() async throws {
    try await TestHome.withServers(settings: Self.settings) { home in
      let up = await servers(home, "up")
      #expect(up.status == 0, "\(up.output) \(up.errors)")
      let all = try await home.servers()
      #expect(all.map(\.name) == ["api", "web"] && all.allSatisfy { $0.health == .healthy && $0.background })
      #expect(all[0].reload && !all[1].reload && all[1].reloadWhy == ".apus/config.json")
      #expect(await home.get(all[0].port)?.hasPrefix("one") == true)
      #expect(await home.get(all[1].port) == "one")
      home.edit(text: "two")
      home.edit("node-server.js", text: "two")
      let isLoaded = try await eventually {
        let now = try await home.servers()
        return now[0].reloads == 1 && now[0].health == .healthy && now[1].pending == 2
      }
      #expect(isLoaded)
      #expect(await home.get(all[1].port) == "one")
      #expect(await servers(home, "reload", "web").status == 0)
      #expect(await home.get(all[1].port) == "two")
      let log = await servers(home, "logs", "api")
      #expect(log.output == "serving one\nserving two\n")
      let twice = await servers(home, "up", "api")
      #expect(twice.status == 1 && twice.errors.contains("runs already"))
      let tree = Processes.carrying("APUS_DEV=" + all[0].id) + Processes.carrying("APUS_DEV=" + all[1].id)
      #expect(tree.count >= 4)
      #expect(await servers(home, "stop").status == 0)
      let isGone = await eventually { tree.filter(Processes.isAlive).isEmpty }
      #expect(isGone && home.isFree(all[0].port) && home.isFree(all[1].port))
      #expect(await servers(home, "up", "nothing").status == 3)
    }
  }

  @Test func `a session has a set of its own, in its place, with its ports`() async throws {
    try await TestHome.withServers(settings: Self.settings) { home in
      let session = try await home.session("new", "add-auth")
      #expect(await servers(home, "up").status == 0)
      let own = await servers(home, "up", "--session", "add-auth")
      #expect(own.status == 0, "\(own.output) \(own.errors)")
      let mine = try await home.servers().filter { $0.session == "add-auth" }
      #expect(mine.map(\.name) == ["api", "web"])
      #expect(mine[0].port == session.ports["PORT"] && mine[1].port == session.ports["WEB_PORT"])
      #expect(mine.allSatisfy { $0.directory.hasPrefix(session.directory) })
      // What the session changes is seen by its own alone, and by its agent's tools without naming it.
      TestHome.write(
        TestHome.text(session.directory + "/server/plain.py").replacingOccurrences(of: "\"one\"", with: "\"two\""),
        to: session.directory + "/server/plain.py")
      let isLoaded = try await eventually {
        let now = try await home.servers()
        return now.first { $0.id == mine[0].id }?.reloads == 1
          && now.filter { $0.session == nil }.allSatisfy { $0.change == 0 }
      }
      #expect(isLoaded)
      // Its place cannot go while they serve there: they are ended first.
      let removed = await home.apus("remove", "add-auth", "--discard-uncommitted", "--stop")
      #expect(removed.status == 0, "\(removed.errors)")
      let left = try await home.servers()
      #expect(left.map(\.session) == [nil, nil])
      #expect(await servers(home, "stop").status == 0)
    }
  }

  @Test func `one command goes on in the background until it is stopped`() async throws {
    try await TestHome.withServers { home in
      let made = await home.apus(
        "dev", "--background", "--name", "bg", "--", "python3", "plain.py", directory: home.server)
      #expect(made.status == 0 && made.output.contains("bg  ● healthy"), "\(made.output) \(made.errors)")
      let server = try await home.until { $0.health == .healthy && $0.background }
      #expect(await servers(home, "stop", "bg").status == 0)
      #expect(home.isFree(server.port))
    }
  }

  @Test func `what cannot come up says why, the others serve`() async throws {
    try await TestHome.withServers(
      settings: #"{"dev": {"good": "cd server && exec python3 plain.py", "bad": "echo no database; exit 3"}}"#
    ) { home in
      let up = await servers(home, "up")
      #expect(up.status == 1)
      #expect(up.output.contains("no database") && up.output.contains("exit 3"))
      let all = try await home.servers()
      // It is tried again meanwhile.
      #expect(all[0].health != .healthy && all[0].last?.kind == .failed && all[1].health == .healthy)
      // The daemon's deliberate end is theirs.
      #expect(await home.apus("down", "--end").status == 0)
      let isGone = await eventually {
        all.allSatisfy { Processes.carrying("APUS_DEV=" + $0.id).isEmpty && home.isFree($0.port) }
      }
      #expect(isGone)
    }
  }
}
