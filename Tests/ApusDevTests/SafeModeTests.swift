import ApusCore
import ApusLink
import ApusTesting
import ApusWire
import CSystem
import Foundation
import Glibc
import Testing

/// Row A2: the ways to safe mode of seed 000, with one result: nothing reloads, changes are counted, and are loaded when
/// somebody asks.
@Suite struct SafeModeTests {
  private static let main = """
    import http.server, os

    TEXT = "one"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write((TEXT + " " + os.environ.get("SAFE_RELOAD_MODE", "-")).encode())

        def log_message(self, *_):
            pass

    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    """

  /// Runs those words in `backend`, and sees that what they start is in safe mode.
  private func expectSafe(
    _ home: TestHome, _ words: [String], environment: [String: String] = [:], why: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let backend = home.work + "/backend"
    TestHome.write(Self.main, to: backend + "/main.py")
    let running = try Running(words, environment: home.environment.merging(environment) { $1 }, directory: backend)
    let first = try await home.until { $0.health == .healthy }
    #expect(!first.reload && first.reloadWhy == why, "\(first)", sourceLocation: sourceLocation)
    // Whoever decides by itself whether to reload decides as we do.
    #expect(await home.get(first.port) == "one true", sourceLocation: sourceLocation)
    TestHome.write(Self.main.replacingOccurrences(of: "one", with: "two"), to: backend + "/main.py")
    let counted = try await home.until { $0.pending == 1 }
    #expect(counted.pid == first.pid && counted.reloads == 0, sourceLocation: sourceLocation)
    #expect(await home.get(first.port) == "one true", sourceLocation: sourceLocation)
    let asked = await home.apus("dev", "reload", directory: backend)
    #expect(asked.status == 0 && asked.output.contains("reloaded at change 1, healthy"), sourceLocation: sourceLocation)
    #expect(await home.get(first.port) == "two true", sourceLocation: sourceLocation)
    running.kill(SIGTERM)
    let ended = try await running.finish()
    await running.release()
    #expect(ended.errors.contains("safe mode (\(why))"), "\(ended.errors)", sourceLocation: sourceLocation)
    #expect(ended.errors.contains("1 change waits for `apus dev reload`"), sourceLocation: sourceLocation)
  }

  private func withBackend(_ body: (TestHome) async throws -> Void) async throws {
    try await TestHome.withServers { home in
      mkdir(home.work + "/backend", 0o755)
      TestHome.write(Self.main, to: home.work + "/backend/main.py")
      try await body(home)
    }
  }

  private static let apus = Checkout.programs + "/apus"

  @Test func `way one is the script that never reloads`() async throws {
    try await withBackend { home in
      let made = await home.apus("init", "--scripts", directory: home.work + "/backend")
      #expect(
        made.status == 0 && made.output.contains("backend/start_safe.sh: created"), "\(made.output) \(made.errors)")
      try await expectSafe(home, [home.work + "/backend/start_safe.sh"], why: "--no-reload")
      // What a person made of it stays theirs.
      TestHome.write("#!/bin/sh\n# mine\n", to: home.work + "/backend/start_safe.sh")
      let again = await home.apus("init", "--scripts", directory: home.work + "/backend")
      #expect(again.output.contains("start_safe.sh: kept") && again.output.contains("start_dev.sh: same"))
      #expect(TestHome.text(home.work + "/backend/start_safe.sh").contains("# mine"))
    }
  }

  @Test func `way two is the development script with a flag, and without it that reloads`() async throws {
    try await withBackend { home in
      _ = await home.apus("init", "--scripts", "--server", "python3 main.py", directory: home.work + "/backend")
      try await expectSafe(home, [home.work + "/backend/start_dev.sh", "--no-reload"], why: "--no-reload")
      let running = try Running(
        [home.work + "/backend/start_dev.sh"], environment: home.environment, directory: home.work)
      let first = try await home.until { $0.health == .healthy }
      #expect(first.reload && first.watches == [home.work + "/backend"])
      TestHome.write(Self.main.replacingOccurrences(of: "one", with: "three"), to: home.work + "/backend/main.py")
      _ = try await home.until { $0.reloads == 1 && $0.health == .healthy }
      #expect(await home.get(first.port) == "three -")
      running.kill(SIGTERM)
      _ = try await running.finish()
      await running.release()
    }
  }

  @Test func `way three is a variable, in the environment or in the project's file`() async throws {
    try await withBackend { home in
      let words = [Self.apus, "dev", "--", "python3", "main.py"]
      try await expectSafe(
        home, words, environment: ["SAFE_RELOAD_MODE": "true", "DEBUG": "true"],
        why: "SAFE_RELOAD_MODE=true, environment")
      TestHome.write("# ours\nexport SAFE_RELOAD_MODE='true'\n", to: home.work + "/backend/.env")
      try await expectSafe(home, words, why: "SAFE_RELOAD_MODE=true, .env:2")
      TestHome.write("DEBUG=false\n", to: home.work + "/backend/.env")
      try await expectSafe(home, words, why: "DEBUG=false, .env:1")
    }
  }

  @Test func `way four is the server's own command without reloading`() async throws {
    try await withBackend { home in
      try await expectSafe(home, [Self.apus, "dev", "--no-reload", "--", "python3", "main.py"], why: "--no-reload")
    }
  }

  @Test func `in safe mode the exit code of the command is passed on`() async throws {
    try await TestHome.withServers { home in
      for code in [0, 7] {
        let ended = await home.apus("dev", "--no-reload", "--", "sh", "-c", "exit \(code)")
        #expect(ended.status == Int32(code), "\(ended.errors)")
      }
      let killed = await home.apus("dev", "--no-reload", "--", "sh", "-c", "kill -KILL $$")
      #expect(killed.status == 137)
      // What it writes comes through, each on its own side.
      let said = await home.apus("dev", "--no-reload", "--", "sh", "-c", "echo out; echo err >&2")
      #expect(said.output == "out\n" && said.errors.contains("\nerr\n"))
    }
  }

  @Test func `a reloader of the command's own and a line of the file nobody can read are named`() async throws {
    try await TestHome.withServers { home in
      TestHome.write("GOOD=1\nthis is no line\nexport ALSO='x'\n", to: home.server + "/.env")
      let ended = await home.apus(
        "dev", "--no-reload", "--", "sh", "-c", ": uvicorn main:app --reload; exit 0", directory: home.server)
      #expect(ended.errors.contains("uvicorn --reload restarts the server by itself"))
      #expect(ended.errors.contains("/.env:2: no `=`; the line is passed over"))
      TestHome.write("OPEN=\"never closed\n", to: home.server + "/.env")
      let refused = await home.apus("dev", "--", "true", directory: home.server)
      #expect(refused.status == 2 && refused.errors.contains(".env:1") && refused.errors.contains("hint: "))
      TestHome.write("SAFE_RELOAD_MODE=perhaps\n", to: home.server + "/.env")
      let unclear = await home.apus("dev", "--", "true", directory: home.server)
      #expect(unclear.status == 2 && unclear.errors.contains("neither true nor false"))
    }
  }
}
