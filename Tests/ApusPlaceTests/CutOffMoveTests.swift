import ApusCore
import ApusLink
import ApusTestKit
import ApusTesting
import ApusWire
import CSystem
import Glibc
import Testing

/// Rows C11, C12: the daemon is killed while commits are moved, or while a removed place is brought back. Nothing is lost,
/// nothing is left, and it can be done again.
@Suite struct CutOffMoveTests {
  private static let kills = getenv("APUS_SOAK") == nil ? 6 : 100

  /// Begins that command, kills the daemon at a random moment of it, and has the next one put things right.
  private func cutOff(_ home: TestHome, _ random: inout Seeded, _ arguments: [String], within: Int) async throws {
    try await home.cutOff(arguments, afterMilliseconds: random.below(within))
    // What the last one started goes on to its end.
    #expect(await eventually { Processes.carrying("GIT_TERMINAL_PROMPT=0").allSatisfy { !home.owns($0) } })
    var findings: [Finding] = []
    let isWell = try await eventually {
      findings = try await home.problems("--mend")
      return findings.isEmpty
    }
    #expect(isWell, "\(arguments): \(findings)")
  }

  @Test func `commits that are moved when the daemon dies are on one of the branches, or on both`() async throws {
    try await TestHome.withRepository { home in
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      await home.git("branch", "other")
      // A session makes it a repository that is looked after.
      let session = try await home.quiet("a")
      for number in 0..<Self.kills {
        let before = await home.head()
        let tip = await home.commit("ui/\(number).txt", "\(number)\n", in: home.work, message: "commit \(number)")
        let target = number % 2 == 0 ? "other" : "a"
        let branch = target == "a" ? try #require(session.branch) : target
        try await cutOff(home, &random, ["move-commits", "main", target, "--last", "1"], within: 160)
        let head = await home.head()
        #expect(head == before || head == tip, "kill \(number)")
        let there = await home.git("log", "--format=%s", branch).split(separator: "\n").first == "commit \(number)"
        #expect(there || head == tip, "kill \(number)")
        #expect(await home.status().isEmpty, "kill \(number)")
        #expect(await home.status(session.directory).isEmpty, "kill \(number)")
        #expect(await home.git("worktree", "list").split(separator: "\n").count == 2, "kill \(number)")
        #expect(Disk.everything(below: home.apusHome + "/scratch").count <= 1, "kill \(number)")
        #expect(await home.git("fsck", "--no-dangling", "--connectivity-only").isEmpty)
        await home.git("reset", "--quiet", "--keep", tip)
      }
    }
  }

  @Test func `an undo that is cut off is complete, or can be done again`() async throws {
    try await TestHome.withRepository { home in
      var random = Seeded(UInt64(apus_monotonic_milliseconds()))
      let made = try await home.quiet("a")
      let tip = await home.commit("ui/a.txt", "a\n", in: made.directory)
      TestHome.write("staged\n", to: made.directory + "/shared.txt")
      await home.git("add", "shared.txt", directory: made.directory)
      TestHome.write("loose\n", to: made.directory + "/loose.txt")
      for number in 0..<Self.kills {
        #expect(await home.apus("remove", "a", "--discard-uncommitted", "--discard-unpushed").status == 0)
        try await cutOff(home, &random, ["undo"], within: 160)
        let left: [SessionObject] = try await home.json("list")
        if left.isEmpty {
          let again = await home.apus("rescue", "restore", "a")
          #expect(again.status == 0, "kill \(number): \(again.errors)")
        }
        let back = try await home.session("show", "a")
        #expect(back.worktree == made.directory)
        #expect(await home.head(made.directory) == tip, "kill \(number)")
        #expect(await home.status(made.directory) == "M  shared.txt\n?? loose.txt", "kill \(number)")
        #expect(TestHome.text(made.directory + "/shared.txt") == "staged\n")
        #expect(TestHome.text(made.directory + "/loose.txt") == "loose\n")
        #expect(await home.git("worktree", "list").split(separator: "\n").count == 2, "kill \(number)")
        #expect(await home.git("fsck", "--no-dangling", "--connectivity-only").isEmpty)
        let ports: [PortObject] = try await home.json("ports")
        #expect(ports.map(\.port) == Array(back.ports.values), "kill \(number)")
      }
    }
  }
}

extension TestHome {
  /// Whether a process was started for this home.
  fileprivate func owns(_ mark: ProcessMark) -> Bool {
    apus_process_environment_has(mark.pid, "HOME=" + person) == 1
  }
}
