import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Rows A1, A5, A6: real servers, started anew when their files change, politely, and known to be healthy.
@Suite struct ServerTests {
  @Test func `a real uvicorn serves what was changed, on the port it had`() async throws {
    try await TestHome.withServers { home in
      // It does as it was told, not as PORT says; where it listens is seen, and asked.
      let said = try await home.serving(
        "--health", "/", "--", Checkout.python, "-m", "uvicorn", "star:app", "--port", "3456", "--no-access-log",
        environment: ["UVICORN_PORT": "1"]
      ) { _ in
        #expect(await home.get(3456) == "one")
        try await home.until { $0.port == 3456 }
      }
      #expect(said.status == 143)
      let script = home.root + "/run.sh"
      TestHome.write("exec '\(Checkout.python)' -m uvicorn star:app --port $PORT", to: script)
      let ended = try await home.serving("--health", "/", "--name", "api", "--", "sh", script) { _ in
        let first = try await home.until { $0.health == .healthy }
        #expect(await home.get(first.port) == "one")
        home.edit("star.py", text: "two")
        let second = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(second.port == first.port && second.pid != first.pid && second.change == 1 && second.pending == 0)
        #expect(await home.get(first.port) == "two")
        #expect(second.lastWords == "api (port \(first.port ?? 0)) reloaded at change 1, healthy.")
      }
      #expect(ended.errors.contains("Uvicorn running on"))
      #expect(ended.errors.components(separatedBy: "Started server process").count == 3)
    }
  }

  @Test func `node and python's own server are served as they are`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--", "node", "node-server.js") { running in
        // The end of what is typed is no reason to stop.
        await running.closeInput()
        let first = try await home.until { $0.health == .healthy }
        #expect(first.name == "node-server")
        #expect(await home.get(first.port) == "one")
        home.edit("node-server.js", text: "two")
        let second = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(await home.get(second.port) == "two")
      }
      // It knows nothing of PORT: where it listens is seen.
      try await home.serving("--port", "4567", "--", "python3", "-m", "http.server", "4567", "--bind", "127.0.0.1") {
        _ in
        #expect(await home.get(4567)?.contains("plain.py") == true)
      }
      #expect(home.isFree(4567))
    }
  }

  @Test func `a reload ends the whole tree of the old one, and so does the end`() async throws {
    try await TestHome.withServers { home in
      var seen: [ProcessMark] = []
      try await home.serving("--", "python3", "plain.py", "workers") { _ in
        let first = try await home.until { $0.health == .healthy }
        let old = home.tree(of: first.id)
        // The guard, the server, and what cleared its environment and has another parent.
        #expect(old.count >= 4)
        home.edit(text: "two")
        _ = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(old.filter(Processes.isAlive).isEmpty)
        seen = home.tree(of: first.id)
        #expect(seen.count >= 4)
      }
      #expect(seen.filter(Processes.isAlive).isEmpty)
    }
  }

  @Test func `one that ignores politeness is killed when its time is over, and the next one starts`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--stop-limit", "300ms", "--", "python3", "plain.py", "stubborn") { _ in
        let first = try await home.until { $0.health == .healthy }
        home.edit(text: "two")
        let second = try await home.until { $0.reloads == 1 && $0.health == .healthy }
        #expect(second.port == first.port)
        #expect(await home.get(second.port)?.hasPrefix("two") == true)
      }
    }
  }

  @Test func `one that crashes at its start shows its last lines, is tried again, and comes up once it is mended`()
    async throws
  {
    try await TestHome.withServers { home in
      TestHome.write(
        "print('line before')\nraise SystemExit('cannot open the database')\n", to: home.server + "/bad.py")
      let running = try home.dev("--", "python3", "bad.py")
      let failed = try await home.until { $0.health == .failed && $0.reloads >= 2 }
      #expect(failed.lines.contains { $0.contains("cannot open the database") })
      #expect(failed.lines.contains("line before"))
      #expect(failed.last?.kind == .failed && failed.last?.status == 1)
      #expect(failed.last?.retry ?? 0 >= 0.5)
      let good = TestHome.text(home.server + "/plain.py")
      TestHome.write(good, to: home.server + "/bad.py")
      let well = try await home.until { $0.health == .healthy }
      #expect(await home.get(well.port)?.hasPrefix("one") == true)
      running.kill(SIGINT)
      let ended = try await running.finish()
      await running.release()
      #expect(ended.status == 130)
      #expect(ended.errors.contains("it does not come up (exit 1); tried again in 0.5 s"))
    }
  }

  @Test func `one that binds late is starting until then, and late when its time is over`() async throws {
    try await TestHome.withServers { home in
      mkfifo(home.server + "/go", 0o600)
      let running = try home.dev("--start-limit", "1s", "--", "python3", "plain.py", "late", "go")
      _ = try await home.until { $0.health == .starting && $0.pid != nil }
      let late = try await home.until { $0.health == .late && $0.problem != nil }
      #expect(late.problem?.contains("nothing listens on port") == true)
      TestHome.write("go", to: home.server + "/go")
      _ = try await home.until { $0.health == .healthy }
      running.kill(SIGTERM)
      _ = try await running.finish()
      await running.release()
    }
  }

  @Test func `a health check is asked, and what it says counts`() async throws {
    try await TestHome.withServers { home in
      let running = try home.dev("--health", "/ok", "--start-limit", "500ms", "--", "python3", "plain.py", "sick")
      let late = try await home.until { $0.health == .late && $0.problem != nil }
      #expect(late.problem == "/ok answers 503")
      TestHome.write("", to: home.server + "/well")
      _ = try await home.until { $0.health == .healthy && $0.problem == nil }
      running.kill(SIGTERM)
      _ = try await running.finish()
      await running.release()
      for wrong in ["https://127.0.0.1/", "example.org", "http://example.org/", "ftp://x", "http://127.0.0.1:0/"] {
        let outcome = await home.apus("dev", "--health", wrong, "--", "true")
        #expect(outcome.status == 2 && outcome.errors.contains("hint: "), "\(wrong): \(outcome.errors)")
      }
    }
  }

  @Test func `the last good one serves until the new one is healthy, and when that fails`() async throws {
    try await TestHome.withServers { home in
      try await home.serving("--keep-last-good", "--", "python3", "plain.py", "shared") { _ in
        let first = try await home.until { $0.health == .healthy }
        let good = TestHome.text(home.server + "/plain.py")
        TestHome.write("syntax error here\n", to: home.server + "/plain.py")
        let kept = try await home.until { $0.last?.kind == .failed }
        #expect(kept.health == .healthy && kept.pid == first.pid && kept.last?.keepsLast == true)
        #expect(kept.lines.contains { $0.contains("SyntaxError") })
        #expect(await home.get(first.port)?.hasPrefix("one") == true)
        // Somebody asks all the time: never is nobody there.
        let asking = Task { () -> Int in
          var unanswered = 0
          while !Task.isCancelled { if await home.get(first.port) == nil { unanswered += 1 } }
          return unanswered
        }
        TestHome.write(good.replacingOccurrences(of: "\"one\"", with: "\"two\""), to: home.server + "/plain.py")
        let second = try await home.until { $0.last?.kind == .healthy && $0.pid != first.pid && $0.pending == 0 }
        #expect(second.pid != first.pid)
        let isGone = await eventually {
          guard let pid = first.pid.flatMap({ Processes.mark(of: Int32($0)) }) else { return true }
          return !Processes.isAlive(pid)
        }
        #expect(isGone)
        asking.cancel()
        // A connection that was made to the old one in its last moment may be cut: no more than that.
        #expect(await asking.value <= 1)
        #expect(await home.get(second.port)?.hasPrefix("two") == true)
      }
    }
  }

  @Test func `a uvicorn that is given its socket keeps serving while the next one comes up or fails`() async throws {
    try await TestHome.withServers { home in
      let uvicorn = [Checkout.python, "-m", "uvicorn", "star:app", "--fd", "3", "--log-level", "warning"]
      let running = try Running(
        [Checkout.programs + "/apus", "dev", "--keep-last-good", "--socket", "--"] + uvicorn,
        environment: home.environment, directory: home.server)
      let first = try await home.until { $0.health == .healthy }
      #expect(await home.get(first.port) == "one")
      let good = TestHome.text(home.server + "/star.py")
      TestHome.write("raise SystemExit('broken')\n", to: home.server + "/star.py")
      let kept = try await home.until { $0.last?.kind == .failed }
      #expect(kept.health == .healthy && kept.pid == first.pid)
      #expect(await home.get(first.port) == "one")
      TestHome.write(good.replacingOccurrences(of: "\"one\"", with: "\"two\""), to: home.server + "/star.py")
      let second = try await home.until { $0.last?.kind == .healthy && $0.pid != first.pid && $0.pending == 0 }
      let isNew = await eventually { await home.get(second.port) == "two" }
      #expect(isNew && second.pid != first.pid)
      running.kill(SIGTERM)
      let ended = try await running.finish()
      await running.release()
      #expect(ended.status == 143 && home.isFree(first.port))
    }
  }

  @Test func `a port that somebody has is an error that names who, and nobody is killed`() async throws {
    try await TestHome.withServers { home in
      let other = try #require(
        Program.start(
          ["/usr/bin/python3", "-m", "http.server", "4571", "--bind", "127.0.0.1"],
          environment: ["PATH": "/usr/bin:/bin"], directory: home.work))
      let isThere = await eventually { await home.get(4571) != nil }
      #expect(isThere)
      let refused = await home.apus("dev", "--port", "4571", "--", "python3", "plain.py")
      #expect(refused.status == 4)
      #expect(refused.errors.contains("port 4571 is taken by") && refused.errors.contains("pid \(other.pid)"))
      #expect(refused.errors.contains("http.server") && refused.errors.contains(", for "))
      #expect(await home.get(4571) != nil)
      kill(other.pid, SIGKILL)
      var status: Int32 = 0
      waitpid(other.pid, &status, 0)
      for end in [other.input, other.output, other.errors] { close(end) }
      // A session's port is named by the session.
      let session = try await home.session("new", "add-auth")
      let leased = try #require(session.ports["PORT"])
      let held = await home.apus("dev", "--json", "--port", "\(leased)", "--", "python3", "plain.py")
      #expect(held.status == 4 && held.output.contains("port.taken") && held.output.contains("session add-auth"))
    }
  }

  @Test func `a project's own name for its port holds it as well`() async throws {
    try await TestHome.withServers(settings: #"{"ports": {"UVICORN_PORT": 4580}}"#) { home in
      let said = await home.apus(
        "dev", "--no-reload", "--", "sh", "-c", "echo $PORT $UVICORN_PORT", directory: home.server)
      let ports = said.output.split { $0.isWhitespace }
      #expect(ports.count == 2 && ports[0] == ports[1] && (Int(ports[0]) ?? 0) >= 4580, "\(said.output) \(said.errors)")
    }
  }

  @Test func `two servers at once have names and ports of their own, and a name is had once`() async throws {
    try await TestHome.withServers { home in
      let one = try home.dev("--", "python3", "plain.py")
      _ = try await home.until { $0.health == .healthy }
      let two = try home.dev("--", "python3", "plain.py")
      let isBoth = try await eventually {
        let all = try await home.servers()
        return all.count == 2 && all.allSatisfy { $0.health == .healthy }
      }
      #expect(isBoth)
      let all = try await home.servers()
      #expect(all.map(\.name) == ["plain", "plain-2"])
      #expect(Set(all.compactMap(\.port)).count == 2)
      let refused = await home.apus("dev", "--name", "plain", "--", "python3", "plain.py", directory: home.server)
      #expect(refused.status == 4 && refused.errors.contains("a server plain runs already"))
      let unclear = await home.apus("dev", "reload")
      #expect(unclear.status == 2 && unclear.errors.contains("plain, plain-2"))
      #expect(await home.apus("dev", "stop").status == 0)
      for running in [one, two] {
        let ended = try await running.finish()
        #expect(ended.status == 0)
        await running.release()
      }
    }
  }

  @Test func `a server that writes what is watched is told of, for it would reload for ever`() async throws {
    try await TestHome.withServers { home in
      let script = "echo $$ > state.db; exec python3 plain.py"
      let said = try await home.serving("--", "sh", "-c", script) { _ in
        _ = try await home.until { $0.reloads >= 4 }
      }
      #expect(said.errors.contains("/state.db changes whenever the server starts"))
    }
  }

  @Test func `what is given wrongly is refused with what to do, and nothing is left`() async throws {
    try await TestHome.withServers { home in
      let wrong: [([String], String)] = [
        (["--", "no-such-program"], "no program"), (["uvicorn", "main:app"], "behind --"),
        (["--watch", "nowhere", "--", "true"], "no directory"), (["--port", "99999", "--", "true"], "--port"),
        (["--name", String(repeating: "n", count: 300), "--", "true"], "--name"),
        (["--settle", "soon", "--", "true"], "--settle"),
        (["--ignore", "[", "--", "true"], "pattern"), ([], "no command"), (["--name", "api"], "no server"),
        (["--session", "nobody", "--", "true"], "no session"), (["status", "--", "x"], "takes no command"),
        (["--", ""], "empty"), (["--", home.server], "run"), (["logs"], "no development server"),
        (["reload"], "no development server"),
      ]
      for (words, said) in wrong {
        let outcome = await Program.run(
          [Checkout.programs + "/apus", "dev"] + words, environment: home.environment, directory: home.server)
        #expect(outcome.status > 0 && outcome.status < 5, "\(words): \(outcome.status)")
        #expect(outcome.errors.contains(said) && outcome.errors.contains("hint: "), "\(words): \(outcome.errors)")
      }
      let left = try await home.servers()
      #expect(left.isEmpty)
    }
  }
}
