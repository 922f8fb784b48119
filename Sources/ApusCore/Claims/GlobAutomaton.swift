/// A pattern as a machine that reads a path, each component with a `/` before it: `/src/a.swift`.
///
/// Two patterns meet where both machines can read one word to the end. All pairs of states that one word leads to are
/// walked once, so the work is bounded by the product of the sizes, and sizes grow with the text only: alternatives
/// are never multiplied out.
struct GlobAutomaton: Sendable {
  struct Edge: Sendable {
    var low: UInt32
    var high: UInt32
    var target: Int
  }

  /// Of state n: `edges[edgeStarts[n]..<edgeStarts[n + 1]]`, and the same of steps that read nothing.
  private var edges: [Edge] = []
  private var edgeStarts: [Int] = [0]
  private var steps: [Int] = []
  private var stepStarts: [Int] = [0]
  private let accepting: Int

  private var count: Int { edgeStarts.count - 1 }

  /// Nil where no path at all matches.
  init?(_ nodes: [GlobNode]) {
    var plan = GlobPlan()
    accepting = plan.build(nodes)
    let isUseful = plan.leadsTo(accepting)
    guard isUseful[0] else { return nil }
    for state in 0..<plan.edges.count {
      edges += plan.edges[state].filter { isUseful[$0.target] }
      edgeStarts.append(edges.count)
      steps += plan.steps[state].filter { isUseful[$0] }
      stepStarts.append(steps.count)
    }
  }

  func matches(_ path: String) -> Bool {
    read(path).contains(accepting)
  }

  /// Whether the path or anything below it matches. Every state left leads to the end, and what comes next after a
  /// `/` is a component.
  func meets(_ path: String) -> Bool {
    read(path).contains { state in
      state == accepting || edges[edgeStarts[state]..<edgeStarts[state + 1]].contains { $0.low == GlobSyntax.slash }
    }
  }

  /// The states in which the machine may be after a path.
  private func read(_ path: String) -> [Int] {
    var mark = [Int](repeating: -1, count: count)
    var states: [Int] = []
    enter(0, &states, &mark, 0)
    guard !path.isEmpty else { return states }
    var round = 0
    func step(_ code: UInt32) {
      round += 1
      var next: [Int] = []
      for state in states {
        for edge in edges[edgeStarts[state]..<edgeStarts[state + 1]] where edge.low <= code && code <= edge.high {
          enter(edge.target, &next, &mark, round)
        }
      }
      states = next
    }
    step(GlobSyntax.slash)
    for scalar in path.unicodeScalars {
      if states.isEmpty { break }
      step(GlobSyntax.code(scalar))
    }
    return states
  }

  private func enter(_ state: Int, _ states: inout [Int], _ mark: inout [Int], _ round: Int) {
    guard mark[state] != round else { return }
    mark[state] = round
    var next = states.count
    states.append(state)
    while next < states.count {
      let state = states[next]
      next += 1
      for target in steps[stepStarts[state]..<stepStarts[state + 1]] where mark[target] != round {
        mark[target] = round
        states.append(target)
      }
    }
  }

  func meets(_ other: GlobAutomaton) -> Bool {
    let width = other.count
    var seen = [UInt64](repeating: 0, count: (count * width + 63) / 64)
    var waiting: [(Int, Int)] = []
    func visit(_ one: Int, _ two: Int) {
      let pair = one * width + two
      guard seen[pair >> 6] & (1 << UInt64(pair & 63)) == 0 else { return }
      seen[pair >> 6] |= 1 << UInt64(pair & 63)
      waiting.append((one, two))
    }
    visit(0, 0)
    while let (one, two) = waiting.popLast() {
      if one == accepting, two == other.accepting { return true }
      for target in steps[stepStarts[one]..<stepStarts[one + 1]] { visit(target, two) }
      for target in other.steps[other.stepStarts[two]..<other.stepStarts[two + 1]] { visit(one, target) }
      for edge in edges[edgeStarts[one]..<edgeStarts[one + 1]] {
        for twin in other.edges[other.edgeStarts[two]..<other.edgeStarts[two + 1]]
        where max(edge.low, twin.low) <= min(edge.high, twin.high) {
          visit(edge.target, twin.target)
        }
      }
    }
    return false
  }
}
