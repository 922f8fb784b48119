import ApusCore
import ApusLink
import ApusLoop
import ApusWire
import CSystem

// What runs consist of and what they take, as outsiders ask for it.

extension Coordinator {
  /// Measures anew what these sessions take, where it is not known yet.
  func measure(_ chosen: [Session]) async {
    if chosen.contains(where: { live[$0.id] != nil }) { _ = await figures.look() }
    await figures.weigh(chosen.map { ($0.id, $0.run, live[$0.id] != nil) })
  }

  /// The tree of each live session, or of those that are named, whatever is left of them.
  package func processes(_ request: ProcessesRequest) async throws -> [RunProcesses] {
    var named: [Session] = []
    for text in request.sessions { named.append(try require(text)) }
    guard let sample = await figures.look(noOlderThan: 0) else {
      throw Failure(
        .internalError, "the processes of this machine cannot be looked at", hint: "is /proc mounted, and readable?")
    }
    let chosen = named.isEmpty ? sessions.values.filter { live[$0.id] != nil } : named
    return chosen.sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }.flatMap { session in
      var runs = sample.runs.filter { $0.key.session == session.id }
      if runs.isEmpty { runs[RunID(session: session.id, number: session.run)] = [] }
      return runs.sorted { $0.key < $1.key }.map { run, seen in
        RunProcesses(id: session.id, name: session.name, run: run.number, processes: tree(seen, at: sample.at))
      }
    }
  }

  /// Each after its parent, oldest first.
  private func tree(_ seen: [Figures.Seen], at: Double) -> [ProcessObject] {
    let sorted = seen.sorted {
      ($0.member.role, $0.member.mark.start, $0.member.mark.pid) < (
        $1.member.role, $1.member.mark.start, $1.member.mark.pid
      )
    }
    let inside = Set(sorted.map(\.member.mark.pid))
    let below = Dictionary(grouping: sorted.filter { inside.contains($0.member.parent) }, by: \.member.parent)
    var objects: [ProcessObject] = []
    var left = sorted.filter { !inside.contains($0.member.parent) }.reversed().map { ($0, 0) }
    while let (one, depth) = left.popLast() {
      let member = one.member
      objects.append(
        ProcessObject(
          pid: Int(member.mark.pid), parent: Int(member.parent), start: member.mark.start,
          startedAt: now - (apus_boot_seconds() - member.startedAt), age: max(0, at - member.startedAt),
          role: member.role, state: member.state, command: one.command, memory: one.memory,
          cpu: (one.cpu * 10).rounded() / 10, listening: one.listening, depth: depth))
      left += (below[member.mark.pid] ?? []).reversed().map { ($0, depth + 1) }
    }
    return objects
  }
}
