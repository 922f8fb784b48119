import ApusCore
import Testing

/// The rule of `apus prune`: observations in, plan out.
@Suite struct PruneTests {
  private let run = RunID(session: "9fb7", number: 2)

  private func process(_ pid: Int32, _ role: ProcessRole, start: UInt64 = 7) -> Leftovers.Process {
    Leftovers.Process(
      mark: ProcessMark(pid: pid, start: start), run: run, role: role, command: "command \(pid)", bytes: 100)
  }

  private func seen(_ standing: Leftovers.Standing, processes: [Leftovers.Process]? = []) -> Leftovers {
    let file = Leftovers.File(run: run, path: "/x", bytes: 1)
    return Leftovers(
      processes: processes, standing: [run: standing], sessions: ["9fb7"], sockets: [file], temporary: [file],
      drafts: [file], directories: [])
  }

  @Test(arguments: [Leftovers.Standing.live, .open])
  func `of a run that lives or may live nothing goes`(_ standing: Leftovers.Standing) {
    let all = seen(standing, processes: [process(1, .keeper), process(2, .agent), process(3, .child)])
    #expect(all.plan == [])
  }

  @Test(arguments: [Leftovers.Standing.over, .unrecorded, .unknownSession])
  func `of a run that is surely over all goes, processes before their keeper, and files last`(
    _ standing: Leftovers.Standing
  ) {
    let all = seen(
      standing, processes: [process(9, .keeper, start: 1), process(3, .child, start: 9), process(2, .agent, start: 8)])
    let plan = all.plan
    #expect(plan.map(\.kind) == [.process, .process, .keeper, .socket, .temporary])
    #expect(plan.compactMap(\.pid) == [2, 3, 9])
    #expect(plan.allSatisfy { $0.runID == run && !$0.why.isEmpty })
    #expect(plan[0].mark == ProcessMark(pid: 2, start: 8))
    // A draft may still have its writer; without one it goes.
    #expect(seen(standing).plan.map(\.kind) == [.socket, .temporary, .draft])
  }

  @Test func `a run of which nothing is known is left alone`() {
    var all = seen(.over, processes: [process(2, .agent)])
    all.standing = [:]
    #expect(all.plan == [])
  }

  @Test func `where processes cannot be read only dead sockets go`() {
    var all = seen(.over, processes: nil)
    all.directories = [Leftovers.Directory(session: "aaaa", path: "/runs/aaaa", bytes: 5, isHalfRemoved: false)]
    #expect(all.plan.map(\.kind) == [.socket])
  }

  @Test func `runs of a session that is known stay, those of an unknown one go, and what was begun is finished`() {
    var all = seen(.live)
    all.directories = [
      Leftovers.Directory(session: "9fb7", path: "/runs/9fb7", bytes: 5, isHalfRemoved: false),
      Leftovers.Directory(session: "9fb7", path: "/runs/9fb7.pruned", bytes: 5, isHalfRemoved: true),
      Leftovers.Directory(session: "aaaa", path: "/runs/aaaa", bytes: 5, isHalfRemoved: false),
    ]
    #expect(all.plan.map(\.path) == ["/runs/9fb7.pruned", "/runs/aaaa"])
    #expect(all.plan.allSatisfy { $0.kind == .directory && $0.run == nil })
  }

  @Test func `an item is the same by what it means, not by how it looks`() throws {
    let one = try #require(seen(.over, processes: [process(2, .agent)]).plan.first)
    var other = one
    other.bytes = 5
    other.why = "else"
    #expect(one.isSame(as: other))
    other.start = 8
    #expect(!one.isSame(as: other))
    let text = try JSONText.string(one)
    #expect(try JSONText.decode(PruneItem.self, from: Array(text.utf8)) == one)
  }
}
