import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Row A8: reloads beside sessions that stream. Thirty of them here, a thousand with `make soak`.
@Suite struct ReloadTests {
  @Test func `no reload disturbs a session, keeps a port or leaves a process`() async throws {
    let count = ProcessInfo.processInfo.environment["APUS_SOAK"] == nil ? 30 : 1_000
    try await TestHome.withServers { home in
      let stop = home.root + "/stop"
      var sessions: [SessionObject] = []
      for name in ["s1", "s2", "s3", "s4", "s5"] {
        sessions.append(try await home.session("new", name, "--prompt", "count until \(stop) every 20"))
      }
      let before = try await agents(home, sessions)
      let portsBefore: [PortObject] = try await home.json("ports")
      try await home.serving("--settle", "20ms", "--", "python3", "plain.py", "workers") { _ in
        let server = try await home.until { $0.health == .healthy }
        for number in 1...count {
          home.edit(text: "v\(number)")
          let now = try await home.until { $0.change == number && $0.pending == 0 && $0.health == .healthy }
          #expect(now.reloads == number)
          // The owner, its guard, the server and its two: never more than one set of them.
          if number % 10 == 0 {
            let tree = Processes.below([Int32(server.owner)])
            #expect(tree.count == 4, "\(tree.map { TestHome.text("/proc/\($0.pid)/cmdline") })")
            #expect(await home.get(now.port)?.hasPrefix("v\(number) ") == true)
          }
        }
      }
      let after = try await agents(home, sessions)
      #expect(after == before)
      let portsAfter: [PortObject] = try await home.json("ports")
      #expect(portsAfter.map(\.port) == portsBefore.map(\.port))
      TestHome.write("", to: stop)
      for session in sessions {
        let ended = try await home.session("wait", session.name)
        #expect(ended.activity == .idle && ended.state == .running)
      }
    }
  }

  /// The agents' processes, every one of them in its turn.
  private func agents(_ home: TestHome, _ sessions: [SessionObject]) async throws -> [Int] {
    var pids: [Int] = []
    for session in sessions {
      let isAtWork = try await eventually { try await home.session("show", session.name).activity == .working }
      #expect(isAtWork)
      pids.append(try #require(try await home.session("show", session.name).pid))
    }
    return pids
  }

  @Test func `a watch the kernel refuses is an error that names the setting to raise`() async throws {
    try await TestHome.withServers { home in
      for number in 0..<40 { mkdir(home.server + "/d\(number)", 0o755) }
      #expect(await home.apus("up").status == 0)
      // A user of their own, with limits of their own; the daemon is outside of that.
      let limited = await Program.run(
        [
          "/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c",
          "echo 20 > /proc/sys/user/max_inotify_watches && exec apus dev -- python3 plain.py",
        ], environment: home.environment, directory: home.server)
      #expect(limited.status == 1, "\(limited.output) \(limited.errors)")
      #expect(limited.errors.contains("sysctl fs.inotify.max_user_watches=524288"))
      let instances = await Program.run(
        [
          "/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c",
          "echo 0 > /proc/sys/user/max_inotify_instances && exec apus dev -- python3 plain.py",
        ], environment: home.environment, directory: home.server)
      #expect(instances.status == 1 && instances.errors.contains("fs.inotify.max_user_instances"))
      let left = try await home.servers()
      #expect(left.isEmpty)
    }
  }
}
