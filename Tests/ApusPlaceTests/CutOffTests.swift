import ApusCore
import ApusLink
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Row C1, C8, C12: the daemon is killed in the middle of making, merging and removing places. What follows finds no half
/// of anything, and no commit or file is lost. `APUS_SOAK=1` makes it a hundred kills of each.
@Suite struct CutOffTests {
  private static let kills = getenv("APUS_SOAK") == nil ? 8 : 100

  /// Begins that command, kills the daemon at a random moment of it, and has the next one put things right.
  private func cutOff(_ home: TestHome, _ random: inout Seeded, _ arguments: [String], within: Int) async throws {
    try await home.cutOff(arguments, afterMilliseconds: random.below(within))
    // The next daemon puts it right before it answers that all is well.
    let up = await home.apus("up")
    #expect(up.status == 0, "\(up.errors) \(home.daemonLog().suffix(1500))")
    // A keeper may take a moment to be found.
    var findings: [Finding] = []
    let isWell = try await eventually {
      findings = try await home.problems("--mend")
      return findings.isEmpty
    }
    #expect(isWell, "\(arguments): \(findings)")
  }

  /// Nothing that no session owns: neither directory nor branch nor entry of git's nor lease.
  private func expectWhole(_ home: TestHome, _ what: String) async throws {
    let all: [SessionObject] = try await home.json("list", "--all")
    let owned = Set(all.filter { $0.state != .archived }.compactMap(\.worktree))
    let known = await home.git("worktree", "list", "--porcelain").split(separator: "\n")
      .filter { $0.hasPrefix("worktree ") }.map { String($0.dropFirst(9)) }.filter { $0 != home.work }
    #expect(Set(known) == owned, "\(what)")
    let directories = Set(
      (await Program.run(
        ["/usr/bin/find", home.apusHome + "/worktrees", "-mindepth", "2", "-maxdepth", "2"],
        environment: home.environment, directory: "/"
      )
      .output).split(separator: "\n").map(String.init))
    #expect(directories == owned, "\(what)")
    let branches = Set(await home.git("branch", "--format=%(refname:short)").split(separator: "\n").map(String.init))
    #expect(branches == Set(all.filter { $0.state != .archived }.compactMap(\.branch)).union(["main"]), "\(what)")
    let ports: [PortObject] = try await home.json("ports")
    #expect(Set(ports.map(\.port)) == Set(all.flatMap { $0.ports.values }), "\(what)")
    #expect(await home.git("fsck", "--no-dangling", "--connectivity-only").isEmpty, "\(what)")
    let locks = await Program.run(
      ["/usr/bin/find", home.work + "/.git", "-name", "*.lock", "-size", "-1", "-not", "-name", "apus*"],
      environment: home.environment, directory: "/")
    #expect(locks.output.isEmpty, "\(what)")
  }

  @Test func `a session cut off while it is made is there whole or not at all, and its name is free`() async throws {
    try await TestHome.withRepository { home in
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      for number in 0..<Self.kills {
        try await cutOff(home, &random, ["new", "n", "--component", "server"], within: 90)
        try await expectWhole(home, "kill \(number)")
        let all: [SessionObject] = try await home.json("list")
        for session in all {
          #expect(await home.git("status", "--porcelain", directory: session.directory).isEmpty)
          #expect(await home.apus("remove", session.name, "--stop").status == 0)
        }
        // The name is free, whatever became of it.
        let made = try await home.session("new", "n")
        #expect(TestHome.text(made.directory + "/shared.txt") == "one\ntwo\nthree\n")
        #expect(await home.apus("remove", "n", "--stop").status == 0)
      }
    }
  }

  @Test func `a merge that is cut off has moved the base and says so, or has moved nothing`() async throws {
    try await TestHome.withRepository(settings: #"{"test": "test -e shared.txt"}"#) { home in
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      for number in 0..<Self.kills {
        let made = try await home.session("new", "m")
        #expect(await home.apus("stop", "m").status == 0)
        let commit = await home.commit("server/m\(number).txt", "\(number)\n", in: made.directory)
        let before = await home.git("rev-parse", "main")
        try await cutOff(home, &random, ["merge", "m"], within: 120)
        try await expectWhole(home, "kill \(number)")
        let after = await home.git("rev-parse", "main")
        let shown = try await home.session("show", "m")
        #expect(after == before || after == commit, "kill \(number)")
        #expect((shown.merged != nil) == (after == commit), "kill \(number)")
        let left = await home.git("status", "--porcelain")
        #expect(left.isEmpty, "kill \(number): \(left) \(before == after) \(home.daemonLog().suffix(600))")
        #expect(await home.git("rev-parse", "HEAD", directory: made.directory) == commit)
        let again = await home.apus("merge", "m")
        #expect(again.status == 0, "\(again.errors)")
        #expect(await home.git("rev-parse", "main") == commit)
        #expect(await home.apus("remove", "m").status == 0)
      }
    }
  }

  @Test func `a removal that is cut off is complete or has not begun, and nothing of it is lost`() async throws {
    try await TestHome.withRepository { home in
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      for number in 0..<Self.kills {
        let made = try await home.session("new", "r")
        #expect(await home.apus("stop", "r").status == 0)
        let commit = await home.commit("ui/r.txt", "\(number)\n", in: made.directory)
        TestHome.write("changed \(number)\n", to: made.directory + "/shared.txt")
        TestHome.write("loose \(number)\n", to: made.directory + "/loose.txt")
        let overruled = ["--discard-uncommitted", "--discard-unpushed"]
        try await cutOff(home, &random, ["remove", "r"] + overruled, within: 120)
        try await expectWhole(home, "kill \(number)")
        let all: [SessionObject] = try await home.json("list")
        if all.isEmpty {
          #expect(await home.apus("undo").status == 0, "kill \(number)")
        }
        let back = try await home.session("show", "r")
        let directory = try #require(back.worktree)
        #expect(await home.git("rev-parse", "HEAD", directory: directory) == commit, "kill \(number)")
        #expect(TestHome.text(directory + "/shared.txt") == "changed \(number)\n", "kill \(number)")
        #expect(TestHome.text(directory + "/loose.txt") == "loose \(number)\n", "kill \(number)")
        let gone = await home.run(["remove", "r"] + overruled)
        #expect(gone.status == 0, "\(gone.errors)")
      }
    }
  }
}
