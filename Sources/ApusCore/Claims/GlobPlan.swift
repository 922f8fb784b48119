/// A machine being built, piece by piece.
///
/// A state takes edges out only; none comes back to a state that a piece began with. So one state may stand for
/// several places of a pattern that the same words lead to, and alternatives share their beginning.
struct GlobPlan {
  /// Where a piece begins or ends: the state for each way of standing in a component.
  private struct Ends {
    /// At a component's beginning; its `/` is read with its first character, and never where the component is empty.
    var pending: Int?
    /// The same after a `*` that read nothing: the component must not stay empty.
    var empty: Int?
    /// Within a component.
    var inside: Int?
    /// After a `**` that was a whole component.
    var whole: Int?
  }

  private(set) var edges: [[GlobAutomaton.Edge]] = []
  private(set) var steps: [[Int]] = []

  /// State 0 is where it begins; the result is where it ends.
  mutating func build(_ nodes: [GlobNode]) -> Int {
    let start = newState()
    let ends = sequence(nodes, Ends(pending: start))
    let end = newState()
    for state in [ends.pending, ends.inside, ends.whole].compactMap(\.self) { steps[state].append(end) }
    anyComponents(end)
    return end
  }

  /// Which states can come to `end`.
  func leadsTo(_ end: Int) -> [Bool] {
    var sources = [[Int]](repeating: [], count: edges.count)
    for state in edges.indices {
      for edge in edges[state] { sources[edge.target].append(state) }
      for target in steps[state] { sources[target].append(state) }
    }
    var result = [Bool](repeating: false, count: edges.count)
    result[end] = true
    var waiting = [end]
    while let state = waiting.popLast() {
      for source in sources[state] where !result[source] {
        result[source] = true
        waiting.append(source)
      }
    }
    return result
  }

  private mutating func newState() -> Int {
    edges.append([])
    steps.append([])
    return edges.count - 1
  }

  private mutating func connect(_ from: Int?, _ ranges: [ClosedRange<UInt32>], _ target: Int) {
    guard let from else { return }
    for range in ranges {
      edges[from].append(GlobAutomaton.Edge(low: range.lowerBound, high: range.upperBound, target: target))
    }
  }

  private mutating func sequence(_ nodes: [GlobNode], _ start: Ends) -> Ends {
    var ends = start
    for node in nodes {
      switch node {
      case .character(let scalar):
        let code = GlobSyntax.code(scalar)
        ends = Ends(inside: character([code...code], ends))
      case .classOf(let ranges): ends = Ends(inside: character(ranges, ends))
      case .separator: ends = Ends(pending: joined([ends.pending, ends.inside, ends.whole]))
      case .run: ends = run(ends)
      case .components:
        let whole = ends.pending.map { state in
          let whole = newState()
          steps[state].append(whole)
          anyComponents(whole)
          return whole
        }
        ends = run(ends)
        ends.whole = whole
      case .alternatives(let branches):
        let all = branches.map { sequence($0, ends) }
        ends = Ends(
          pending: joined(all.map(\.pending)), empty: joined(all.map(\.empty)), inside: joined(all.map(\.inside)),
          whole: joined(all.map(\.whole)))
      }
    }
    return ends
  }

  private mutating func character(_ ranges: [ClosedRange<UInt32>], _ start: Ends) -> Int? {
    guard start.pending != nil || start.empty != nil || start.inside != nil else { return nil }
    let end = newState()
    connect(start.inside, ranges, end)
    if start.pending != nil || start.empty != nil {
      let first = newState()
      for state in Set([start.pending, start.empty].compactMap(\.self)) {
        connect(state, [GlobSyntax.slash...GlobSyntax.slash], first)
      }
      connect(first, ranges, end)
    }
    return end
  }

  private mutating func run(_ start: Ends) -> Ends {
    guard let end = character(GlobSyntax.notSlash, start) else { return Ends() }
    connect(end, GlobSyntax.notSlash, end)
    if let inside = start.inside { steps[inside].append(end) }
    return Ends(empty: joined([start.pending, start.empty]), inside: end)
  }

  /// Any number of components from here on, and back to here.
  private mutating func anyComponents(_ state: Int) {
    let (first, rest) = (newState(), newState())
    connect(state, [GlobSyntax.slash...GlobSyntax.slash], first)
    connect(first, GlobSyntax.notSlash, rest)
    connect(rest, GlobSyntax.notSlash, rest)
    steps[rest].append(state)
  }

  private mutating func joined(_ states: [Int?]) -> Int? {
    let states = Set(states.compactMap(\.self))
    guard states.count > 1 else { return states.first }
    let result = newState()
    for state in states { steps[state].append(result) }
    return result
  }
}
