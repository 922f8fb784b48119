import ApusCore
import ApusTesting
import ApusWire
import Glibc
import Testing

/// Ending what is just being started: its keeper is not there yet, and must hear of it as soon as it is.
@Suite struct EarlyStopTests {
  @Test(arguments: [["stop", "one"], ["stop", "one", "--now"], ["stop", "--all"], ["down", "--end"]])
  func `what is ended before its keeper is there ends once it is`(_ command: [String]) async throws {
    try await TestHome.withRepository(agent: Checkout.scriptedAgent) { home in
      let gate = home.root + "/gate"
      TestHome.write("", to: gate)
      let apus = try await programs(home, gate)
      let environment = home.environment
      func run(_ words: [String]) async -> Outcome {
        await Program.run([apus] + words, environment: environment, directory: home.work, seconds: 100)
      }
      #expect(await run(["up"]).status == 0)
      async let made = run(["new", "one", "--here", "--prompt", "say: hello"])
      #expect(await eventually { home.daemonLog().contains("created in") && TestHome.text(gate) == "waited\n" })
      async let ended = run(command)
      #expect(await eventually { home.daemonLog().contains(": stop") })
      unlink(gate)
      let (first, second) = await (made, ended)
      #expect(first.status != 0 && first.errors.contains("stopped before its agent was ready"), "\(first)")
      #expect(second.status == 0, "\(second)")
      // The next daemon, where the last one was to end as well, knows the same.
      let session: SessionObject = try await home.json("show", "one")
      #expect(session.state == .ended && session.problem == nil)
      // What it was to do is not lost.
      let resumed = await home.apus("resume", "one", "--wait")
      #expect(resumed.status == 0 && resumed.output.contains("hello"), "\(resumed)")
    }
  }

  /// The programs again, with a keeper that waits at the gate before it begins; `apus` of them.
  private func programs(_ home: TestHome, _ gate: String) async throws -> String {
    let directory = home.root + "/programs"
    mkdir(directory, 0o700)
    for name in ["apus", "apusd"] {
      let copied = await Program.run(
        ["/bin/cp", Checkout.programs + "/" + name, directory], environment: [:], directory: "/")
      try #require(copied.status == 0)
    }
    let keeper = """
      #!/bin/sh
      [ -e '\(gate)' ] && echo waited > '\(gate)'
      while [ -e '\(gate)' ]; do /bin/sleep 0.02; done
      exec '\(Checkout.programs)/apus-keeper' "$@"

      """
    Disk.write(keeper, to: directory + "/apus-keeper", mode: 0o755)
    return directory + "/apus"
  }
}
