import ApusCore
import Testing

@Suite struct RunIDTests {
  private static let runs = "/var/apus/runs"

  @Test func `a mark names a run of this home, to the letter`() {
    let run = RunID(directory: "/var/apus/runs/9fb7/12", below: Self.runs)
    #expect(run == RunID(session: "9fb7", number: 12))
    #expect(run?.description == "9fb7/12")
    #expect(RunID(name: "k-9fb7-12", prefix: "k") == run)
    #expect(RunID(name: "t-0123456789abcdef-1", prefix: "t")?.session == "0123456789abcdef")
  }

  @Test(arguments: [
    "", "/var/apus/runs", "/var/apus/runs/", "/var/apus/runs/9fb7", "/var/apus/runs/9fb7/", "/var/apus/runs/9fb7/1/",
    "/var/apus/runs/9fb7/1/x", "/var/apus/runs/9fb7/0", "/var/apus/runs/9fb7/01", "/var/apus/runs/9fb7/+1",
    "/var/apus/runs/9fb7/-1", "/var/apus/runs/9fb7/1 ", "/var/apus/runs/9FB7/1", "/var/apus/runs/9fb/1",
    "/var/apus/runs/../1", "/var/apus/runs/..//1", "/var/apus/runs//9fb7/1", "/var/apus/runs2/9fb7/1",
    "/var/apus/../apus/runs/9fb7/1", "/elsewhere/runs/9fb7/1", "x/var/apus/runs/9fb7/1",
    "/var/apus/runs/9fb7/99999999999999999999", "/var/apus/runs/0123456789abcdef0/1",
  ])
  func `what is almost a mark of ours is none`(_ path: String) {
    #expect(RunID(directory: path, below: Self.runs) == nil)
  }

  @Test(arguments: ["k-9fb7", "k-9fb7-", "k-9fb7-1-2", "k--1", "k9fb7-1", "kk-9fb7-1", "t-9fb7-1", "k-9fb7-1.pruned"])
  func `what is almost a socket of ours is none`(_ name: String) { #expect(RunID(name: name, prefix: "k") == nil) }

  @Test func `another boot is one that both know, and that differs`() {
    var run = Run(
      session: "9fb7", number: 1, directory: "", socket: "", startedAt: 0, continuing: false, leaseToken: 1)
    #expect(!run.isOfAnotherBoot(than: "a"))
    run.boot = "a"
    #expect(!run.isOfAnotherBoot(than: "a"))
    #expect(!run.isOfAnotherBoot(than: nil))
    #expect(run.isOfAnotherBoot(than: "b"))
  }

  @Test func `a share of a processor is counted from the last look, else from the start`() {
    func percent(_ used: Double, _ before: Double?, _ started: Double, _ last: Double?) -> Double {
      ProcessorShare.percent(used: used, usedBefore: before, started: started, lastLook: last, now: 100)
    }
    #expect(percent(11, 10, 0, 98) == 50)
    #expect(percent(14, 10, 0, 98) == 200)
    #expect(percent(5, nil, 90, nil) == 50)
    // It began after the last look, or was not known although it was there.
    #expect(percent(1, nil, 99, 98) == 100)
    #expect(percent(1, nil, 50, 98) == 50)
    #expect(percent(0, nil, 100, nil) == 0)
    #expect(percent(9, 10, 0, 98) == 0)
  }
}
